"""ELF files: what they say of themselves, and what is none."""

from __future__ import annotations

import struct
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgetool.errors import WrongMachine
from edgetool.pipeline.steps import Kit
from edgetool.platform.elf import check_machine, is_elf, read_elf
from tests.support.waiting import within


def test_the_machine_and_what_a_program_needs_are_read(kit: Kit) -> None:
    elf = read_elf(kit.harness)
    assert elf.machine == kit.toolchain.elf_machine
    assert elf.bits == 64
    assert "libc.so.6" in elf.needed


def test_a_librarys_name_is_read(kit: Kit) -> None:
    elf = read_elf(kit.runtime.root / kit.runtime.build.library)
    assert elf.soname is not None
    assert elf.soname.startswith("libonnxruntime.so")


def test_the_harness_needs_no_newer_glibc_than_its_toolchain_says(kit: Kit) -> None:
    elf = read_elf(kit.harness)
    assert elf.glibc is not None
    promised = kit.toolchain.zig_target.partition(".")[2]
    assert [int(part) for part in elf.glibc.split(".")] <= [int(part) for part in promised.split(".")]


def test_the_highest_glibc_version_is_found_by_number_not_by_text(host: Kit) -> None:
    glibc = read_elf(host.runtime.root / host.runtime.build.library).glibc
    assert glibc is not None
    assert tuple(map(int, glibc.split("."))) >= (2, 17)


def test_a_library_for_another_machine_is_refused_by_name(riscv: Kit) -> None:
    library = riscv.runtime.root / riscv.runtime.build.library
    with pytest.raises(WrongMachine, match=r"libonnxruntime\.so.* is RISCV, x86_64-linux-gnu wants X86_64"):
        check_machine(library, machine="EM_X86_64", triple="x86_64-linux-gnu")


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh\n", b"\x7fELF", b"\x7fELF" + b"\0" * 60, b"\x7fELF" + b"\xff" * 200])
def test_what_is_no_elf_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(WrongMachine, match="is not an ELF file"):
        read_elf(path)


def test_only_the_first_bytes_make_an_elf_file(tmp_path: Path, riscv: Kit) -> None:
    text = tmp_path / "text"
    text.write_text("ELF")
    assert is_elf(riscv.harness)
    assert not is_elf(text)


def test_a_machine_without_a_name_is_a_wrong_machine(tmp_path: Path, host: Kit) -> None:
    data = bytearray(host.harness.read_bytes())
    struct.pack_into("<H", data, 18, 0x7E57)
    path = tmp_path / "harness"
    path.write_bytes(data)
    with pytest.raises(WrongMachine):
        check_machine(path, machine="EM_X86_64", triple="x86_64-linux-gnu")


@cache
def program(path: Path) -> bytes:
    return path.read_bytes()


@given(data=st.data())
@settings(
    max_examples=150,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_damaged_elf_file_is_read_or_refused(tmp_path: Path, host: Kit, data: st.DataObject) -> None:
    whole = program(host.harness)
    # The file's header and the section headers at its end are where a reader can be led astray.
    table = struct.unpack_from("<Q", whole, 40)[0]
    places = st.integers(16, 63) | st.integers(table, len(whole) - 1)
    damaged = bytearray(whole)
    for place, byte in data.draw(st.dictionaries(places, st.integers(0, 255), max_size=6)).items():
        damaged[place] = byte
    path = tmp_path / "damaged"
    path.write_bytes(damaged[: data.draw(st.integers(0, len(whole)) | st.just(len(whole)))])
    with within(20), suppress(WrongMachine):
        assert read_elf(path).bits in (32, 64)


def test_a_table_that_claims_to_have_no_end_is_not_followed_for_ever(tmp_path: Path, host: Kit) -> None:
    data = bytearray(host.harness.read_bytes())
    table, size, count = struct.unpack_from("<Q", data, 40)[0], *struct.unpack_from("<HH", data, 58)
    headers = [table + i * size for i in range(count)]
    needed = next(at for at in headers if struct.unpack_from("<I", data, at + 4)[0] == 0x6FFFFFFE)
    struct.pack_into("<I", data, needed + 44, 2**32 - 1)
    # The first library's entry now leads to itself.
    struct.pack_into("<I", data, struct.unpack_from("<Q", data, needed + 24)[0] + 12, 0)
    path = tmp_path / "endless"
    path.write_bytes(data)
    with within(20), suppress(WrongMachine):
        assert read_elf(path).machine == "EM_X86_64"
