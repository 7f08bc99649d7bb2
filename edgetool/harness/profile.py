"""Read a profile, in ONNX Runtime's form: find kernel events and their operators."""

from __future__ import annotations

from typing import Any

from edgetool.platform.foreign import one_line

KERNEL_SUFFIX = "_kernel_time"
INFERENCE = "model_run"  # the name of the event around each inference


def operator_of(event: Any) -> str | None:
    """Return the operator of a kernel event. Return None for other events and for malformed ones."""
    if not isinstance(event, dict) or event.get("cat") != "Node":
        return None
    name, duration, arguments = event.get("name"), event.get("dur"), event.get("args")
    if not isinstance(name, str) or not name.endswith(KERNEL_SUFFIX) or not isinstance(arguments, dict):
        return None
    operator = arguments.get("op_name")
    if not isinstance(operator, str) or not operator or not isinstance(duration, int) or not 0 <= duration < 2**50:
        return None
    return one_line(operator, 128) or None


def name_of(event: Any) -> str | None:
    return event.get("name") if isinstance(event, dict) else None


def start_of(event: Any) -> int | None:
    """In microseconds after the profile's start; None for what has none."""
    start = event.get("ts") if isinstance(event, dict) else None
    return start if isinstance(start, int) and 0 <= start < 2**50 else None


def bytes_of(event: Any, key: str) -> int | None:
    """A kernel's "output_size", "parameter_size" or "activation_size", which the runtime writes as texts."""
    text = event["args"].get(key)
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 16 else None
