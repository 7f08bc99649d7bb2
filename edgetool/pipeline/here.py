"""Measure cases in this process, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from edgetool.errors import EdgetoolError
from edgetool.harness.bench import Bench, open_bench
from edgetool.measurements.reading import Reading
from edgetool.measurements.timing import measure_in_turn
from edgetool.pipeline.prepare import PreparedCase
from edgetool.platform.context import StepContext
from edgetool.records.measure import measure
from edgetool.records.record import Recorded


def measure_here(
    cases: Sequence[PreparedCase], context: StepContext
) -> Iterator[tuple[PreparedCase, Recorded | EdgetoolError]]:
    """Yield each case with its record or error.

    Consecutive cases with the same target and bundle share a bench, on which they are timed in turn.
    """
    for _, neighbours in groupby(
        cases, key=lambda case: (case.target, case.bundle.manifest.id, case.environment, case.images)
    ):
        yield from _measure_on_one_bench(list(neighbours), context)


def _measure_on_one_bench(
    cases: list[PreparedCase], context: StepContext
) -> Iterator[tuple[PreparedCase, Recorded | EdgetoolError]]:
    left = list(cases)
    first = cases[0]
    try:
        with open_bench(
            first.bundle, first.target, context, environment=first.environment, images=first.images
        ) as bench:
            timed = _time_in_turn(bench, cases)
            while left:
                answer: Recorded | EdgetoolError
                try:
                    case = left[0]
                    answer = measure(
                        bench,
                        case.model,
                        instruments=case.instruments,
                        runtime=case.case.runtime,
                        timed=timed.get(case.key),
                    )
                except EdgetoolError as error:
                    answer = error
                yield left.pop(0), answer
    except EdgetoolError as error:  # the bench couldn't be opened, or the board not be restored
        if not left:
            raise
        yield from ((case, error) for case in left)


def _time_in_turn(bench: Bench, cases: Sequence[PreparedCase]) -> Mapping[str, Reading]:
    """Time cases in turn and return their readings by key.

    Return nothing if there are fewer than two models to time or one fails; each is then timed separately.
    """
    timed = [case for case in cases if "timing" in case.instruments]
    if len(timed) < 2 or bench.executor.emulator is not None or not bench.target.benchmark.interleave:
        return {}
    try:
        readings = measure_in_turn(bench, [case.model for case in timed])
    except EdgetoolError:
        return {}
    return {case.key: reading for case, reading in zip(timed, readings, strict=True)}
