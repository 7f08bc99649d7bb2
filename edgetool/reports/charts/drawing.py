"""Draw charts as SVG with selectable text, a description for screen readers, and the page's text colour."""

from __future__ import annotations

import io
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgetool.platform.foreign import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's palette, suitable for common colour blindness: https://jfly.uni-koeln.de/color/
BLUE, SKY, ORANGE, GREEN, RED, GREY = "#0072B2", "#56B4E9", "#E69F00", "#009E73", "#D55E00", "#999999"
PRECISIONS = {"fp32": BLUE, "fp16": SKY, "int8": ORANGE, "int8-dynamic": GREEN}
WIDTH_INCHES = 4.6  # the width of a phone, where a point of text is a pixel
LABEL_LIMIT = 52  # characters above a bar
WORDS_LIMIT = 4000
ROW_INCHES = 0.42
RIGHT_INCHES = 0.14  # half of the last tick's label, which is centred on the edge
INK = "#010203"  # placeholder for the page's text colour
NAMESPACE = "http://www.w3.org/2000/svg"
STYLE: dict[Any, Any] = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 9.5,
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,  # names may contain dollar signs
    "xtick.color": INK,
    "ytick.color": INK,
}


@dataclass(frozen=True, kw_only=True)
class Chart:
    name: str  # file name without suffix
    title: str
    words: str  # a description with all numbers
    svg: str = field(repr=False)  # for embedding in a page

    @property
    def path(self) -> str:
        """The chart's path relative to the run's folder."""
        return f"charts/{self.name}.svg"

    def file(self) -> bytes:
        """Return a standalone file with a white background."""
        return f'<?xml version="1.0" encoding="utf-8"?>\n{self._repr_svg_()}\n'.encode()

    def _repr_svg_(self) -> str:
        return self.svg.replace('style="', 'style="color:#1a1a1a;background:#fff;', 1)


@dataclass(frozen=True, kw_only=True)
class Bar:
    label: str
    length: float
    text: str  # shown behind the bar
    colour: str
    to: float | None = None  # end of a line that extends the bar


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A part of a chart, in inches. `height` is the plot itself, the others are margins for text."""

    draw: Callable[[Axes], None]
    height: float
    above: float = 0.03
    below: float = 0.43
    left: float = 0.04


def draw(name: str, title: str, words: str, panels: Sequence[Panel]) -> Chart:
    """Draw a chart of panels below each other. Margins are fixed, since measuring them would mean drawing twice."""
    title, words = one_line(title), one_line(words, limit=WORDS_LIMIT)
    height = top = sum(panel.above + panel.height + panel.below for panel in panels)
    with _figure(name, height) as figure:
        for panel in panels:
            bottom = top - panel.above - panel.height
            width = WIDTH_INCHES - panel.left - RIGHT_INCHES
            axes = figure.add_axes(
                (panel.left / WIDTH_INCHES, bottom / height, width / WIDTH_INCHES, panel.height / height)
            )
            panel.draw(axes)
            top = bottom - panel.below
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", transparent=True)
    return Chart(name=name, title=title, words=words, svg=_described(drawn.getvalue(), name, title, words))


@contextmanager
def _figure(name: str, height: float) -> Iterator[Figure]:
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with rc_context({**STYLE, "svg.hashsalt": name}), warnings.catch_warnings():
        # The font used for measuring may lack characters that the font used for display has.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font|Matplotlib currently does not support")
        figure = Figure(figsize=(WIDTH_INCHES, height))
        FigureCanvasSVG(figure)
        yield figure


def draw_bars(axes: Axes, bars: Sequence[Bar], *, unit: str, room: float = 1.5) -> None:
    """Draw horizontal bars from zero with a label above each. `room` is the width relative to the longest bar."""
    for i, bar in enumerate(bars):
        axes.barh(i, bar.length, color=bar.colour, height=0.42)
        if bar.to is not None:
            axes.plot([bar.length, bar.to], [i, i], color=INK, linewidth=1)
        write_behind(axes, max(bar.length, bar.to or 0), i, bar.text)
        write_label(axes, i, bar.label)
    longest = max(max(bar.length, bar.to or 0) for bar in bars)
    axes.set_xlim(0, longest * room or 1)
    axes.set_xlabel(unit)
    make_room(axes, len(bars))


def draw_dots(axes: Axes, i: int, at: float, line: tuple[float, float], *, colour: str, label: str, text: str) -> None:
    """Draw a dot on a line in row `i`, with its label above and its text behind."""
    axes.plot(line, [i, i], color=INK, linewidth=1)
    axes.plot([at], [i], marker="o", markersize=7, color=colour, markeredgecolor=INK)
    write_behind(axes, max(*line, at), i, text)
    write_label(axes, i, label)


def make_room(axes: Axes, number: int) -> None:
    """Set the limits for `number` rows, the first at the top. The tick at the left edge has room for a plain 0 only."""
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_yticks([])
    axes.set_ylim(number - 0.6, -0.75)


def rows_panel(draw: Callable[[Axes], None], number: int, *, above: float = 0.03, below: float = 0.43) -> Panel:
    """Return a panel for `number` rows."""
    return Panel(draw=draw, height=ROW_INCHES * number + 0.06, above=above, below=below)


def write_label(axes: Axes, i: int, text: str) -> None:
    """Write a label above row `i`, at the left edge."""
    text = one_line(text, limit=LABEL_LIMIT)
    axes.text(0, i - 0.28, text, transform=axes.get_yaxis_transform(), va="bottom")


def write_behind(axes: Axes, x: float, i: int, text: str) -> None:
    """Write a number behind the bar or line of row `i`."""
    axes.annotate(text, (x, i), (7, 0), textcoords="offset points", va="center")


def _described(svg: str, name: str, title: str, words: str) -> str:
    """Add title and description to Matplotlib's SVG, use the page's colour, and make its IDs unique."""
    ET.register_namespace("", NAMESPACE)
    ET.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    root = ET.fromstring(svg)
    _remove(root, {f"{{{NAMESPACE}}}metadata", f"{{{NAMESPACE}}}style"})
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    root.attrib |= {
        "role": "img",
        "aria-labelledby": f"{name}-title {name}-desc",
        "style": "stroke-linejoin:round;stroke-linecap:butt",  # the removed style would have applied to the whole page
    }
    for i, (tag, content) in enumerate((("title", title), ("desc", words))):
        element = ET.Element(f"{{{NAMESPACE}}}{tag}", {"id": f"{name}-{tag}"})
        element.text = content
        root.insert(i, element)
    text = ET.tostring(root, encoding="unicode")
    used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', text))
    text = re.sub(r' id="([^"]+)"', lambda found: _id(found[1], name, used), text)
    text = re.sub(r'(url\(|href=")#', rf"\1#{name}-", text)
    return text.replace(INK, "currentColor")


def _id(found: str, name: str, used: set[str]) -> str:
    if found in (f"{name}-title", f"{name}-desc"):
        return f' id="{found}"'
    return f' id="{name}-{found}"' if found in used else ""


def _remove(root: ET.Element, tags: set[str]) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in tags:
                parent.remove(child)
