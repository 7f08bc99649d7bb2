"""What a cross build runs on this machine: CMake, Ninja, patch."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from edgetool.errors import ConfigError
from edgetool.platform.process import run_process
from edgetool.platform.progress import Step

POLICY_MINIMUM = "3.5"  # some of the dependencies ask for less than CMake 4 still knows
# CMake would add what the user's shell says to what the recipe says.
UNTOUCHED = dict.fromkeys(("CFLAGS", "CXXFLAGS", "CPPFLAGS", "ASMFLAGS", "LDFLAGS"), "")
NINJA_STATUS = re.compile(r"\[(\d+)/(\d+)\]")


def find_tool(name: str) -> Path:
    """CMake or Ninja: out of its PyPI package, the same on every machine, or else what is installed."""
    try:
        module = import_module(name)
    except ImportError:
        found = shutil.which(name)
        if found is None:
            raise ConfigError(f"{name} is not installed", hint=f"pip install {name}") from None
        return Path(found)
    folder: str = module.CMAKE_BIN_DIR if name == "cmake" else module.BIN_DIR
    return Path(folder) / name


def check_patch() -> None:
    """Raises ConfigError where the pinned sources can't be patched."""
    if shutil.which("patch") is None:
        raise ConfigError("patch is not installed", hint="as root: apt-get install patch")


def cmake_version() -> str:
    printed = run_process([find_tool("cmake"), "--version"], timeout_s=60).stdout.decode(errors="replace")
    return printed.partition("\n")[0].removeprefix("cmake version ").strip()


def progress_note(step: Step) -> Callable[[str], None]:
    """What takes Ninja's lines and notes how far it is."""

    def note(line: str) -> None:
        if found := NINJA_STATUS.match(line):
            step.note(f"{found[1]} of {found[2]} objects")

    return note
