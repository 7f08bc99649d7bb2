"""Read ONNX Runtime's profile: find kernel events and their operators."""

from __future__ import annotations

from typing import Any

from edgetool.platform.foreign import one_line

KERNEL_SUFFIX = "_kernel_time"


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
