"""Cases measured in this process, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from edgetool.errors import EdgetoolError
from edgetool.harness.bench import open_bench
from edgetool.pipeline.prepare import PreparedCase
from edgetool.platform.context import StepContext
from edgetool.records.measure import measure
from edgetool.records.record import Recorded


def measure_here(
    cases: Sequence[PreparedCase], context: StepContext
) -> Iterator[tuple[PreparedCase, Recorded | EdgetoolError]]:
    """Each case with its record, or why it has none. Neighbours that share target and bundle share a bench."""
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
            while left:
                answer: Recorded | EdgetoolError
                try:
                    case = left[0]
                    answer = measure(bench, case.model, instruments=case.instruments, runtime=case.case.runtime)
                except EdgetoolError as error:
                    answer = error
                yield left.pop(0), answer
    except EdgetoolError as error:  # no bench, or it could not be left as it was found
        if not left:
            raise
        yield from ((case, error) for case in left)
