"""A report as one HTML file: style, script and charts inside it, and a policy that lets it load nothing else."""

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
    from markupsafe import Markup

    made = _environment()
    style, script = ((REPORTS / "templates" / name).read_text() for name in ("report.css", "sort.js"))
    text = made.get_template("report.html.j2").render(
        report=report,
        sections=list(sections(made, {"report": report})),
        style=Markup(style),  # our own
        script=Markup(script),
        script_hash=_hash(script),
    )
    return {"report.html": text.encode()}


def html_fragment(report: Report) -> str:
    """What a notebook shows of a run, in the notebook's own style: what to deploy, what failed, the measurements."""
    made = _environment()
    shown = [section for section in sections(made, {"report": report}) if section.anchor in IN_A_NOTEBOOK]
    return made.get_template("fragment.html.j2").render(report=report, sections=shown)


def html_table(table: Table[Any]) -> str:
    """A table alone, in the style of the page around it."""
    return _environment().from_string("{{ table(of) }}").render(of=table)


def _environment() -> Environment:
    return environment("blocks.html.j2", filters={tag: partial(_tagged, tag) for tag in ("strong", "code")})


def _tagged(tag: str, text: object) -> Markup:
    from markupsafe import Markup, escape

    return Markup(f"<{tag}>{escape(one_line(str(text)))}</{tag}>")  # escaped just now


def _hash(script: str) -> str:
    """As a Content-Security-Policy names the one script that it lets run."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
