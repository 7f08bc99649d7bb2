"""The findings as `docs/performance.md` with its charts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks.kernels.chart import label, write_chart
from benchmarks.kernels.rows import OURS, Findings, KernelRow, Modelled
from edgetool.models.ncnn import INSTALL
from edgetool.platform.files import write_atomically
from edgetool.platform.format import count_text, percent_text, ratio_text, size_text

COMMAND = "make bench-kernels"
SHOWN_SHARE = 0.01  # operators below it are left out
HEADINGS = (
    "precision",
    "runtime",
    "instructions",
    "weighted",
    "÷ stock",
    "÷ own fp32",
    "loaded",
    "stored",
    "signal to noise",
    "right",
)
INTRODUCTION = """\
Instructions of one inference on one thread, counted under an emulator: they are no cycles, and no time. *Weighted*
counts a vector instruction as often as it fills a register, max(1, ⌈vl × widest element ÷ VLEN⌉), a strided or
indexed access as vl, a scalar instruction as 1, so that neither a longer VLEN nor a larger LMUL looks like less
work than it is."""
SECOND_OPINION = """\
llvm-mca's model of {processor}, not silicon: the hottest blocks of instructions as the emulator met them, each as a
loop that runs on and on, without a miss of a cache or of the branch predictor. *Share* is the part of an
inference's instructions that was modelled; the cycles are of that part."""
METHOD = """\
`{command}` made this page on {day} (it wants `{install}`, and llvm-22 for the second opinion): edgetool {edgetool},
{emulator}. {releases}.

- Ratios are of weighted instructions. The same weights and inputs on every side; the mean of two inferences after two
  others. A row is kept from run to run until something that it is made of changes.
- A row without a VLEN is of a runtime in which no vector instruction ran: it holds for every VLEN. *ours, scalar*
  is our own with `EDGETOOL_FORCE_SCALAR=1`.
- Signal to noise is that of the outputs against the fp32 model in ONNX Runtime on the host; *right* counts held-out
  images. With random weights (resnet18) accuracy means nothing.
- int8 in ONNX Runtime is QDQ, u8 activations and s8 weights by output channel. In ncnn it is symmetric on both
  sides, scaled by the largest magnitudes on the same calibration images, and stays in 8 bits between convolutions
  where ncnn can.
- All counts, by class and by operator: [performance.json](performance.json)."""


def write_page(findings: Findings, folder: Path) -> Path:
    """Write `performance.md` and its charts to `folder`; returns the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    models = tuple(dict.fromkeys(row.model for row in findings.rows))
    for model in models:
        write_chart(folder / f"performance-{model}.png", findings, model)
    page = folder / "performance.md"
    write_atomically(page, ("\n".join(_lines(findings, models)) + "\n").encode())
    return page


def _lines(findings: Findings, models: Sequence[str]) -> Iterator[str]:
    yield "# What an inference costs on RISC-V"
    yield ""
    yield INTRODUCTION
    for model in models:
        yield from ("", f"## {model}", "")
        rows = sorted((row for row in findings.rows if row.model == model), key=lambda row: row.precision)
        yield from _table(
            HEADINGS,
            [_cells(findings, row) for row in rows],
            text_columns=2,
        )
        yield from ("", f"![Weighted instructions of {model}](performance-{model}.png)")
        yield from _operators(rows)
    yield from _modelled(findings)
    yield from ("", "## How", "", *_method(findings))


def _cells(findings: Findings, row: KernelRow) -> tuple[str, ...]:
    counts = row.counts
    ratios = (
        None if other is None else counts.weighted / other.counts.weighted
        for other in (findings.stock(row), findings.own_fp32(row))
    )
    return (
        row.precision,
        label(row),
        count_text(counts.raw),
        count_text(counts.weighted),
        *map(ratio_text, ratios),
        size_text(counts.load_bytes),
        size_text(counts.store_bytes),
        f"{row.signal_to_noise_db:.1f} dB",
        "–" if row.correct is None else f"{row.correct}/{row.images}",
    )


def _operators(rows: Iterable[KernelRow]) -> Iterator[str]:
    """Of our own runtime: which kernels ran, and where the instructions went."""
    for row in rows:
        if row.side == OURS and row.counts.operators:
            yield from ("", f"By operator, {row.precision}, {label(row)}:", "")
            yield from _table(
                ("operator", "kernels", "calls", "instructions", "weighted", "share of weight"),
                [
                    (
                        entry.operator,
                        entry.kernels or "–",
                        str(entry.calls),
                        count_text(entry.raw),
                        count_text(entry.weighted),
                        percent_text(entry.share),
                    )
                    for entry in row.counts.operators
                    if entry.share >= SHOWN_SHARE
                ],
                text_columns=2,
            )


def _modelled(findings: Findings) -> Iterator[str]:
    modelled = [(row, row.modelled) for row in findings.rows if row.modelled is not None]
    if not modelled:
        return
    processor = modelled[0][1].processor
    yield from ("", "## A second opinion: cycles in a model of a processor", "")
    yield SECOND_OPINION.format(processor=processor)
    yield ""
    cells = [
        (row.model, row.precision, label(row), percent_text(it.share), count_text(it.cycles), _hottest(it))
        for row, it in modelled
    ]
    headings = ("model", "precision", "runtime", "share", "cycles", "hottest block: instructions, cycles a trip")
    yield from _table(headings, cells, text_columns=3)


def _hottest(modelled: Modelled) -> str:
    if not modelled.loops:
        return "–"
    loop = max(modelled.loops, key=lambda each: each.share)
    return f"{loop.instructions}, {loop.cycles:.1f} ({percent_text(loop.share)} of the inference)"


def _method(findings: Findings) -> Iterator[str]:
    releases = "; ".join(f"{side}: {release}" for side, release in {r.side: r.release for r in findings.rows}.items())
    yield METHOD.format(
        command=COMMAND,
        install=INSTALL,
        day=f"{findings.created_at:%Y-%m-%d}",
        edgetool=findings.edgetool,
        emulator=findings.emulator,
        releases=releases,
    )


def _table(headings: Sequence[str], cells: Sequence[Sequence[str]], *, text_columns: int) -> Iterator[str]:
    yield "| " + " | ".join(headings) + " |"
    yield "|" + "|".join(" --- " if i < text_columns else " ---: " for i in range(len(headings))) + "|"
    yield from ("| " + " | ".join(line) + " |" for line in cells)
