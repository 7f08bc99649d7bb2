"""Estimates from the counts in records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgetool.estimates.cores import Core
from edgetool.estimates.rows import EstimateRow
from edgetool.records.results import read_recorded, read_run
from edgetool.reports.tables.estimates import record_rows

COUNT = "count with --count-instructions on a target with vectors of the core's length"


def recorded_rows(subject: Path, cores: Sequence[Core]) -> tuple[EstimateRow, ...]:
    """Return estimates for a run's folder or a single record; empty if no counts fit one of the cores."""
    measured = read_run(subject).recorded if subject.is_dir() else (read_recorded(subject),)
    return record_rows((each.record for each in measured), cores)
