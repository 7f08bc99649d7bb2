"""`docs/threads.md`: how much faster each model is on several threads."""

from __future__ import annotations

from pathlib import Path

from benchmarks.threads.rows import Findings, ThreadsRow
from edgetool.estimates.cores import load_core
from edgetool.platform.columns import Column, Table
from edgetool.platform.files import write_atomically
from edgetool.platform.format import count_text
from edgetool.reports.exporters.markdown import markdown_environment, tidy

PERCENT = "{:.0%}".format


def write_page(findings: Findings, path: Path) -> Path:
    """Write the page. Returns its path."""
    cores = list(dict.fromkeys(busiest.core for row in findings.rows for busiest in row.busiest))
    columns: tuple[Column[ThreadsRow], ...] = (
        Column(title="model", value=lambda row: row.model),
        Column(title="precision", value=lambda row: row.precision),
        Column(title="threads", value=lambda row: row.threads),
        Column(title="elapsed", value=lambda row: row.elapsed, format=count_text),
        Column(
            title="times faster",
            value=lambda row: findings.efficiency(row) * row.threads,
            format="{:.2f}".format,
        ),
        Column(title="efficiency", value=findings.efficiency, format=PERCENT),
        *(_evenness(findings, core) for core in cores),
    )
    made = markdown_environment(Path(__file__).parent).get_template("threads.md.j2")
    text = made.render(
        rows=Table(caption="Models on several threads", columns=columns, rows=findings.rows),
        releases=sorted({row.release for row in findings.rows}),
        vlen_bits=sorted({row.vlen_bits for row in findings.rows}),
    )
    write_atomically(path, tidy(text).encode())
    return path


def _evenness(findings: Findings, core: str) -> Column[ThreadsRow]:
    return Column(
        title=f"busiest thread, {load_core(core).title}",
        value=lambda row: findings.evenness(row)[core],
        format=PERCENT,
    )
