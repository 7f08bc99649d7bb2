"""Fixtures: a folder of runs as several deployments left them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edgetool.measurements.operators import Operators, OperatorTime
from edgetool.records.record import Record, Recorded
from tests.reports.examples import COUNTS, HALF, INT8, accuracy
from tests.support.records import emulated_record, model_spec, record, recorded, stored_run

HOSTILE = "![x](http://192.0.2.1/x.png) <img src=http://192.0.2.1/y onerror=alert(1)> :red[z]"
CONV = Operators(times=(OperatorTime(operator="Conv", calls=3, time_ns=10, share=0.8),))
DAY = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def entries(day: int, **changes: object) -> list[Recorded]:
    """fp32 and int8 on the host and under an emulator; int8 gets one image more wrong."""
    made: list[Record] = []
    for spec, wrong, counts in ((model_spec(), 4, COUNTS), (INT8, 5, HALF)):
        # Neighbours do not resemble each other: a series that drifts has too few independent samples for an interval.
        base = (1_000_000 if spec is INT8 else 2_000_000) + 10_000 * day
        fast = tuple(base + 1000 * (17 * i % 30) for i in range(30))
        made.append(record(model=spec, accuracy=accuracy(wrong=wrong), samples_ns=fast, **changes))
        made.append(
            emulated_record(model=spec, accuracy=accuracy(images=40, wrong=wrong), instructions=counts, **changes)
        )
    return [
        recorded(
            replace(each, id=f"{number}-{day}", started_at=DAY + timedelta(days=day), operators=each.operators or CONV)
        )
        for number, each in enumerate(made)
    ]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Three days of the same deployment, and a folder that is no run."""
    for day in range(3):
        stored_run(tmp_path / "runs" / f"run{day}", *entries(day))
    (tmp_path / "runs" / "notes").mkdir()
    return tmp_path / "runs"
