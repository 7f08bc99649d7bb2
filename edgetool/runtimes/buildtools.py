"""Build tools that a cross build runs on this machine: CMake, Ninja and patch."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from edgetool.errors import ConfigError
from edgetool.platform.process import run_process
from edgetool.platform.progress import Step

POLICY_MINIMUM = "3.5"  # some dependencies require a version that CMake 4 no longer supports
# Unset, since CMake would add the user's flags to the recipe's.
UNTOUCHED = dict.fromkeys(("CFLAGS", "CXXFLAGS", "CPPFLAGS", "ASMFLAGS", "LDFLAGS"), "")
NINJA_STATUS = re.compile(r"\[(\d+)/(\d+)\]")


def find_tool(name: str) -> Path:
    """Return the path of CMake or Ninja: from its PyPI package, the same on every machine, else as installed.

    Raises ConfigError when it isn't installed.
    """
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
    """Check that patch is installed. Raises ConfigError when it isn't."""
    if shutil.which("patch") is None:
        raise ConfigError("patch is not installed", hint="as root: apt-get install patch")


def cmake_version() -> str:
    printed = run_process([find_tool("cmake"), "--version"], timeout_s=60).stdout.decode(errors="replace")
    return printed.partition("\n")[0].removeprefix("cmake version ").strip()


def progress_note(step: Step) -> Callable[[str], None]:
    """Return a callback that reads Ninja's output and reports its progress."""

    def note(line: str) -> None:
        if found := NINJA_STATUS.match(line):
            step.count(int(found[1]), int(found[2]), "objects")

    return note
