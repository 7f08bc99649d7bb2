"""Blocks of instructions in llvm-mca's model."""

from __future__ import annotations

import pytest

from benchmarks.kernels.mca import CORE, Llvm, Loop, cycles_of, disassemble, find_llvm, join_blocks
from edgetool.estimates.cores import load_core
from edgetool.harness.counts import Block

VADD = "57b48002"  # vadd.vi v8, v8, 1
VFMACC = "d75797b3"  # vfmacc.vf v15, fa4, v25
VMACCS = ("57e482b7", "57e682b7", "57e882b7", "57ea82b7")  # vmacc.vx of v8, v12, v16, v20 by t0 and v24
M1_E32, M4_E32, M4_E64 = 0b010_000, 0b010_010, 0b011_010


@pytest.fixture(scope="module")
def llvm() -> Llvm:
    found = find_llvm()
    if found is None:
        pytest.skip("as root: apt-get install llvm-22")
    return found


def block(words: str, vtype: int, *, address: int = 0x1000, runs: int = 100) -> Block:
    return Block(address=address, runs=runs, vtype=vtype, instructions=len(words.split()), words=words)


def cycles(llvm: Llvm, *blocks: Block) -> float:
    parts = [lines for each in blocks if (lines := disassemble(llvm, each)) is not None]
    found = cycles_of(llvm, Loop(blocks=blocks), parts, load_core(CORE))
    assert found is not None
    return found


def test_words_become_assembler(llvm: Llvm) -> None:
    assert disassemble(llvm, block(f"{VADD} {VFMACC} 1300", M1_E32)) is None, "a word cut in half"
    assert disassemble(llvm, block(f"{VADD} {VFMACC}", M1_E32)) == ["vadd.vi v8, v8, 1", "vfmacc.vf v15, fa4, v25"]


def test_a_group_of_registers_takes_longer_than_one(llvm: Llvm) -> None:
    assert 1 <= cycles(llvm, block(VADD, M1_E32)) < cycles(llvm, block(VADD, M4_E32))


def test_a_multiplication_of_64_bits_takes_what_it_does_on_silicon(llvm: Llvm) -> None:
    narrow, wide = (cycles(llvm, block(" ".join(VMACCS), vtype)) for vtype in (M4_E32, M4_E64))
    assert narrow == pytest.approx(4 * len(VMACCS), rel=0.1)
    assert wide == pytest.approx(16 * len(VMACCS), rel=0.1)


def test_a_loop_that_sets_vtype_is_modelled_whole(llvm: Llvm) -> None:
    first, second = block(f"{VADD} {VADD}", M1_E32), block(VFMACC, M4_E32, address=0x1008, runs=101)
    assert cycles(llvm, first, second) < cycles(llvm, first) + cycles(llvm, second)


def test_blocks_are_joined_where_one_ends_and_as_often_the_next_begins() -> None:
    first, second = block(f"{VADD} 1300", M1_E32, runs=1000), block(VADD, M1_E32, address=0x1006, runs=999)
    seldom, apart = block(VADD, M1_E32, address=0x100A, runs=10), block(VADD, M1_E32, address=0x2000, runs=1000)
    joined = join_blocks([apart, second, seldom, first])
    assert [loop.blocks for loop in joined] == [(first, second), (apart,), (seldom,)]
    assert (joined[0].runs, joined[0].instructions, joined[0].executed) == (1000, 3, 2 * 1000 + 999)


def test_what_the_model_does_not_know_is_left_out(llvm: Llvm) -> None:
    loop = Loop(blocks=(block(VADD, M1_E32),))
    assert cycles_of(llvm, loop, [["no.such.instruction v8"]], load_core(CORE)) is None
