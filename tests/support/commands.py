"""The command line in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgetool.platform.process import Completed, run_process


def run_cli(
    *words: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None, timeout_s: float = 240
) -> Completed:
    """`edgetool …` in a process of its own."""
    return run_process([sys.executable, "-m", "edgetool.cli", *words], cwd=cwd, env=env, timeout_s=timeout_s)


def run_checked(
    argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None, timeout_s: float = 600
) -> Completed:
    """A program that a fixture needs to succeed. Raises RuntimeError with its output when it fails."""
    done = run_process(argv, env=env, timeout_s=timeout_s)
    if done.exit_code != 0:
        raise RuntimeError(
            f"{argv[0]} ended with {done.exit_code}: {(done.stdout + done.stderr).decode(errors='replace')}"
        )
    return done


def start_cli(*words: str | Path, cwd: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """`edgetool …` left running, for tests that interrupt it."""
    return start_python("-m", "edgetool.cli", *words, cwd=cwd, env=env)


def start_python(
    *words: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def command_lines() -> list[str]:
    """The command line of every process of this machine."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return lines
