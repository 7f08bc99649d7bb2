"""Export a report as Markdown for a merge request or a wiki, with the charts as files beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgetool.platform.foreign import markdown_text, one_line
from edgetool.reports.report import Report
from edgetool.reports.templates import REPORTS, environment, sections

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


def export_markdown(report: Report) -> Mapping[str, bytes]:
    made = markdown_environment()
    text = made.get_template("report.md.j2").render(report=report, sections=sections(made, {"report": report}))
    return {"report.md": tidy(text).encode()}


def markdown_environment(folder: Path = REPORTS / "sections") -> Environment:
    """Return an environment that escapes values for Markdown."""
    filters: dict[str, Callable[..., Markup]] = {"strong": partial(_escaped, around="**"), "code": _code}
    return environment("blocks.md.j2", filters=filters, escape=_escaped, folder=folder)


def tidy(text: str) -> str:
    """Reduce several blank lines left by templates to one."""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _escaped(text: object, around: str = "") -> Markup:
    from markupsafe import Markup

    return Markup(f"{around}{markdown_text(str(text))}{around}")  # Markdown's escaping, not HTML's


def _code(text: object) -> Markup:
    """Format text as code, fenced with more backticks than the text contains in a row."""
    from markupsafe import Markup

    line = one_line(str(text))
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return Markup(f"{fence}{space}{line}{space}{fence}")  # code needs no escaping
