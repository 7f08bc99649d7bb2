"""ONNX Runtime's own profile, summed up by operator."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from edgetool.bench.record import OperatorTime
from edgetool.errors import HarnessError
from edgetool.platform.documents import read_plain

KERNEL_SUFFIX = "_kernel_time"


def read_profile(path: Path, runs: int) -> tuple[OperatorTime, ...]:
    """Operators by falling time, each per inference, from a profile of `runs` inferences.

    The profile is a list of trace events; those of category "Node" whose name ends in `_kernel_time` carry a duration
    in microseconds and the operator's name. Profiling costs time itself: read the shares, not the sums. Raises
    HarnessError.
    """
    events = read_plain(path, error=HarnessError)
    if not isinstance(events, list):
        raise HarnessError(f"{path.name}: the profile is not a list of events")
    total_us: dict[str, int] = defaultdict(int)
    calls: dict[str, int] = defaultdict(int)
    for event in events:
        if (operator := operator_of(event)) is not None:
            total_us[operator] += event["dur"]
            calls[operator] += 1
    everything = sum(total_us.values())
    return tuple(
        OperatorTime(
            operator=operator,
            calls=calls[operator] // runs,
            time_ns=total_us[operator] * 1000 // runs,
            share=total_us[operator] / everything if everything else 0.0,
        )
        for operator in sorted(total_us, key=lambda name: -total_us[name])
    )


def operator_of(event: Any) -> str | None:
    """The operator of a kernel's event; None for every other event, and for what is not one at all."""
    if not isinstance(event, dict) or event.get("cat") != "Node":
        return None
    name, duration, arguments = event.get("name"), event.get("dur"), event.get("args")
    if not isinstance(name, str) or not name.endswith(KERNEL_SUFFIX) or not isinstance(arguments, dict):
        return None
    operator = arguments.get("op_name")
    if not isinstance(operator, str) or not operator or not isinstance(duration, int) or not 0 <= duration < 2**50:
        return None
    return operator[:128]
