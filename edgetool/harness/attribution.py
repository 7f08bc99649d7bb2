"""Instructions by operator: the runtime's profile matched with the counts at each reading of the clock."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetool.errors import HarnessError
from edgetool.harness.instructions import InstructionMix, OperatorInstructions
from edgetool.harness.profile import operator_of
from edgetool.platform.documents import read_plain
from edgetool.platform.values import value

MICROSECOND_NS = 1000
INFERENCE = "model_run"  # the profile's event around each


@dataclass(frozen=True, kw_only=True)
class KernelEvent:
    """One run of a kernel, in whole microseconds after the profile's start."""

    operator: str
    start_us: int
    duration_us: int


@value
class Reading:
    """A reading of the clock by the program that is counted, and what was counted since the one before."""

    time_ns: int
    since: InstructionMix


@dataclass(frozen=True, kw_only=True)
class Span:
    """The readings between which a kernel ran, by their place in the order in which they were made."""

    begin: int
    end: int


class Clock:
    """The readings by time since one of them; those of other clocks lie far off."""

    def __init__(self, readings: Sequence[Reading], start_ns: int) -> None:
        ordered = sorted((reading.time_ns - start_ns, place) for place, reading in enumerate(readings))
        self._entries = [entry for entry in ordered if entry[0] >= 0]

    def within(self, start_ns: int, end_ns: int) -> list[tuple[int, int]]:
        """Time and place of what was read from `start_ns` to before `end_ns`."""
        first, end = bisect_left(self._entries, (start_ns, 0)), bisect_left(self._entries, (end_ns, 0))
        return self._entries[first:end]

    def span(self, event: KernelEvent) -> Span | None:
        """The readings that an event was dated with, None when there are none: its last start, its first end.

        The runtime rounds down, the start from the profile's start, the duration from the event's.
        """
        start_ns = event.start_us * MICROSECOND_NS
        for time_ns, begin in reversed(self.within(start_ns, start_ns + MICROSECOND_NS)):
            end_ns = time_ns + event.duration_us * MICROSECOND_NS
            for _, end in self.within(end_ns, end_ns + MICROSECOND_NS):
                if end > begin:
                    return Span(begin=begin, end=end)
        return None


def attribute(profile: Path, readings: Sequence[Reading], *, inferences: int) -> tuple[OperatorInstructions, ...]:
    """Operators by falling weight, each per inference, of a profile's last `inferences`.

    A profile is dated from its own start, which was read from the clock as well: the reading that all events fit is
    it. Writing an event costs some instructions of its own, which each call carries: read the shares. Raises
    HarnessError when no reading fits.
    """
    events = list(_events(profile, inferences))
    spans = _match(events, readings)
    if spans is None:
        raise HarnessError(f"{profile.name}: the profile's events are at no readings of the clock")
    mixes: dict[str, list[InstructionMix]] = defaultdict(list)
    calls: dict[str, int] = defaultdict(int)
    for event, span in zip(events, spans, strict=True):
        mixes[event.operator] += [reading.since for reading in readings[span.begin + 1 : span.end + 1]]
        calls[event.operator] += 1
    sums = {operator: InstructionMix.sum(parts, divisor=inferences) for operator, parts in mixes.items()}
    everything = sum(mix.weighted for mix in sums.values())
    return tuple(
        OperatorInstructions(
            operator=operator,
            calls=calls[operator] // inferences,
            mix=mix,
            share=mix.weighted / everything if everything else 0.0,
        )
        for operator, mix in sorted(sums.items(), key=lambda entry: -entry[1].weighted)
    )


def _match(events: Sequence[KernelEvent], readings: Sequence[Reading]) -> list[Span] | None:
    """The readings of all events, from the first start that fits them all; times of other clocks fit none."""
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


def _events(profile: Path, inferences: int) -> Iterator[KernelEvent]:
    """The kernels of the last `inferences`."""
    events = read_plain(profile, error=HarnessError)
    if not isinstance(events, list):
        raise HarnessError(f"{profile.name}: the profile is not a list of events")
    starts = sorted(start for event in events if _name(event) == INFERENCE and (start := _start_us(event)) is not None)
    if len(starts) < inferences:
        raise HarnessError(f"{profile.name}: {len(starts)} inferences, wanted {inferences}")
    for event in events:
        operator, start_us = operator_of(event), _start_us(event)
        if operator is not None and start_us is not None and start_us >= starts[-inferences]:
            yield KernelEvent(operator=operator, start_us=start_us, duration_us=event["dur"])


def _name(event: Any) -> str | None:
    return event.get("name") if isinstance(event, dict) else None


def _start_us(event: Any) -> int | None:
    start = event.get("ts") if isinstance(event, dict) else None
    return start if isinstance(start, int) and 0 <= start < 2**50 else None
