"""Instructions by operator: the runtime's profile matched with the counts at each reading of the clock."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetool.bench.instructions import OperatorInstructions
from edgetool.bench.profile import operator_of
from edgetool.errors import HarnessError
from edgetool.platform.documents import read_plain

Reading = tuple[int, int, int, int]  # nanoseconds, raw, weighted, of raw vector instructions
MICROSECOND_NS = 1000
INFERENCE = "model_run"  # the profile's event around each


@dataclass(frozen=True, kw_only=True)
class KernelEvent:
    """One run of a kernel, in whole microseconds after the profile's start."""

    operator: str
    start_us: int
    duration_us: int


class Clock:
    """The readings, by time since one of them."""

    def __init__(self, readings: Sequence[Reading], start: int) -> None:
        self._readings = [reading for reading in readings if reading[0] >= start]
        self._times = [reading[0] - start for reading in self._readings]

    def within(self, start_ns: int, end_ns: int) -> list[tuple[int, Reading]]:
        """What was read from `start_ns` to before `end_ns`, in order."""
        first, end = bisect_left(self._times, start_ns), bisect_left(self._times, end_ns)
        return list(zip(self._times[first:end], self._readings[first:end], strict=True))

    def span(self, event: KernelEvent) -> tuple[Reading, Reading] | None:
        """The readings that an event was dated with, None when there are none: its last start, its first end.

        The runtime rounds down, the start from the profile's start, the duration from the event's.
        """
        start_ns = event.start_us * MICROSECOND_NS
        for time_ns, begin in reversed(self.within(start_ns, start_ns + MICROSECOND_NS)):
            end_ns = time_ns + event.duration_us * MICROSECOND_NS
            for _, end in self.within(end_ns, end_ns + MICROSECOND_NS):
                if end[1] > begin[1]:
                    return begin, end
        return None


def attribute(profile: Path, readings: Sequence[Reading], *, inferences: int) -> tuple[OperatorInstructions, ...]:
    """Operators by falling weight, each per inference, of a profile's last `inferences`.

    A profile is dated from its own start, which was read from the clock as well: the reading that all events fit is
    it. Writing an event costs some instructions of its own, which each call carries: read the shares. Raises
    HarnessError when no reading fits.
    """
    events = list(_events(profile, inferences))
    ordered = sorted(readings)
    spans = _match(events, ordered)
    if spans is None:
        raise HarnessError(f"{profile.name}: the profile's events are at no readings of the clock")
    raw: dict[str, int] = defaultdict(int)
    weighted: dict[str, int] = defaultdict(int)
    vector: dict[str, int] = defaultdict(int)
    calls: dict[str, int] = defaultdict(int)
    for event, (begin, end) in zip(events, spans, strict=True):
        raw[event.operator] += end[1] - begin[1]
        weighted[event.operator] += end[2] - begin[2]
        vector[event.operator] += end[3] - begin[3]
        calls[event.operator] += 1
    everything = sum(weighted.values())
    return tuple(
        OperatorInstructions(
            operator=operator,
            calls=calls[operator] // inferences,
            raw=raw[operator] // inferences,
            weighted=weighted[operator] // inferences,
            vector=vector[operator] // inferences,
            share=weighted[operator] / everything if everything else 0.0,
        )
        for operator in sorted(weighted, key=lambda name: -weighted[name])
    )


def _match(events: Sequence[KernelEvent], readings: Sequence[Reading]) -> list[tuple[Reading, Reading]] | None:
    """The readings of all events, from the first start that fits them all; times of other clocks fit none."""
    for start, *_ in readings:
        clock = Clock(readings, start)
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
