"""Labels of rows in charts, containing only what distinguishes them."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.platform.format import plural
from edgetool.reports.rows import Row


def row_label(row: Row, table: Sequence[Row]) -> str:
    """Return a label such as "int8 on qemu-riscv64 (emulated)"."""
    model = f"{row.model} " if len({other.model for other in table}) > 1 else ""
    runtime = "" if row.is_own_runtime else f", {row.runtime}"
    threads = f", {plural(row.threads, 'thread')}" if len({other.threads for other in table}) > 1 else ""
    emulated = " (emulated)" if row.emulated else ""
    return f"{model}{row.precision} on {row.target}{emulated}{runtime}{threads}"
