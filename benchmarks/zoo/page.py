"""`docs/zoo.md`: what came of each model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.zoo.rows import LEAST_SHARE, Findings, ZooRow
from edgetool.platform.columns import Column, Shown, Table
from edgetool.platform.files import write_atomically
from edgetool.platform.format import count_text, percent_text, size_text
from edgetool.reports.exporters.markdown import markdown_environment, tidy

DECIBEL = "{:.0f} dB".format


def _agreement(row: ZooRow) -> str | None:
    return None if row.agreeing is None else f"{row.agreeing}/{row.samples}"


def _without_vectors(row: ZooRow) -> str | None:
    return None if row.without_vectors is None else ", ".join(row.without_vectors) or "none"


def _estimate(row: ZooRow) -> str | None:
    if row.estimate_low_ms is None or row.estimate_high_ms is None:
        return None
    return f"{row.estimate_low_ms:.3g} to {row.estimate_high_ms:.3g} ms"


COLUMNS: tuple[Column[ZooRow], ...] = (
    Column(title="model", value=lambda row: row.model),
    Column(title="task", value=lambda row: row.task),
    Column(title="input", value=lambda row: row.inputs),
    Column(title="runtime", value=lambda row: row.runtime, shown=Shown.IF_VARIED),
    Column(title="fp32", value=lambda row: row.fp32_bytes, format=size_text),
    Column(title="int8", value=lambda row: row.int8_bytes, format=size_text),
    Column(title="int8 ÷ fp32: SNR", value=lambda row: row.int8_noise_db, format=DECIBEL),
    Column(title="cosine", value=lambda row: row.int8_cosine, format="{:.4f}".format),
    Column(title="same class", value=_agreement, format=str),
    Column(title="board ÷ host: SNR", value=lambda row: row.host_noise_db, format=DECIBEL),
    Column(title="fp32 instructions", value=lambda row: row.fp32_instructions, format=count_text, shown=Shown.IF_ANY),
    Column(title="int8 instructions", value=lambda row: row.int8_instructions, format=count_text, shown=Shown.IF_ANY),
    Column(title="without vectors", value=_without_vectors, format=str, shown=Shown.IF_ANY),
    Column(title="int8 estimated", value=_estimate, format=str, shown=Shown.IF_ANY),
)


def write_page(path: Path, findings: Findings, known: Sequence[str]) -> None:
    """The rows in the zoo's order, the failures with their reasons, and what was not run."""
    rows = {row.model: row for row in findings.rows}
    ran = [rows[name] for name in known if name in rows and rows[name].failure is None]
    made = markdown_environment(Path(__file__).parent).get_template("zoo.md.j2")
    text = made.render(
        models=Table(caption="Models that went the whole way", columns=COLUMNS, rows=ran),
        count=len(ran),
        least_share=percent_text(LEAST_SHARE),
        known=len(known),
        failed=[rows[name] for name in known if name in rows and rows[name].failure is not None],
        left=[name for name in known if name not in rows],
        runtimes=sorted({row.runtime for row in ran}),
        core=next((row.estimate_core for row in ran if row.estimate_core), None),
    )
    write_atomically(path, tidy(text).encode())
