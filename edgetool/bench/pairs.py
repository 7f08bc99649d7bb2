"""Which records of two runs belong side by side."""

from __future__ import annotations

from pathlib import Path

from edgetool.bench.compare import Comparison, compare
from edgetool.bench.measure import Measurement
from edgetool.bench.runs import read_measurement, read_run
from edgetool.errors import CompareError


def compare_paths(baseline: Path, candidate: Path) -> tuple[Comparison, ...]:
    """Two records, or the records that two runs share.

    Records of two runs belong together when place and precision are equal; a run compared with itself pairs the host's
    records with the target's. Raises CompareError when nothing belongs together.
    """
    before, after = _read(baseline), _read(candidate)
    if len(before) == len(after) == 1:
        pairs = [(before[0], after[0])]
    elif baseline.resolve() == candidate.resolve():
        pairs = [
            (a, b)
            for a in before
            for b in after
            if a.record.target == "host" != b.record.target and _precision(a) == _precision(b)
        ]
    else:
        pairs = [
            (a, b)
            for a in before
            for b in after
            if a.record.target == b.record.target and _precision(a) == _precision(b)
        ]
    if not pairs:
        raise CompareError(
            f"{baseline} and {candidate} share no place and precision", hint="give two records: RUN/records/NAME.json"
        )
    return tuple(compare(a.record, b.record, baseline_outputs=a.outputs, candidate_outputs=b.outputs) for a, b in pairs)


def _precision(measurement: Measurement) -> str:
    return measurement.record.model.precision


def _read(path: Path) -> tuple[Measurement, ...]:
    return read_run(path).measurements if path.is_dir() else (read_measurement(path),)
