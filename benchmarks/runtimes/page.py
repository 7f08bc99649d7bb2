"""`docs/runtimes-counted.md`: a table for each model; the words are in `runtimes-counted.md.j2`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.runtimes.measure import MODELS, TARGET, Findings
from edgetool.platform.files import write_atomically
from edgetool.records.results import Criterion
from edgetool.reports.choices import choices
from edgetool.reports.exporters.markdown import markdown_environment, tidy
from edgetool.reports.rows import groups
from edgetool.reports.tables.shipping import shipping_table

PAGE = "runtimes-counted.md"


def write_page(folder: Path, findings: Findings) -> Path:
    """Write the page to `folder` and return its path."""
    judged = [replace(row, accuracy=None) for row in findings.rows]  # of two images a share says nothing
    models = groups(judged, lambda row: row.model)
    made = markdown_environment(Path(__file__).parent).get_template(f"{PAGE}.j2")
    text = made.render(
        target=TARGET,
        known=[model.title for model in MODELS],
        vlens=sorted({row.vlen_bits for row in findings.rows if row.vlen_bits is not None}),
        models=[(choice, shipping_table(rows)) for rows in models for choice in choices(rows, Criterion.LATENCY)],
    )
    write_atomically(folder / PAGE, tidy(text).encode())
    return folder / PAGE
