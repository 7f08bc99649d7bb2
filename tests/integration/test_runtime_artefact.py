"""The cross-built ONNX Runtime's file: what runs with it is in `test_runtime_numbers.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.platform.elf import ElfFile, read_elf
from edgetool.platform.store import cache_root
from edgetool.runtimes.inspection import BESIDE, extensions
from edgetool.runtimes.spec import CrossBuild, Runtime
from tests.integration.conftest import RELEASE
from tests.integration.packaged import TOOLCHAIN


@pytest.fixture(scope="module")
def crossbuild() -> CrossBuild:
    if TOOLCHAIN.crossbuild is None:
        raise RuntimeError(f"the toolchain file of {TOOLCHAIN.triple} has no [crossbuild]")
    return TOOLCHAIN.crossbuild


@pytest.fixture(scope="module")
def elf(built: Runtime) -> ElfFile:
    return read_elf(built.root / built.build.library)


def test_one_library_is_all_there_is(built: Runtime) -> None:
    assert [file.path for file in built.build.files] == [built.build.library]


def test_its_machine_and_float_abi_are_the_toolchains(elf: ElfFile, crossbuild: CrossBuild) -> None:
    assert elf.machine == TOOLCHAIN.elf_machine
    assert elf.flags == crossbuild.elf_flags


def test_its_code_is_shared_between_processes(elf: ElfFile) -> None:
    assert not elf.text_relocations


def test_it_looks_for_nothing_in_the_builders_folders(built: Runtime, elf: ElfFile) -> None:
    assert elf.runpath in (None, BESIDE)
    data = (built.root / built.build.library).read_bytes()
    assert str(cache_root()).encode() not in data
    assert str(Path.home()).encode() + b"/" not in data


def test_it_needs_only_libc(elf: ElfFile, crossbuild: CrossBuild) -> None:
    assert set(elf.needed) <= set(crossbuild.needed)


def test_its_libc_may_be_as_old_as_the_toolchain_promises(built: Runtime, elf: ElfFile) -> None:
    assert elf.glibc is not None
    assert [int(part) for part in elf.glibc.split(".")] <= [int(part) for part in TOOLCHAIN.glibc.split(".")]
    assert built.build.glibc == elf.glibc


def test_its_instruction_set_is_what_the_toolchain_says(elf: ElfFile, crossbuild: CrossBuild) -> None:
    assert elf.isa is not None
    assert crossbuild.isa is not None
    assert extensions(elf.isa) == extensions(crossbuild.isa)


def test_it_says_how_it_was_built(built: Runtime) -> None:
    assert built.build.provider == "crossbuild"
    assert built.build.version == RELEASE
    assert any(flag.startswith(("zig ", "gcc ")) for flag in built.build.flags)
    assert not any(str(cache_root()) in flag for flag in built.build.flags)
