"""Functions of the same code become one."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from edgetool.errors import BuildError
from edgetool.platform.elf import read_elf
from edgetool.runtimes.compilers import find_compiler
from edgetool.runtimes.onnxruntime.folding import fold_functions
from edgetool.runtimes.toolchains import load_toolchain

COUNT = 500
HIDDEN = """
__attribute__((visibility("hidden"), noinline)) int f{}(const int *x) {{
  int s = x[0];
  while (*x++) s += *x * s;
  return s;
}}"""
SOURCE = "\n".join(
    [
        *(HIDDEN.format(index) for index in range(COUNT)),
        f"int sum(const int *x) {{ return {' + '.join(f'f{index}(x)' for index in range(COUNT))}; }}",
    ]
)


def test_a_library_is_smaller_and_otherwise_the_same(tmp_path: Path) -> None:
    compiler = find_compiler("zig", load_toolchain("riscv64-linux-gnu"))
    (tmp_path / "a.c").write_text(SOURCE)
    words = [*compiler.programs["cc"], "-O2", "-ffunction-sections", "-fPIC", "-shared", "-s", "-Wl,-soname,liba.so.1"]
    command = shlex.join([*words, "-o", "plain.so", "a.c"])
    folded = tmp_path / "folded.so"
    zig = Path(compiler.programs["cc"][0])
    fold_functions(f": && {command} && :", folded, zig=zig, folder=tmp_path, env={}, log=tmp_path / "log")
    assert folded.stat().st_size < 0.8 * (tmp_path / "plain.so").stat().st_size
    assert read_elf(folded) == read_elf(tmp_path / "plain.so")


def test_a_compiler_that_does_not_tell_how_it_links_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="printed no link command"):
        fold_functions("true", tmp_path / "a.so", zig=tmp_path, folder=tmp_path, env={}, log=tmp_path / "log")
