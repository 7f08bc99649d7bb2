"""A library that is not what its toolchain promises is refused, and the error says why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgetool.errors import BuildError, WrongMachine
from edgetool.platform.elf import read_elf
from edgetool.platform.process import run_process
from edgetool.runtimes.compilers import find_compiler
from edgetool.runtimes.inspection import extensions, inspect_library
from edgetool.runtimes.spec import CrossBuild
from edgetool.runtimes.toolchains import load_toolchain

RISCV = load_toolchain("riscv64-linux-gnu")
WANTED = RISCV.crossbuild or CrossBuild(processor="", needed=())


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    return shared_library(folder)


def shared_library(folder: Path, *flags: str) -> Path:
    (folder / "a.c").write_text('#include <stdio.h>\nint answer(void) { return puts("42"); }\n')
    path = folder / "liba.so"
    compiler = find_compiler("zig", RISCV).programs["cc"]
    done = run_process([*compiler, "-shared", "-fPIC", "-O2", *flags, folder / "a.c", "-o", path], timeout_s=600)
    assert done.exit_code == 0, done.stderr.decode()
    return path


def test_what_the_pinned_compiler_makes_is_what_the_toolchain_promises(library: Path) -> None:
    assert inspect_library(library, RISCV, WANTED, glibc=RISCV.glibc) == read_elf(library)


def test_a_path_to_search_is_refused(tmp_path: Path) -> None:
    path = shared_library(tmp_path, "-Wl,-rpath,/somewhere")
    with pytest.raises(BuildError, match="looks for libraries in '/somewhere'"):
        inspect_library(path, RISCV, WANTED, glibc=RISCV.glibc)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (replace(WANTED, isa="rv64gcv"), "its instruction set is"),
        (replace(WANTED, elf_flags=1), "its ELF flags are 0x5, not 0x1"),
        (replace(WANTED, needed=()), r"it needs libc\.so\.6"),
    ],
)
def test_each_promise_is_kept_or_named(library: Path, wanted: CrossBuild, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        inspect_library(library, RISCV, wanted, glibc=RISCV.glibc)


def test_a_newer_libc_than_promised_is_refused(library: Path) -> None:
    with pytest.raises(BuildError, match=r"needs glibc 2\.\d+, not 2\.5"):
        inspect_library(library, RISCV, WANTED, glibc="2.5")


def test_a_library_for_another_machine_is_refused(library: Path) -> None:
    with pytest.raises(WrongMachine):
        inspect_library(library, load_toolchain("x86_64-linux-gnu"), WANTED, glibc=None)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("rv64gc", "rv64imafdc_zicsr_zifencei", True),
        ("rv64gc", "rv64i2p1_m2p0_a2p1_f2p2_d2p2_c2p0_zicsr2p0_zmmul1p0_zaamo1p0_zalrsc1p0_zca1p0_zcd1p0", True),
        ("rv64gcv", "rv64gc", False),
        ("rv64gc", "rv64gc_zba", False),
        ("rv32gc", "rv64gc", False),
    ],
)
def test_instruction_sets_are_compared_by_their_extensions(one: str, other: str, same: bool) -> None:
    assert (extensions(one) == extensions(other)) is same
