"""Check that a built library matches its toolchain, by reading the file rather than trusting its build flags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from edgetool.errors import BuildError
from edgetool.platform.elf import ElfFile, check_machine
from edgetool.runtimes.spec import CrossBuild, Toolchain

# The extensions that "g" stands for; ELF attributes list them individually.
GENERAL = ("i", "m", "a", "f", "d", "zicsr", "zifencei")
# Parts of "m", "a" and "c" that newer compilers list in addition.
IMPLIED = {"zmmul": "m", "zaamo": "a", "zalrsc": "a", "zca": "c", "zcd": "c"}
BESIDE = "$ORIGIN"  # the library's own folder, set by ONNX Runtime's build
# Compilers don't emit fence.i by themselves, and distributions differ in whether start files list its extension.
UNTOLD = frozenset({"zifencei"})


def inspect_library(path: Path, toolchain: Toolchain, wanted: CrossBuild, *, glibc: str | None) -> ElfFile:
    """Return the library's ELF facts. Raises BuildError or WrongMachine, naming every difference from the toolchain."""
    elf = check_machine(path, machine=toolchain.elf_machine, triple=toolchain.triple)
    wrong = list(_differences(elf, wanted, glibc))
    if wrong:
        raise BuildError("\n  ".join([f"{path.name} doesn't match the toolchain {toolchain.triple}:", *wrong]))
    return elf


def _differences(elf: ElfFile, wanted: CrossBuild, glibc: str | None) -> Iterator[str]:
    if elf.text_relocations:
        yield "it has text relocations"
    if elf.runpath not in (None, BESIDE):
        yield f"it looks for libraries in {elf.runpath!r}"
    if unexpected := sorted(set(elf.needed) - set(wanted.needed)):
        yield f"it needs {', '.join(unexpected)}"
    if glibc is not None and elf.glibc is not None and _numbers(elf.glibc) > _numbers(glibc):
        yield f"it needs glibc {elf.glibc}, not {glibc}"
    if wanted.elf_flags and elf.flags != wanted.elf_flags:
        yield f"its ELF flags are {elf.flags:#x}, not {wanted.elf_flags:#x}"
    if wanted.isa is not None and (elf.isa is None or extensions(elf.isa) != extensions(wanted.isa)):
        yield f"its instruction set is {elf.isa}, not {wanted.isa}"


def extensions(isa: str) -> frozenset[str]:
    """Return the extensions of a RISC-V architecture string, without versions and implied parts.

    >>> sorted(extensions("rv64gc")) == sorted(extensions("rv64i2p1_m2p0_a2p1_f2p2_d2p2_c2p0_zicsr2p0_zmmul1p0"))
    True
    >>> sorted(extensions("rv64imv"))
    ['64', 'i', 'm', 'v']
    """
    matched = re.fullmatch(r"rv(\d+)(.*)", isa.lower())
    if matched is None:
        return frozenset({isa})
    names = {matched[1]}
    for word in matched[2].split("_"):
        if word.startswith(("z", "s", "x")):
            names.add(re.sub(r"\d+p\d+$", "", word))
        else:
            for letter in re.findall(r"([a-z])(?:\d+p\d+)?", word):
                names |= set(GENERAL) if letter == "g" else {letter}
    return frozenset(name for name in names - UNTOLD if IMPLIED.get(name) not in names)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
