"""Link a library with identical functions merged. zig's linker supports this, but zig has no option for it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from edgetool.errors import BuildError
from edgetool.platform.process import run_tool

FOLD = "--icf=safe"  # functions whose address is taken stay separate
LINKER = "ld.lld"


def fold_functions(command: str, output: Path, *, zig: Path, folder: Path, env: Mapping[str, str], log: Path) -> None:
    """Run the link `command` in `folder` with identical functions merged, writing to `output`. Raises BuildError."""
    # Only zig knows the linker's arguments; it can print them.
    printed = run_tool(["sh", "-c", command], cwd=folder, env={**env, "ZIG_VERBOSE_LINK": "1"}, log=log)
    text = (printed.stdout + printed.stderr).decode(errors="replace")
    # The last line: with an empty cache zig links its own libraries first.
    linked = [shlex.split(line) for line in text.splitlines() if line.startswith(f"{LINKER} ")]
    words = linked[-1] if linked else None
    if words is None or "-o" not in words:
        raise BuildError(f"zig printed no link command; its log is {log}", hint="pip install ziglang==0.17.1")
    words[words.index("-o") + 1] = str(output)
    run_tool([zig, *words, FOLD], cwd=folder, env=env, log=log, timeout_s=600)
