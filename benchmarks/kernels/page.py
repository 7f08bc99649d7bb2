"""The findings as `docs/performance.md` with its charts; the words are in `performance.md.j2`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.kernels.aims import ARITHMETIC_OF, Counted, aims_table, arithmetic_table
from benchmarks.kernels.bounds import BoundRow, bound_rows, bounds_table
from benchmarks.kernels.chart import label, model_chart
from benchmarks.kernels.cores import core_rows, cores_chart, cores_summary, cores_table
from benchmarks.kernels.rows import OURS, VLEN_BITS, Findings, KernelRow, Modelled
from edgetool.harness.instructions import OperatorInstructions
from edgetool.platform.columns import Column, Table
from edgetool.platform.files import write_atomically
from edgetool.platform.format import count_text, percent_text, ratio_text, size_text
from edgetool.reports.exporters.markdown import markdown_environment, tidy
from edgetool.reports.tables.instructions import operator_table
from edgetool.runtimes.ncnn.convert import INSTALL

COMMAND = "make bench-kernels"
SHOWN_SHARE = 0.01  # operators below it are left out
DECIBEL = "{:.1f} dB".format
MODELLED_COLUMNS: tuple[Column[tuple[KernelRow, Modelled]], ...] = (
    Column(title="model", value=lambda row: row[0].model),
    Column(title="precision", value=lambda row: row[0].precision),
    Column(title="runtime", value=lambda row: label(row[0])),
    Column(title="share", value=lambda row: row[1].share, format=percent_text),
    Column(title="cycles", value=lambda row: row[1].cycles, format=count_text),
    Column(title="hottest block: instructions, cycles a trip", value=lambda row: _hottest(row[1])),
)


def write_page(findings: Findings, folder: Path) -> Path:
    """Write `performance.md` and its charts to `folder`; returns the page's path."""
    models, bounds, counted = {}, list[BoundRow](), list[Counted]()
    for model in dict.fromkeys(row.model for row in findings.rows):
        rows = sorted((row for row in findings.rows if row.model == model), key=lambda row: row.precision)
        shown = [row for row in rows if row.vlen_bits in (None, VLEN_BITS)]
        cores = [row for row in core_rows(rows) if row.cells]
        bounds += bound_rows(model, cores)
        counted.append(Counted(model=model, rows=rows, cores=cores))
        charts = (model_chart(findings, model, shown), cores_chart(model, cores))
        for chart in filter(None, charts):
            write_atomically(folder / f"{chart.name}.svg", chart.file())
        models[model] = (
            model_table(findings, shown),
            cores_table(cores),
            cores_summary(cores),
            charts,
            _operators(shown),
        )
    made = markdown_environment(Path(__file__).parent).get_template("performance.md.j2")
    text = made.render(
        findings=findings,
        models=models,
        aims=aims_table(counted),
        arithmetic={of.model: arithmetic_table(of) for of in counted if of.model == ARITHMETIC_OF},
        bounds=bounds_table(bounds),
        modelled=_modelled(findings),
        releases="; ".join(dict.fromkeys(f"{row.side}: {row.release}" for row in findings.rows)),
        command=COMMAND,
        install=INSTALL,
    )
    page = folder / "performance.md"
    write_atomically(page, tidy(text).encode())
    return page


def model_table(findings: Findings, rows: Sequence[KernelRow]) -> Table[KernelRow]:
    def ratio(row: KernelRow, other: KernelRow | None) -> float | None:
        return None if other is None else row.counts.weighted / other.counts.weighted

    columns: tuple[Column[KernelRow], ...] = (
        Column(title="precision", value=lambda row: row.precision),
        Column(title="runtime", value=label),
        Column(title="instructions", value=lambda row: row.counts.raw, format=count_text),
        Column(title="weighted", value=lambda row: row.counts.weighted, format=count_text),
        Column(title="÷ stock", value=lambda row: ratio(row, findings.stock(row)), format=ratio_text),
        Column(title="÷ own fp32", value=lambda row: ratio(row, findings.own_fp32(row)), format=ratio_text),
        Column(title="loaded", value=lambda row: row.counts.load_bytes, format=size_text),
        Column(title="stored", value=lambda row: row.counts.store_bytes, format=size_text),
        Column(title="signal to noise", value=lambda row: row.signal_to_noise_db, format=DECIBEL),
        Column(
            title="right",
            value=lambda row: None if row.correct is None else f"{row.correct}/{row.images}",
            format=str,
        ),
    )
    return Table(caption="One inference in each runtime", columns=columns, rows=rows)


def _operators(rows: Sequence[KernelRow]) -> list[tuple[str, Table[OperatorInstructions]]]:
    """Of our own runtime: which kernels ran, and where the instructions went."""
    return [
        (f"{row.precision}, {label(row)}", operator_table(row.counts, share=SHOWN_SHARE))
        for row in rows
        if row.side == OURS and row.counts.operators
    ]


def _modelled(findings: Findings) -> Table[tuple[KernelRow, Modelled]]:
    rows = [(row, row.modelled) for row in findings.rows if row.modelled is not None]
    return Table(caption="Cycles in a model of a processor", columns=MODELLED_COLUMNS, rows=rows)


def _hottest(modelled: Modelled) -> str | None:
    if not modelled.loops:
        return None
    loop = max(modelled.loops, key=lambda each: each.share)
    return f"{loop.instructions}, {loop.cycles:.1f} ({percent_text(loop.share)} of the inference)"
