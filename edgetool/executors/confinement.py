"""How emulated programs are kept to their work folder, and from the network."""

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
    """What to put before a command, so that it writes only in `folder` and reaches no other machine or program."""
    launcher = (sys.executable, "-I", "-S", confine.__file__, str(folder))
    if (bubblewrap := _bubblewrap()) is None:
        return launcher
    files = ("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--bind", str(folder), str(folder))
    return (bubblewrap, *files, *ISOLATED, "--chdir", str(folder), "--", *launcher)


def confinement() -> str | None:
    """By what, in words; None where this machine has neither bubblewrap nor Landlock."""
    if _bubblewrap() is not None:
        return "bubblewrap"
    version = confine.landlock_version()
    return f"Landlock, version {version}" if version else None


@cache
def _bubblewrap() -> str | None:
    """Its program, where it is installed and may make namespaces."""
    program = shutil.which(BUBBLEWRAP)
    if program is None:
        return None
    tried = run_process([program, "--ro-bind", "/", "/", "--proc", "/proc", *ISOLATED, "true"], timeout_s=30)
    return program if tried.exit_code == 0 else None
