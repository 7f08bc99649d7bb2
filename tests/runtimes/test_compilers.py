"""Compilers: found or named with a remedy, and started through one file each."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.errors import ConfigError
from edgetool.platform.elf import read_elf
from edgetool.platform.process import run_process
from edgetool.runtimes.compilers import find_compiler, host_compiler
from edgetool.runtimes.toolchains import load_toolchain

RISCV = load_toolchain("riscv64-linux-gnu")
# How a compiler says that it has them: Arm C Language Extensions.
MACROS = {
    "bf16": "__ARM_FEATURE_BF16_VECTOR_ARITHMETIC",
    "dotprod": "__ARM_FEATURE_DOTPROD",
    "fp16": "__ARM_FEATURE_FP16_VECTOR_ARITHMETIC",
    "i8mm": "__ARM_FEATURE_MATMUL_INT8",
}


def imitation(folder: Path, release: str) -> Path:
    """Programs with the names of a cross GCC of that release."""
    folder.mkdir()
    for tool in ("gcc", "g++", "gcc-ar", "gcc-ranlib"):
        program = folder / f"{RISCV.triple}-{tool}"
        program.write_text(f"#!/bin/sh\necho {release}\n")
        program.chmod(0o755)
    return folder


def test_the_default_compiler_links_for_the_toolchains_glibc() -> None:
    compiler = find_compiler("zig", RISCV)
    assert compiler.title.startswith("zig 0.")
    assert compiler.chooses_glibc
    assert RISCV.glibc == "2.34"
    assert RISCV.zig_target in compiler.target_flags


def test_its_wrappers_build_for_the_target(tmp_path: Path) -> None:
    environment = find_compiler("zig", RISCV).write_wrappers(tmp_path / "bin with a space")
    (tmp_path / "a.c").write_text("int answer(void) { return 42; }\n")
    done = run_process([environment["EDGETOOL_CC"], "-c", tmp_path / "a.c", "-o", tmp_path / "a.o"], timeout_s=300)
    assert done.exit_code == 0, done.stderr.decode()
    assert read_elf(tmp_path / "a.o").machine == "EM_RISCV"


@pytest.mark.parametrize("extension", ["bf16", "dotprod", "fp16", "i8mm"])
def test_what_onnx_runtime_says_of_single_files_is_put_in_zigs_way(tmp_path: Path, extension: str) -> None:
    environment = find_compiler("zig", load_toolchain("aarch64-linux-gnu")).write_wrappers(tmp_path)
    source = tmp_path / "a name.c"
    source.write_text(f"#ifndef {MACROS[extension]}\n#error\n#endif\n")
    words = [environment["EDGETOOL_CC"], f"-march=armv8.2-a+{extension}", "-c", "-o", str(tmp_path / "a.o")]
    done = run_process([*words, source], timeout_s=300)
    assert done.exit_code == 0, done.stderr.decode()


def test_every_program_that_cmake_asks_for_is_named(tmp_path: Path) -> None:
    environment = find_compiler("zig", RISCV).write_wrappers(tmp_path)
    assert set(environment) == {f"EDGETOOL_{name}" for name in ("CC", "CXX", "AR", "RANLIB")}


def test_an_installed_gcc_is_taken_when_it_is_new_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(imitation(tmp_path / "bin", "14.2.0")), prepend=":")
    compiler = find_compiler("gcc", RISCV)
    assert compiler.title == "gcc 14.2.0"
    assert "-static-libstdc++" in compiler.link_flags
    assert not compiler.chooses_glibc


def test_an_older_gcc_is_refused_with_the_package_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(imitation(tmp_path / "bin", "12.2.0")))
    with pytest.raises(ConfigError, match="14 or newer") as caught:
        find_compiler("gcc", RISCV)
    assert caught.value.hint is not None
    assert "g++-14-riscv64-linux-gnu" in caught.value.hint


def test_an_unknown_compiler_is_refused() -> None:
    with pytest.raises(ConfigError, match="no compiler 'msvc'"):
        find_compiler("msvc", RISCV)


def test_what_runs_here_is_built_by_a_compiler_of_the_same_kind() -> None:
    assert host_compiler(find_compiler("zig", RISCV)).target_flags == ()
