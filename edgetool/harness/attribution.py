"""Attribute instructions to operators by matching the runtime's profile with the counts at each clock reading."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from edgetool.errors import HarnessError
from edgetool.harness.instructions import InstructionMix, OperatorInstructions
from edgetool.harness.profile import INFERENCE, name_of, operator_of, start_of
from edgetool.platform.documents import read_plain
from edgetool.platform.values import value

MICROSECOND_NS = 1000


@dataclass(frozen=True, kw_only=True)
class KernelEvent:
    """One run of a kernel, in whole microseconds since the start of the profile."""

    operator: str
    start_us: int
    duration_us: int


@value
class Reading:
    """A clock reading of the counted program, with the counts since the previous one."""

    time_ns: int
    since: InstructionMix


@dataclass(frozen=True, kw_only=True)
class Span:
    """The clock readings between which a kernel ran, by their index in the order they were made."""

    begin: int
    end: int


class Clock:
    """Readings by time since a given one. Readings of other clocks are far away."""

    def __init__(self, readings: Sequence[Reading], start_ns: int) -> None:
        ordered = sorted((reading.time_ns - start_ns, place) for place, reading in enumerate(readings))
        self._entries = [entry for entry in ordered if entry[0] >= 0]

    def within(self, start_ns: int, end_ns: int) -> list[tuple[int, int]]:
        """Return time and index of the readings from `start_ns` up to but excluding `end_ns`."""
        first, end = bisect_left(self._entries, (start_ns, 0)), bisect_left(self._entries, (end_ns, 0))
        return self._entries[first:end]

    def span(self, event: KernelEvent) -> Span | None:
        """Return the readings with which an event was timestamped, or None when there are none.

        The last matching start and the first matching end are used. The runtime rounds both down: the start relative to
        the profile's, the duration relative to the event's start.
        """
        start_ns = event.start_us * MICROSECOND_NS
        for time_ns, begin in reversed(self.within(start_ns, start_ns + MICROSECOND_NS)):
            end_ns = time_ns + event.duration_us * MICROSECOND_NS
            for _, end in self.within(end_ns, end_ns + MICROSECOND_NS):
                if end > begin:
                    return Span(begin=begin, end=end)
        return None


def attribute(profile: Path, readings: Sequence[Reading], *, inferences: int) -> tuple[OperatorInstructions, ...]:
    """Return the operators of a profile's last `inferences` by descending weight, per inference.

    Profile times are relative to its start, which is also a clock reading: it is the reading that fits all events. If
    there is none, XNNPACK ran the whole model and told only how long its operators took. Nothing is returned if it ran
    a part of the model. Each call includes the instructions for writing its event: see `without_events`. Raises
    HarnessError when no reading fits.
    """
    events = list(_events(profile, inferences))
    runs = list(_end_to_end(events))
    spans = _match(events, readings) or (_match_durations(runs, readings) if len(runs) == inferences else None)
    if spans is None and any(len(run) > 1 for run in runs):
        return ()  # XNNPACK's operators between others: only their sum is known
    if spans is None:
        raise HarnessError(f"{profile.name}: the profile's events match no clock readings")
    mixes: dict[str, list[InstructionMix]] = defaultdict(list)
    calls: dict[str, int] = defaultdict(int)
    for event, span in zip(events, spans, strict=True):
        mixes[event.operator] += [reading.since for reading in readings[span.begin + 1 : span.end + 1]]
        calls[event.operator] += 1
    sums = {operator: InstructionMix.sum(parts, divisor=inferences) for operator, parts in mixes.items()}
    return _operators(sums, {operator: count // inferences for operator, count in calls.items()})


def without_events(
    operators: Sequence[OperatorInstructions], inference: InstructionMix
) -> tuple[OperatorInstructions, ...]:
    """Take the writing of events from operators, so that they add up to an `inference` that was not profiled.

    What all operators have beyond it was the profiler's, and is spread evenly over the calls. ONNX Runtime writes some
    10,000 instructions of JSON for each, which a Reshape seemed to execute.
    """
    excess = InstructionMix.sum(each.mix for each in operators).without(inference)
    all_calls = sum(each.calls for each in operators)
    return _operators(
        {each.operator: each.mix.without(excess, share=each.calls / all_calls) for each in operators},
        {each.operator: each.calls for each in operators},
    )


def _operators(mixes: Mapping[str, InstructionMix], calls: Mapping[str, int]) -> tuple[OperatorInstructions, ...]:
    """Return the operators by descending weight."""
    everything = sum(mix.weighted for mix in mixes.values())
    return tuple(
        OperatorInstructions(
            operator=operator,
            calls=calls[operator],
            mix=mix,
            share=mix.weighted / everything if everything else 0.0,
        )
        for operator, mix in sorted(mixes.items(), key=lambda entry: -entry[1].weighted)
    )


def _match(events: Sequence[KernelEvent], readings: Sequence[Reading]) -> list[Span] | None:
    """Return the readings of all events for the first start that fits them all."""
    for start_ns in sorted(reading.time_ns for reading in readings):
        clock = Clock(readings, start_ns)
        spans = []
        for event in events:
            if (span := clock.span(event)) is None:
                break
            spans.append(span)
        else:
            return spans
    return None


def _match_durations(runs: Sequence[Sequence[KernelEvent]], readings: Sequence[Reading]) -> list[Span] | None:
    """Return the first readings, one after the other, that are as far apart as a run's events are long.

    A runtime's division may be a microsecond off.
    """
    times = [reading.time_ns for reading in readings]
    gaps_us = [(after - before) // MICROSECOND_NS for before, after in pairwise(times)]
    spans: list[Span] = []
    for run in runs:
        first = spans[-1].end if spans else 0
        for begin in range(first, len(gaps_us) - len(run) + 1):
            if all(abs(gap - event.duration_us) <= 1 for gap, event in zip(gaps_us[begin:], run, strict=False)):
                spans += [Span(begin=place, end=place + 1) for place in range(begin, begin + len(run))]
                break
        else:
            return None
    return spans


def _end_to_end(events: Sequence[KernelEvent]) -> Iterator[list[KernelEvent]]:
    """Yield runs of events each of which begins when the previous one ends."""
    run: list[KernelEvent] = []
    for event in events:
        if run and event.start_us != run[-1].start_us + run[-1].duration_us:
            yield run
            run = []
        run.append(event)
    if run:
        yield run


def _events(profile: Path, inferences: int) -> Iterator[KernelEvent]:
    """Yield the kernels of the last `inferences`."""
    events = read_plain(profile, error=HarnessError)
    if not isinstance(events, list):
        raise HarnessError(f"{profile.name}: the profile is not a list of events")
    starts = sorted(start for event in events if name_of(event) == INFERENCE and (start := start_of(event)) is not None)
    if len(starts) < inferences:
        raise HarnessError(f"{profile.name}: {len(starts)} inferences, expected {inferences}")
    for event in events:
        operator, start_us = operator_of(event), start_of(event)
        if operator is not None and start_us is not None and start_us >= starts[-inferences]:
            yield KernelEvent(operator=operator, start_us=start_us, duration_us=event["dur"])
