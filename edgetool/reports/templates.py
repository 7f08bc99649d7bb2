"""Jinja2 environments for reports. Every value is escaped for the output format, except the exporter's own macros."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgetool.platform.foreign import one_line
from edgetool.platform.format import count_text, noise_text, percent_text, plural, ratio_text, size_text, time_text
from edgetool.records.shape import modes
from edgetool.runtimes.spec import TITLES

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

REPORTS = Path(__file__).parent
UNITS = {
    "time": time_text,
    "size": size_text,
    "count": count_text,
    "percent": percent_text,
    "ratio": ratio_text,
    "plural": plural,
    "noise": noise_text,
}


@dataclass(frozen=True, kw_only=True)
class Section:
    title: str
    anchor: str
    body: Markup
    is_wide: bool  # also on paper


def environment(
    blocks: str,
    *,
    filters: Mapping[str, Callable[..., Any]],
    escape: Callable[[str], str] = one_line,
    folder: Path = REPORTS / "sections",
) -> Environment:
    """Return an environment with the templates of `folder` and the macros of the exporter's file `blocks` as globals.

    `escape` is applied before HTML's escaping, or replaces it by returning Markup. Undefined names are errors.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader([folder, REPORTS / "templates"]),
        autoescape=True,
        finalize=lambda value: value if hasattr(value, "__html__") else escape(str(value)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {**UNITS, "squeeze": squeeze, "modes": modes, **filters}
    made.globals["titles"] = TITLES
    macros = made.get_template(blocks).module
    made.globals |= {name: macro for name, macro in vars(macros).items() if not name.startswith("_")}
    return made


def squeeze(text: object) -> Markup:
    """Return a macro's rendered text on one line."""
    from markupsafe import Markup

    return Markup(" ".join(str(text).split()))  # escaped when it was rendered


def sections(made: Environment, values: Mapping[str, Any], *, among: Container[str] | None = None) -> Iterator[Section]:
    """Yield the non-empty sections `among` these anchors, in the order of their file names: `40-measurements.j2`."""
    from markupsafe import Markup

    for name in made.list_templates(filter_func=lambda name: name[:1].isdigit()):
        anchor = name[3:].removesuffix(".j2")
        if among is not None and anchor not in among:
            continue
        module: Any = made.get_template(name).make_module(dict(values))
        body = str(module).strip()
        if body:
            yield Section(
                title=module.title, anchor=anchor, body=Markup(body), is_wide=getattr(module, "is_wide", False)
            )
