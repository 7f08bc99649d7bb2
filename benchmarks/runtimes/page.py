"""`docs/runtimes-counted.md`: a table for each model; and one table of all of them in `docs/runtimes.md`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.runtimes.measure import MODELS, TARGET, Findings
from edgetool.platform.columns import Column, Table
from edgetool.platform.files import write_atomically
from edgetool.records.results import Criterion
from edgetool.reports.choices import choices
from edgetool.reports.exporters.markdown import markdown_environment, tidy
from edgetool.reports.rows import Row, groups
from edgetool.reports.tables.cases import columns
from edgetool.reports.tables.shipping import runtime_of, shipping_table

PAGE = "runtimes-counted.md"
GUIDE = "runtimes.md"
FROM, TO = "<!-- counted: make bench-runtimes -->", "<!-- end -->"


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


def write_summary(folder: Path, findings: Findings) -> None:
    """Write the table of all models between the marks in the guide in `folder`.

    Raises ValueError when the guide has no such marks.
    """
    guide = folder / GUIDE
    before, _, rest = guide.read_text().partition(FROM)
    _, mark, after = rest.partition(TO)
    if not mark:
        raise ValueError(f"{guide} has no line {FROM!r} before a line {TO!r}")
    made = markdown_environment(Path(__file__).parent).from_string("{{ table(counted) }}")
    table = tidy(made.render(counted=summary_table(findings)))
    write_atomically(guide, f"{before}{FROM}\n\n{table.strip()}\n\n{TO}{after}".encode())


def summary_table(findings: Findings) -> Table[list[Row]]:
    """Return a row for each runtime and precision that was counted, with the models in columns."""
    (counted,) = columns("instructions_weighted")
    rows = [row for row in findings.rows if counted.value(row) is not None]

    def of(model: str) -> Column[list[Row]]:
        def value(alike: list[Row]) -> object:
            return next((counted.value(row) for row in alike if row.model == model), None)

        return Column(title=model, value=value, format=counted.format)

    return Table(
        caption="Weighted instructions",
        columns=(
            Column(title="runtime", value=lambda alike: runtime_of(alike[0])),
            Column(title="precision", value=lambda alike: alike[0].precision),
            *(of(model) for model in dict.fromkeys(row.model for row in rows)),
        ),
        rows=[list(alike) for alike in groups(rows, lambda row: (row.runtime, row.precision))],
    )
