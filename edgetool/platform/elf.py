"""Read the headers and dynamic section of ELF files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from elftools.elf.sections import NoteSection, RISCVAttributesSection

from edgetool.errors import WrongMachine
from edgetool.platform.values import value

DF_TEXTREL = 0x4

VERSIONS_LIMIT = 10_000  # libraries need a handful of others; damaged files claim billions


@value
class ElfFile:
    machine: str  # e_machine by name: "EM_RISCV"
    bits: int
    soname: str | None
    needed: tuple[str, ...]
    runpath: str | None
    glibc: str | None  # highest GLIBC_x.y symbol version required: "2.34"
    build_id: str | None
    flags: int  # e_flags, which hold the float ABI on RISC-V
    text_relocations: bool
    isa: str | None  # RISC-V architecture attribute with versions: "rv64i2p1_m2p0_…"


def read_elf(path: Path) -> ElfFile:
    """Read an ELF file. Raises WrongMachine when `path` is not an ELF file."""
    try:
        with path.open("rb") as stream:
            elf = ELFFile(stream)
            # pyelftools sets an attribute for each kind of tag, which its types don't know.
            tags: list[Any] = [
                tag
                for section in elf.iter_sections()
                if isinstance(section, DynamicSection)
                for tag in section.iter_tags()
            ]
            return ElfFile(
                machine=str(elf["e_machine"]),  # e_machine is a number when it has no known name
                bits=elf.elfclass,
                soname=next((tag.soname for tag in tags if tag.entry.d_tag == "DT_SONAME"), None),
                needed=tuple(tag.needed for tag in tags if tag.entry.d_tag == "DT_NEEDED"),
                runpath=next(
                    (
                        getattr(tag, tag.entry.d_tag[3:].lower())
                        for tag in tags
                        if tag.entry.d_tag in {"DT_RPATH", "DT_RUNPATH"}
                    ),
                    None,
                ),
                glibc=max(_glibc_versions(elf), key=_as_numbers, default=None),
                build_id=next(_build_ids(elf), None),
                flags=elf["e_flags"],
                text_relocations=any(
                    tag.entry.d_tag == "DT_TEXTREL" or (tag.entry.d_tag == "DT_FLAGS" and tag.entry.d_val & DF_TEXTREL)
                    for tag in tags
                ),
                isa=next(_isa_strings(elf), None),
            )
    except (ELFError, ConstructError, OSError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise WrongMachine(f"{path} is not an ELF file: {error}") from error


def is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def check_machine(path: Path, *, machine: str, triple: str) -> ElfFile:
    """Read an ELF file built for `machine` (an e_machine name).

    Raises WrongMachine when it is built for another one.
    """
    elf = read_elf(path)
    if elf.machine != machine:
        raise WrongMachine(
            f"{path.name} is {elf.machine.removeprefix('EM_')}, {triple} wants {machine.removeprefix('EM_')}",
            hint="package with a runtime for the target's triple",
        )
    return elf


def _glibc_versions(elf: ELFFile) -> Iterator[str]:
    for section in elf.iter_sections():
        if isinstance(section, GNUVerNeedSection):
            if section.num_versions() > VERSIONS_LIMIT:
                raise ELFError(f"{section.num_versions()} needed versions")
            for _, versions in section.iter_versions():
                for version in versions:
                    if found := re.fullmatch(r"GLIBC_(\d+(?:\.\d+)+)", version.name):
                        yield found[1]


def _as_numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _build_ids(elf: ELFFile) -> Iterator[str]:
    for section in elf.iter_sections():
        if isinstance(section, NoteSection):
            for note in section.iter_notes():
                if note["n_type"] == "NT_GNU_BUILD_ID":
                    yield note["n_desc"]


def _isa_strings(elf: ELFFile) -> Iterator[str]:
    for section in elf.iter_sections():
        if isinstance(section, RISCVAttributesSection):
            for subsection in section.iter_subsections():
                for group in subsection.iter_subsubsections():
                    yield from (attribute.value for attribute in group.iter_attributes("TAG_ARCH"))
