"""The charts of a run and of a sweep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgetool.measurements.instructions import InstructionCounts
from edgetool.platform.format import count_text, size_text, time_text
from edgetool.records.case import Case
from edgetool.records.record import Recorded
from edgetool.reports.tables import Row, place_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's palette, told apart with every common colour blindness: https://jfly.uni-koeln.de/color/
COLOURS = {"fp32": "#0072B2", "int8": "#E69F00", "int8-dynamic": "#009E73"}
OTHER_COLOUR = "#999999"
INSTRUCTION_PARTS = (
    ("scalar integer, system", "#0072B2", ("scalar_integer", "system")),
    ("scalar float", "#56B4E9", ("scalar_float",)),
    ("branches", "#999999", ("branch",)),
    ("loads, stores", "#E69F00", ("load", "store")),
    ("vector configuration", "#000000", ("vector_config",)),
    ("vector arithmetic", "#009E73", ("vector_integer", "vector_float", "vector_widening", "vector_permute")),
    ("vector loads, stores", "#D55E00", ("vector_unit", "vector_strided")),
)
EMULATED_HATCH = "////"
LINEAR_RANGE = 20  # a bar a twentieth of the longest is still seen
STYLE: dict[Any, Any] = {
    "figure.dpi": 150,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "hatch.linewidth": 0.6,
}


def write_charts(folder: Path, table: Sequence[Row], timed: Sequence[Recorded]) -> tuple[str, ...]:
    """Write the charts as PNG and return their file names."""
    folder.mkdir(parents=True, exist_ok=True)
    with _figure(folder / "size.png", height=1.2 + 0.5 * len(_by_precision(table))) as axes:
        _draw_sizes(axes, table)
    with _figure(folder / "latency.png", height=1.6 + 0.5 * len(table)) as axes:
        _draw_latencies(axes, table)
    _write_samples(folder / "samples.png", table, timed)
    counted = [(row, counts) for row, m in zip(table, timed, strict=True) if (counts := m.record.instructions)]
    if counted:
        with _figure(folder / "instructions.png", height=2.2 + 0.5 * len(counted)) as axes:
            _draw_instructions(axes, counted)
    return ("size.png", "latency.png", "samples.png", *(("instructions.png",) if counted else ()))


@contextmanager
def _figure(path: Path, *, height: float) -> Iterator[Axes]:
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure(figsize=(8, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure.add_subplot()
        figure.savefig(path)


def _by_precision(table: Sequence[Row]) -> dict[str, Row]:
    """One row for each format, the first place's."""
    found: dict[str, Row] = {}
    for row in table:
        found.setdefault(row.precision, row)
    return found


def _draw_sizes(axes: Axes, table: Sequence[Row]) -> None:
    formats = _by_precision(table)
    largest = max(row.size_bytes for row in formats.values())
    baseline = formats.get("fp32")
    for i, row in enumerate(formats.values()):
        axes.barh(i, row.size_bytes / 1e6, color=COLOURS.get(row.precision, OTHER_COLOUR), height=0.6)
        saved = "" if baseline is None or row is baseline else f"  ({row.size_bytes / baseline.size_bytes - 1:+.1%})"
        axes.text(row.size_bytes / 1e6 + largest / 1e8, i, f"{size_text(row.size_bytes)}{saved}", va="center")
    axes.set_yticks(range(len(formats)), list(formats))
    axes.invert_yaxis()
    axes.set_xlim(0, largest / 1e6 * 1.25)
    axes.set_xlabel("file size [MB]")
    axes.set_title(f"{next(iter(formats.values())).model}: model size by format")


def _draw_latencies(axes: Axes, table: Sequence[Row]) -> None:
    """Bars from zero, or on a logarithmic axis where places are too far apart, as a host and an emulator are."""
    medians = [row.latency.p50_ns / 1e6 for row in table]
    logarithmic = max(medians) > LINEAR_RANGE * min(medians)
    for i, row in enumerate(table):
        _draw_bar(axes, i, row)
    axes.set_yticks(range(len(table)), [f"{row.place}  {row.precision}" for row in table])
    axes.invert_yaxis()
    if logarithmic:
        axes.set_xscale("log")
        axes.set_xlim(10 ** np.floor(np.log10(min(medians)) - 0.3), max(medians) * 12)
    else:
        axes.set_xlim(0, max(1.0, *(row.latency.p90_ns for row in table)) / 1e6 * 1.4)
    axes.set_xlabel(f"one inference [ms{', logarithmic' if logarithmic else ''}]: median, line to the 90th percentile")
    axes.set_title(f"{table[0].model}: time of one inference by format and place")


def _draw_bar(axes: Axes, i: int, row: Row) -> None:
    """The median as the bar at `i`, marked where it is an emulator's."""
    median, high = row.latency.p50_ns / 1e6, row.latency.p90_ns / 1e6
    axes.barh(
        i,
        median,
        color=COLOURS.get(row.precision, OTHER_COLOUR),
        alpha=0.45 if row.emulated else 1.0,
        hatch=EMULATED_HATCH if row.emulated else None,
        edgecolor="black" if row.emulated else "none",
        linewidth=0.6,
        height=0.6,
    )
    axes.plot([median, high], [i, i], color="black", linewidth=1)
    mark = "  emulated, not a latency" if row.emulated else ""
    axes.text(max(median, high) * 1.08, i, f"{time_text(row.latency.p50_ns)}{mark}", va="center")


def write_cases_chart(path: Path, cases: Sequence[tuple[Case, Row | None]]) -> None:
    """A bar for each case of a sweep on a logarithmic axis; a failed one has a word and no bar."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _figure(path, height=1.6 + 0.35 * len(cases)) as axes:
        measured = [row.latency for _, row in cases if row is not None]
        low = 10 ** np.floor(np.log10(min((latency.p50_ns / 1e6 for latency in measured), default=1.0)) - 0.3)
        high = max((latency.p90_ns / 1e6 for latency in measured), default=1.0)
        for i, (_, row) in enumerate(cases):
            if row is None:
                axes.text(low * 1.1, i, "failed", va="center", style="italic")
            else:
                _draw_bar(axes, i, row)
        labels = [f"{case.target}  {case.model} {case.precision}, {case.threads} t" for case, _ in cases]
        axes.set_yticks(range(len(cases)), labels)
        axes.set_ylim(len(cases) - 0.5, -0.5)
        axes.set_xscale("log")
        axes.set_xlim(low, high * (high / low) ** 0.7)  # the numbers stand beside the bars
        axes.set_xlabel("one inference [ms, logarithmic]: median, line to the 90th percentile")
        axes.set_title("time of one inference")


def _draw_instructions(axes: Axes, counted: Sequence[tuple[Row, InstructionCounts]]) -> None:
    """A bar of weighted instructions for each record, cut by what they do."""
    largest = max(counts.weighted for _, counts in counted) / 1e6
    classes = [dict(counts.classes()) for _, counts in counted]
    left = np.zeros(len(counted))
    for label, colour, names in INSTRUCTION_PARTS:
        parts = np.array([sum(c[name].weighted for name in names if name in c) / 1e6 for c in classes])
        if parts.any():
            axes.barh(range(len(counted)), parts, left=left, color=colour, height=0.6, label=label)
        left += parts
    for i, (_, counts) in enumerate(counted):
        text = f"{count_text(counts.weighted)}  (raw {count_text(counts.raw)})"
        axes.text(counts.weighted / 1e6 + largest / 100, i, text, va="center")
    axes.set_yticks(range(len(counted)), [f"{row.place}  {row.precision}" for row, _ in counted])
    axes.invert_yaxis()
    axes.set_xlim(0, largest * 1.4)
    axes.set_xlabel("weighted instructions of one inference [million]")
    axes.set_title(f"{counted[0][0].model}: instructions of one inference")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.35), ncols=4, frameon=False, fontsize=9)


def _write_samples(path: Path, table: Sequence[Row], timed: Sequence[Recorded]) -> None:
    """A panel for each record, each with its own axis: every sample as a dot, in the order it was taken."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        columns = min(2, len(table))
        lines = -(-len(table) // columns)
        figure = Figure(figsize=(8, 0.6 + 2.1 * lines), layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(lines, columns, squeeze=False).flat
        for panel, row, recorded in zip(panels, table, timed, strict=False):
            _draw_samples(panel, row, recorded.record.timing.samples_ns if recorded.record.timing else ())
        for unused in list(panels)[len(table) :]:
            unused.set_visible(False)
        figure.suptitle(f"{table[0].model}: every timed inference", x=0.01, ha="left", weight="bold")
        _label_outside(figure)
        figure.savefig(path)


def _draw_samples(panel: Axes, row: Row, samples: Sequence[int]) -> None:
    from matplotlib.ticker import MaxNLocator

    samples_ns = np.asarray(samples, dtype=np.float64)
    scale, unit = (1e9, "s") if samples_ns.max() >= 1e9 else (1e6, "ms")
    panel.plot(
        np.arange(1, len(samples_ns) + 1),
        samples_ns / scale,
        linestyle="none",
        marker="o",
        markersize=4 if len(samples_ns) < 30 else 2,
        color=COLOURS.get(row.precision, OTHER_COLOUR),
        markerfacecolor="none" if row.emulated else COLOURS.get(row.precision, OTHER_COLOUR),
    )
    panel.axhline(row.latency.p50_ns / scale, color="black", linewidth=0.8)
    panel.set_ylim(0, max(samples_ns.max(), 1.0) / scale * 1.2)
    panel.set_ylabel(unit)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.set_title(f"{place_text(row)}  {row.precision}", fontsize=10, weight="normal")


def _label_outside(figure: Figure) -> None:
    figure.supxlabel("repetition; the line is the median", fontsize=10)
