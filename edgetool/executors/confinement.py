"""Confine emulated programs to their work folder and cut them off from the network."""

from __future__ import annotations

import shutil
import sys
from functools import cache
from pathlib import Path

from edgetool.executors import confine
from edgetool.platform.process import run_process

BUBBLEWRAP = "bwrap"
ISOLATED = ("--unshare-net", "--unshare-ipc", "--unshare-pid", "--die-with-parent")


def confined(folder: Path) -> tuple[str, ...]:
    """Return the command prefix that confines a program to writing in `folder`, without network or other processes."""
    launcher = (sys.executable, "-I", "-S", confine.__file__, str(folder))
    if (bubblewrap := _bubblewrap()) is None:
        return launcher
    files = ("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--bind", str(folder), str(folder))
    return (bubblewrap, *files, *ISOLATED, "--chdir", str(folder), "--", *launcher)


def confinement() -> str | None:
    """Describe the confinement in use. Return None when this machine has neither bubblewrap nor Landlock."""
    if _bubblewrap() is not None:
        return "bubblewrap"
    version = confine.landlock_version()
    return f"Landlock, version {version}" if version else None


@cache
def _bubblewrap() -> str | None:
    """Return bubblewrap's path if it is installed and allowed to create namespaces."""
    program = shutil.which(BUBBLEWRAP)
    if program is None:
        return None
    tried = run_process([program, "--ro-bind", "/", "/", "--proc", "/proc", *ISOLATED, "true"], timeout_s=30)
    return program if tried.exit_code == 0 else None
