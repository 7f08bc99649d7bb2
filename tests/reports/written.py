"""A run with its report, on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edgetool.bench.measure import Measurement
from edgetool.bench.runs import write_run
from edgetool.reports.report import write_report


def written(folder: Path, measurements: Sequence[Measurement], **options: Any) -> Path:
    run = write_run(
        folder / "runs",
        target="qemu-riscv64",
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        models=list(dict.fromkeys(measurement.record.model for measurement in measurements)),
        measurements=measurements,
        **options,
    )
    write_report(run)
    return run
