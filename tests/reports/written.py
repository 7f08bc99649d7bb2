"""A run with its report, on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgetool.records.record import Recorded
from edgetool.reports.exporters import write_report
from tests.support.records import stored_run


def written(folder: Path, entries: Sequence[Recorded], **options: Any) -> Path:
    run = stored_run(folder / "run", *entries, **options)
    write_report(run)
    return run
