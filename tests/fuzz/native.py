"""The C that reads foreign bytes, with both sanitizers: behind libFuzzer where clang has it, else with a replay."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgetool.platform.process import run_process

HERE = Path(__file__).parent
TOOLCHAIN = HERE.parents[1] / "toolchain"
# name → what it is compiled with
SOURCES = {
    "options": ("harness/options.c",),
    "json": ("harness/json.c",),
    "decode": ("qemu/plugin/decode.c",),
}
FLAGS = ("-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fno-sanitize-recover=all")


def build(name: str, program: Path, *, compiler: str, fuzzer: bool) -> Path:
    """Raises AssertionError with the compiler's words."""
    sources: Sequence[Path] = [HERE / "c" / f"fuzz_{name}.c", *(TOOLCHAIN / source for source in SOURCES[name])]
    if not fuzzer:
        sources = [*sources, HERE / "c" / "replay.c"]
    sanitizers = "-fsanitize=address,undefined" + (",fuzzer" if fuzzer else "")
    program.parent.mkdir(parents=True, exist_ok=True)
    done = run_process([compiler, *FLAGS, sanitizers, "-o", program, *sources], timeout_s=600)
    assert done.exit_code == 0, done.stderr.decode(errors="replace")
    return program
