"""`docs/estimates.md`: what estimates are made of, and how they fared beside published measurements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from pathlib import Path

from benchmarks.estimates.figures import HELD, Check, Counted, check, factor_for
from edgetool.estimates.cores import Core, Mark
from edgetool.estimates.published import Figure
from edgetool.platform.files import write_atomically

INTRODUCTION = """\
# Estimated cycles

What would an inference cost on a core that is not at hand? edgetool counts the instructions under an emulator, looks up
what the core charges for each, and adds what its caches let through. The result is an interval. It is an estimate,
never a measurement, and no table of edgetool's puts it in a column of measured times.

```sh
# Every counted record of a run, on every core that would run it
edgetool estimate runs/20261124T101500Z-3f2a1b
edgetool estimate runs/…/records/qemu-riscv64-mobilenet_v2-int8.json --core x60 --operators

# A static program with marks
edgetool estimate kernel_test --core x60 --core ascalon

# Lines of assembler, judged over all cores
edgetool estimate new.s --against old.s
```

## What it is made of

The counting plugin tells 62 operations apart, each by SEW and by the registers of its group. A core's file gives the
cycles that each keeps its unit busy. Five units and the memory are busy for so many cycles:

| part | cycles |
| --- | --- |
| vector, integer, float | the operations' cycles, by unit |
| load/store | the same for loads and stores; their sum, or the larger where each has its own port |
| issue | instructions ÷ issue width |
| memory | bytes that leave L1 ÷ bytes a cycle from L2, and bytes that leave L2 ÷ bytes a cycle from memory |

The interval lies between two ends. *Perfect overlap* is the busiest part alone; it is named as what the core is bound
by. *No overlap* is the sum of the busiest unit for arithmetic, loads and stores, issue and memory.

The caches are modelled as the program runs: two levels, least recently used out first, written back. What the model
leaves out: latency, branch misses, prefetching, address translation, instruction fetch, other cores, masks. A core that
is stalled by one of these is slower than its interval.

A kernel is judged by its worst core and by the geometric mean over cores (`--against`). *Weighted* counts, which take
every vector instruction of a register for the same, remain as a regression check.
"""
CORES = """\
## Cores

One file each in [toolchain/cores](../toolchain/cores); a new core is a new file. Every number in it has a source and a
mark: *silicon* was measured on the core and published, *model* is LLVM's, *document* its maker's, *estimate* ours.
"""
CHECKS = """\
## Checked against silicon

Published times of one inference beside the estimate of an equal program. No core's file was made from them. Of several
threads only the ends are known: the low end shares the work evenly, the high end leaves it to one.
"""
MISSING = """\
## Published, and not counted here
"""


def write_page(path: Path, cores: Sequence[Core], figures: Sequence[Figure], counted: Counted) -> None:
    known = {core.name: core for core in cores}
    checked = [(figure, check(figure, counted, known[figure.core])) for figure in figures]
    checks = [found for _, found in checked if found is not None]
    missing = [figure for figure, found in checked if found is None]
    lines = [INTRODUCTION, CORES, *_cores(cores), "", CHECKS, *_checks(checks, known)]
    if missing:
        lines += ["", MISSING, *_missing(missing, known)]
    lines += ["", "## Sources", "", *_sources(cores)]
    write_atomically(path, ("\n".join(lines) + "\n").encode())


def _table(headings: Sequence[str], cells: Sequence[Sequence[str]], *, texts: Container[int] = (0, 1)) -> Iterator[str]:
    """Markdown's lines; `texts` are the columns without numbers. Cells are our own and may hold Markdown."""
    yield "| " + " | ".join(headings) + " |"
    yield "|" + "|".join(" --- " if i in texts else " ---: " for i in range(len(headings))) + "|"
    yield from ("| " + " | ".join(line) + " |" for line in cells)


def _cores(cores: Sequence[Core]) -> Iterator[str]:
    headings = ("core", "", "VLEN", "clock", "issue", *(f"{mark.value}" for mark in Mark))
    cells = []
    for core in cores:
        marks = Counter(mark for _, mark, _ in core.figures())
        title = f"{core.title}: {core.description}" + (f"; {core.caveat}" if core.caveat else "")
        vlen = str(core.vlen_bits) if core.vlen_bits else "–"
        clock = f"{core.clock_hz.value / 1e9:.2f} GHz"
        counts = (str(marks[mark]) for mark in Mark)
        cells.append((f"`{core.name}`", title, vlen, clock, f"{core.issue_width.value:g}", *counts))
    yield from _table(headings, cells)
    yield ""
    yield "The last four columns count the rows of the file by mark."


def _checks(checks: Sequence[Check], cores: dict[str, Core]) -> Iterator[str]:
    if not checks:
        yield "None of them was counted yet."
        return
    headings = ("core", "program", "threads", "published", "estimated", "bound by", "holds", "source")
    cells = [
        (
            cores[entry.figure.core].title,
            _program(entry.figure),
            str(entry.figure.threads),
            f"{entry.figure.ms:g} ms",
            f"{entry.low:.1f} to {entry.high:.1f} ms" + ("" if entry.with_memory else ", without memory"),
            entry.bound_by,
            "yes" if entry.holds else f"**no**, by {entry.factor:.2f}",
            entry.figure.source,
        )
        for entry in checks
    ]
    yield from _table(headings, cells, texts=(0, 1, 5, 6, 7))
    held = sum(entry.holds for entry in checks)
    factor = factor_for(checks)
    yield ""
    yield (
        f"{held} of {len(checks)} lie within their interval. To hold {HELD:.0%} of them, both ends must be "
        f"{factor:.2f} times as far out."
    )


def _missing(figures: Sequence[Figure], cores: dict[str, Core]) -> Iterator[str]:
    headings = ("core", "program", "threads", "published", "why", "source")
    cells = [
        (
            cores[figure.core].title,
            _program(figure),
            str(figure.threads),
            f"{figure.ms:g} ms",
            figure.missing or f"no counts of {figure.counted} yet",
            figure.source,
        )
        for figure in figures
    ]
    yield from _table(headings, cells, texts=(0, 1, 4, 5))


def _program(figure: Figure) -> str:
    return f"{figure.model} {figure.precision}, {figure.runtime}"


def _sources(cores: Sequence[Core]) -> Iterator[str]:
    for core in cores:
        yield f"- **{core.title}**: " + "; ".join(f"*{name}*: {text}" for name, text in core.sources.items()) + "."
