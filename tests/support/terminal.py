"""A program on a terminal of its own."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Mapping
from pathlib import Path


def on_a_terminal(*words: str, env: Mapping[str, str], cwd: Path | None = None) -> str:
    """What Python shows on a terminal of 80 columns, given its arguments."""
    pid, end = pty.fork()
    if pid == 0:
        if cwd is not None:
            os.chdir(cwd)
        os.execve(sys.executable, [sys.executable, *words], {**os.environ, "COLUMNS": "80", **env})
    seen = b""
    while True:
        try:
            chunk = os.read(end, 65536)
        except OSError:  # how Linux tells the end of a terminal
            break
        seen += chunk
    os.close(end)
    os.waitpid(pid, 0)
    return seen.decode()
