"""Find compilers for runtimes: zig from PyPI, or an installed GCC."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from edgetool.errors import ConfigError
from edgetool.platform.files import write_atomically
from edgetool.platform.process import run_process
from edgetool.runtimes.spec import Toolchain
from edgetool.runtimes.toolchains import native_triple

COMPILING = ("cc", "c++")
OLDEST_GCC = 14  # GCC before 13 lacks riscv_vector.h; 13 is untested
NEWEST_GCC = 20
# GCC's flags for single files, whose code runs where the processor has it → zig's equivalents.
ZIG_CPUS = {
    "-march=rv64gcv": "-mcpu=baseline_rv64+v",
    **{
        f"-march=armv8.2-a+{extension}": f"-mcpu=generic+v8_2a+{feature}"
        for extension, feature in {"bf16": "bf16", "dotprod": "dotprod", "fp16": "fullfp16", "i8mm": "i8mm"}.items()
    },
}


@dataclass(frozen=True, kw_only=True)
class Compiler:
    """Compiler programs by CMake's names, each as a list of words."""

    title: str  # name and version
    target_flags: tuple[str, ...]
    programs: Mapping[str, tuple[str, ...]]
    link_flags: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)  # another compiler's flags → this compiler's equivalents
    chooses_glibc: bool = False  # links against the glibc version in its target, not the installed one

    def write_wrappers(self, folder: Path, *, hidden_flags: Sequence[str] = ()) -> dict[str, str]:
        """Write a wrapper script for each program, since CMake expects a single file.

        Return environment variables naming them.

        `hidden_flags` are added to compiler and linker calls without CMake's knowledge.
        """
        environment = {}
        for name, words in self.programs.items():
            path = folder / name
            more = hidden_flags if name in COMPILING else ()
            rename = self._renaming() if name in COMPILING else ""
            write_atomically(path, f'#!/bin/sh\n{rename}exec {shlex.join([*words, *more])} "$@"\n'.encode())
            path.chmod(0o755)
            environment[f"EDGETOOL_{name.upper().replace('+', 'X')}"] = str(path)
        return environment

    @property
    def inputs(self) -> dict[str, object]:
        """Return what of the compiler decides its output, for a key."""
        return {"compiler": self.title, "target": self.target_flags, "renamed": self.renamed}

    def _renaming(self) -> str:
        """Return shell code that replaces the arguments in `renamed`."""
        if not self.renamed:
            return ""
        cases = " ".join(f"{theirs}) word={ours} ;;" for theirs, ours in self.renamed.items())
        return f'for word do\n  shift\n  case $word in {cases} esac\n  set -- "$@" "$word"\ndone\n'


def find_compiler(name: str, toolchain: Toolchain) -> Compiler:
    """Return the compiler "zig" or "gcc" for a triple. Raises ConfigError when it is missing or too old."""
    match name:
        case "zig":
            target = ("-target", toolchain.zig_target)
            cpu = (f"-mcpu={toolchain.zig_cpu}",) if toolchain.zig_cpu else ()
            return _zig((*target, *cpu, *toolchain.cflags))
        case "gcc":
            prefix = "" if toolchain.triple == native_triple() else f"{toolchain.triple}-"
            return _gcc(prefix, toolchain.cflags)
        case _:
            raise ConfigError(f"no compiler {name!r}", hint="known compilers: zig, gcc")


def host_compiler(compiler: Compiler) -> Compiler:
    """Return a compiler of the same kind for programs that run on this machine during a build."""
    return _zig(()) if compiler.title.startswith("zig ") else _gcc("", ())


def _zig(flags: tuple[str, ...]) -> Compiler:
    found = importlib.util.find_spec("ziglang")
    if found is None or found.origin is None:
        raise ConfigError("the compiler ziglang is not installed", hint="pip install ziglang")
    zig = str(Path(found.origin).parent / "zig")
    return Compiler(
        title=f"zig {version('ziglang')}",
        target_flags=flags,
        programs={
            "cc": (zig, "cc", *flags),
            "c++": (zig, "c++", *flags),
            "ar": (zig, "ar"),
            "ranlib": (zig, "ranlib"),
        },
        renamed=ZIG_CPUS,
        chooses_glibc=True,
    )


def _gcc(prefix: str, flags: tuple[str, ...]) -> Compiler:
    for suffix in ("", *(f"-{release}" for release in range(NEWEST_GCC, OLDEST_GCC - 1, -1))):
        names = {"cc": f"{prefix}gcc{suffix}", "c++": f"{prefix}g++{suffix}"}
        names |= {tool: f"{prefix}gcc-{tool}{suffix}" for tool in ("ar", "ranlib")}
        paths = {tool: shutil.which(program) for tool, program in names.items()}
        found = {tool: path for tool, path in paths.items() if path is not None}
        if len(found) == len(paths) and (release := _gcc_version(found["cc"])) >= (OLDEST_GCC,):
            return Compiler(
                title=f"gcc {'.'.join(map(str, release))}",
                target_flags=flags,
                programs={tool: (path, *(flags if tool in ("cc", "c++") else ())) for tool, path in found.items()},
                link_flags=("-static-libstdc++", "-static-libgcc"),
            )
    package = f"g++-{OLDEST_GCC}" + (f"-{prefix.removesuffix('-').replace('_', '-')}" if prefix else "")
    raise ConfigError(
        f"no {prefix}gcc of release {OLDEST_GCC} or newer is installed", hint=f"as root: apt-get install {package}"
    )


def _gcc_version(program: str) -> tuple[int, ...]:
    printed = run_process([program, "-dumpfullversion"], timeout_s=30).stdout.decode(errors="replace").strip()
    return tuple(map(int, printed.split("."))) if re.fullmatch(r"\d+(\.\d+)*", printed) else ()


def cache_environment(root: Path) -> dict[str, str]:
    """Keep the C++ library and libc start files, which zig builds once for each target, in edgetool's cache."""
    folder = str(root / "zig")
    return {"ZIG_LOCAL_CACHE_DIR": folder, "ZIG_GLOBAL_CACHE_DIR": os.environ.get("ZIG_GLOBAL_CACHE_DIR", folder)}
