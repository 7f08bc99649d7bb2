"""Export a report as a single HTML file with embedded style, script and charts, and a policy that blocks loading."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from edgetool.platform.columns import Table
from edgetool.platform.foreign import one_line
from edgetool.reports.report import Report
from edgetool.reports.templates import REPORTS, environment, sections

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

IN_A_NOTEBOOK = ("verdict", "goals", "failed", "fallbacks", "measurements", "runtimes")


def export_html(report: Report) -> Mapping[str, bytes]:
    made, script = _environment(), _own("sort.js")
    text = made.get_template("report.html.j2").render(
        report=report,
        sections=list(sections(made, {"report": report})),
        style=_own("report.css"),
        script=script,
        script_hash=_hash(script),
    )
    return {"report.html": text.encode()}


def html_fragment(report: Report, *, styled: bool = False) -> str:
    """Return the part of a report that notebooks and the dashboard show: what to deploy, failures and measurements."""
    made = _environment()
    shown = sections(made, {"report": report}, among=IN_A_NOTEBOOK)
    return made.get_template("fragment.html.j2").render(
        report=report, sections=list(shown), style=_own("fragment.css") if styled else ""
    )


def html_table(table: Table[Any]) -> str:
    """Return a single table in the style of the surrounding page."""
    return _environment().from_string("{{ table(of) }}").render(of=table)


def _environment() -> Environment:
    return environment("blocks.html.j2", filters={tag: partial(_tagged, tag) for tag in ("strong", "code")})


def _own(name: str) -> Markup:
    """Return one of our own files, which is not escaped."""
    from markupsafe import Markup

    return Markup((REPORTS / "templates" / name).read_text())


def _tagged(tag: str, text: object) -> Markup:
    from markupsafe import Markup, escape

    return Markup(f"<{tag}>{escape(one_line(str(text)))}</{tag}>")  # escaped above


def _hash(script: str) -> str:
    """Return the hash that allows a script in a Content-Security-Policy."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
