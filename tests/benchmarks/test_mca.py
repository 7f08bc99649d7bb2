"""Blocks of instructions in llvm-mca's model."""

from __future__ import annotations

import pytest

from benchmarks.kernels.mca import Llvm, cycles_of, disassemble, find_llvm
from edgetool.bench.counts import Block

VADD = "57b48002"  # vadd.vi v8, v8, 1
VFMACC = "d75797b3"  # vfmacc.vf v15, fa4, v25
M1_E32, M4_E32 = 0b010_000, 0b010_010


@pytest.fixture(scope="module")
def llvm() -> Llvm:
    found = find_llvm()
    if found is None:
        pytest.skip("as root: apt-get install llvm-22")
    return found


def block(words: str, vtype: int) -> Block:
    return Block(address=0x1000, runs=100, vtype=vtype, instructions=len(words.split()), words=words)


def test_words_become_assembler(llvm: Llvm) -> None:
    assert disassemble(llvm, block(f"{VADD} {VFMACC} 1300", M1_E32)) is None, "a word cut in half"
    assert disassemble(llvm, block(f"{VADD} {VFMACC}", M1_E32)) == ["vadd.vi v8, v8, 1", "vfmacc.vf v15, fa4, v25"]


def test_a_group_of_registers_takes_longer_than_one(llvm: Llvm) -> None:
    alone, group = (block(VADD, vtype) for vtype in (M1_E32, M4_E32))
    lines = disassemble(llvm, alone)
    assert lines is not None
    one, four = cycles_of(llvm, alone, lines), cycles_of(llvm, group, lines)
    assert one is not None
    assert four is not None
    assert 1 <= one < four


def test_what_the_model_does_not_know_is_left_out(llvm: Llvm) -> None:
    assert cycles_of(llvm, block(VADD, M1_E32), ["no.such.instruction v8"]) is None
