"""Measure cases in this process, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import PurePosixPath

from edgetool.errors import EdgetoolError, LinkLost
from edgetool.executors.base import Executor
from edgetool.harness.bench import Bench, open_board, set_up
from edgetool.harness.journal import Journal
from edgetool.measurements.reading import Reading
from edgetool.measurements.timing import measure_in_turn
from edgetool.pipeline.prepare import PreparedCase
from edgetool.platform.context import StepContext
from edgetool.records.case import Case
from edgetool.records.measure import measure
from edgetool.records.record import Recorded

Answer = Recorded | EdgetoolError


def sessions(cases: Sequence[PreparedCase]) -> Iterator[tuple[PreparedCase, ...]]:
    """Group consecutive cases of one model on one target, whatever their precision, runtime and threads."""
    for _, neighbours in groupby(cases, key=lambda case: (case.case.target, case.case.model)):
        yield tuple(neighbours)


def measure_here(
    cases: Sequence[PreparedCase], context: StepContext, journal: Journal | None = None
) -> Iterator[tuple[PreparedCase, Answer]]:
    """Yield each case with its record or error.

    The cases of a session share an open board, on which they are timed in turn. What the journal has of an interrupted
    run is not measured again.
    """
    for session in sessions(cases):
        yield from _measure_on_one_board(session, context, journal)


def _measure_on_one_board(
    cases: Sequence[PreparedCase], context: StepContext, journal: Journal | None
) -> Iterator[tuple[PreparedCase, Answer]]:
    left = list(cases)
    try:
        with open_board(cases[0].target, context.progress) as executor:
            benches = _set_up(executor, cases, context, journal)
            for case in cases:
                if isinstance(error := benches[case.case], EdgetoolError):
                    left.remove(case)
                    yield case, error
            ready = {case.case: bench for case in left if isinstance(bench := benches[case.case], Bench)}
            timed = _time_in_turn(left, ready)
            while left:
                case = left[0]
                answer = _measure(case, ready[case.case], timed.get(case.case))
                yield left.pop(0), answer
    except EdgetoolError as error:  # the board couldn't be opened or restored
        if not left:
            raise
        yield from ((case, error) for case in left)


def _set_up(
    executor: Executor, cases: Sequence[PreparedCase], context: StepContext, journal: Journal | None
) -> Mapping[Case, Bench | EdgetoolError]:
    """Return the bench of each case, or why there is none. Each bundle is copied and self-tested once."""
    made: dict[object, Bench | EdgetoolError] = {}
    benches: dict[Case, Bench | EdgetoolError] = {}
    for case in cases:
        identity = (case.bundle.manifest.id, tuple(sorted(case.environment.items())))
        root = PurePosixPath(f"bundle-{case.bundle.manifest.id[:16]}")
        try:
            if identity not in made:
                made[identity] = set_up(
                    executor, case.bundle, case.target, context, environment=case.environment, root=root
                )
        except LinkLost:
            raise
        except EdgetoolError as error:
            made[identity] = error
        bench = made[identity]
        if isinstance(bench, Bench):
            bench = replace(bench, target=case.target, metrics=case.metrics, journal=journal)
        benches[case.case] = bench
    return benches


def _time_in_turn(
    cases: Sequence[PreparedCase], benches: Mapping[Case, Bench]
) -> Mapping[Case, Reading | EdgetoolError]:
    """Time the cases in turn. Return nothing if there are fewer than two to time, or emulated ones."""
    timed = [case for case in cases if "timing" in case.instruments and case.target.benchmark.interleave]
    if len(timed) < 2 or benches[timed[0].case].executor.emulator is not None:
        return {}
    readings = measure_in_turn([(benches[case.case], case.model) for case in timed])
    return {case.case: reading for case, reading in zip(timed, readings, strict=True)}


def _measure(case: PreparedCase, bench: Bench, timed: Reading | EdgetoolError | None) -> Answer:
    if isinstance(timed, EdgetoolError):
        return timed
    try:
        return measure(bench, case.model, instruments=case.instruments, runtime=case.case.runtime, timed=timed)
    except LinkLost:
        raise  # its hint says how to go on
    except EdgetoolError as error:
        return error
