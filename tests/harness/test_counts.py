"""Instructions counted by the emulator's plugin: loops counted by hand, at each vector length."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import get_args

import pytest

from edgetool.harness.counts import RESULT, open_counting, read_counts
from edgetool.harness.instructions import InstructionMix
from edgetool.harness.ops import CLASS_OF, Op
from edgetool.platform.catalog import data_folder
from edgetool.runtimes.emulator import CountingEmulator
from edgetool.targets.registry import load_target, open_executor
from edgetool.targets.spec import Target
from tests.support.commands import run_checked

VLENS = (128, 256, 512, 1024)
START, END = "slti x0, x0, 0x5e1", "slti x0, x0, 0x5e2"
PROGRAM = """
.globl _start
_start:
  la s1, data
  la s2, data + 32768
{body}
  li a0, 42
  li a7, 93
  ecall
.bss
.balign 4096
data: .space 65536
last:
"""

Run = Callable[[str, int], tuple[InstructionMix, ...]]


def target_of(vlen: int) -> Target:
    target = load_target("qemu-riscv64")
    return replace(target, executor={**target.executor, "cpu": f"rv64,v=true,vlen={vlen},elen=64"})


@pytest.fixture(scope="module")
def assemble(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A program of `body`, assembled once."""
    folder, made = tmp_path_factory.mktemp("programs"), dict[str, Path]()

    def make(body: str) -> Path:
        if body not in made:
            source, path = folder / f"{len(made)}.S", folder / f"{len(made)}"
            source.write_text(PROGRAM.format(body=body))
            flags = ["-target", "riscv64-linux-musl", "-mcpu=baseline_rv64+v", "-nostdlib", "-static"]
            run_checked([sys.executable, "-m", "ziglang", "cc", *flags, "-o", path, source])
            made[body] = path
        return made[body]

    return make


@pytest.fixture
def run(assemble: Callable[[str], Path], counting: CountingEmulator, tmp_path: Path) -> Run:
    """What is counted between the marks of a program, at a vector length."""

    def count(body: str, vlen: int) -> tuple[InstructionMix, ...]:
        with open_counting(target_of(vlen), counting) as executor:
            executor.put(assemble(body), PurePosixPath("program"))
            ended = executor.run([PurePosixPath("./program")], timeout_s=60)
            executor.get(RESULT, tmp_path / "counts.json")
        counts = read_counts(tmp_path / "counts.json", "program")
        if (ended.exit_code, counts.vlen_bits) != (42, vlen):
            raise RuntimeError(
                f"a program of VLEN {counts.vlen_bits}, not {vlen}, ended with {ended.exit_code}, not 42"
            )
        return counts.inferences

    return count


def marked(body: str) -> str:
    return f"{START}\n{body}\n{END}"


def classes(count: InstructionMix) -> dict[str, tuple[int, int]]:
    return {name: (entry.raw, entry.weighted) for name, entry in count.classes()}


# 100 floats, four registers at a time: 16, 32, 64 and 128 in a trip. A whole trip's vector instruction weighs 4; the
# last one has 4, 4, 36 and 100 elements: 1, 1, ⌈36 · 32 ÷ 512⌉ = 3 and ⌈100 · 32 ÷ 1024⌉ = 4.
LOOP = """
  li s0, 100
{start}
1:
  vsetvli t0, s0, e32, m4, ta, ma
  vle32.v v8, (s1)
  vfmacc.vv v16, v8, v8
  vse32.v v16, (s1)
  sub s0, s0, t0
  bnez s0, 1b
{end}
  add s3, s3, s3
"""


@pytest.mark.parametrize(
    ("vlen", "trips", "weight"), [(128, 7, 6 * 4 + 1), (256, 4, 3 * 4 + 1), (512, 2, 4 + 3), (1024, 1, 4)]
)
def test_a_loop_is_counted_to_the_instruction(run: Run, vlen: int, trips: int, weight: int) -> None:
    (count,) = run(LOOP.format(start=START, end=END), vlen)
    assert classes(count) == {
        "scalar_integer": (trips, trips),
        "branch": (trips, trips),
        "vector_config": (trips, trips),
        "vector_widening": (trips, weight),
        "vector_unit": (2 * trips, 2 * weight),
    }
    assert (count.raw, count.weighted) == (6 * trips, 3 * trips + 3 * weight)
    assert (count.load_bytes, count.store_bytes) == (400, 400)


@pytest.mark.parametrize("vlen", VLENS)
@pytest.mark.parametrize("lmul", [1, 2, 4, 8])
def test_a_group_weighs_as_many_as_it_has_registers(run: Run, vlen: int, lmul: int) -> None:
    vadd = "vadd.vv v8, v16, v24\n" * 10
    (count,) = run(f"vsetvli t0, x0, e32, m{lmul}, ta, ma\n{marked(vadd)}", vlen)
    assert classes(count) == {"vector_integer": (10, 10 * lmul)}


# One instruction each on vl = VLMAX: set-up, instruction, class, weight and bytes moved, as functions of VLEN.
SINGLE: dict[str, tuple[str, str, str, Callable[[int], int], Callable[[int], int]]] = {
    "masked": ("e32, m4", "vadd.vv v8, v16, v24, v0.t", "vector_integer", lambda _: 4, lambda _: 0),
    "widening multiply-accumulate": ("e16, m2", "vwmacc.vv v8, v16, v18", "vector_widening", lambda _: 4, lambda _: 0),
    "widening add": ("e8, m1", "vwaddu.vx v8, v16, s0", "vector_widening", lambda _: 2, lambda _: 0),
    "widening of a wide operand": ("e8, m4", "vwadd.wv v8, v16, v24", "vector_widening", lambda _: 8, lambda _: 0),
    "multiply-accumulate": ("e8, m2", "vmacc.vx v8, s0, v16", "vector_widening", lambda _: 2, lambda _: 0),
    "float widening": ("e32, m1", "vfwmacc.vv v8, v16, v24", "vector_widening", lambda _: 2, lambda _: 0),
    "float to wider integer": ("e32, m1", "vfwcvt.x.f.v v8, v16", "vector_widening", lambda _: 2, lambda _: 0),
    "float from wider": ("e32, m1", "vfncvt.f.f.w v8, v16", "vector_float", lambda _: 2, lambda _: 0),
    "float": ("e64, m2", "vfadd.vv v8, v16, v24", "vector_float", lambda _: 2, lambda _: 0),
    "float conversion": ("e32, m2", "vfcvt.x.f.v v8, v16", "vector_float", lambda _: 2, lambda _: 0),
    "narrowing clip": ("e8, m1", "vnclip.wi v8, v16, 3", "vector_integer", lambda _: 2, lambda _: 0),
    "extension": ("e32, m4", "vzext.vf4 v8, v16", "vector_integer", lambda _: 4, lambda _: 0),
    "comparison": ("e8, m8", "vmseq.vv v0, v8, v16", "vector_integer", lambda _: 8, lambda _: 0),
    "reduction": ("e32, m8", "vredsum.vs v8, v16, v8", "vector_permute", lambda _: 8, lambda _: 0),
    "widening reduction": ("e16, m4", "vwredsum.vs v8, v16, v8", "vector_permute", lambda _: 8, lambda _: 0),
    "mask logic": ("e8, m8", "vmand.mm v0, v8, v16", "vector_permute", lambda _: 1, lambda _: 0),
    "population count": ("e8, m8", "vcpop.m t0, v8", "vector_permute", lambda _: 1, lambda _: 0),
    "index": ("e32, m4", "vid.v v8", "vector_permute", lambda _: 4, lambda _: 0),
    "one element": ("e32, m8", "vmv.x.s t0, v8", "vector_permute", lambda _: 1, lambda _: 0),
    "slide": ("e32, m2", "vslidedown.vi v8, v16, 1", "vector_permute", lambda _: 2, lambda _: 0),
    "gather by wider indices": ("e8, m1", "vrgatherei16.vv v8, v16, v24", "vector_permute", lambda _: 2, lambda _: 0),
    "whole registers": ("e8, m1", "vmv4r.v v8, v16", "vector_permute", lambda _: 4, lambda _: 0),
    "unit-stride": ("e16, m2", "vle16.v v8, (s1)", "vector_unit", lambda _: 2, lambda vlen: 2 * vlen // 8),
    "wider than SEW": ("e8, m1", "vle32.v v8, (s1)", "vector_unit", lambda _: 4, lambda vlen: 4 * vlen // 8),
    "whole-register load": ("e8, m1", "vl4re32.v v8, (s1)", "vector_unit", lambda _: 4, lambda vlen: 4 * vlen // 8),
    "mask load": ("e8, m8", "vlm.v v8, (s1)", "vector_unit", lambda _: 1, lambda vlen: vlen // 8),
    "segments": ("e8, m1", "vlseg3e8.v v8, (s1)", "vector_unit", lambda _: 3, lambda vlen: 3 * vlen // 8),
    "fault only first": ("e8, m4", "vle8ff.v v8, (s1)", "vector_unit", lambda _: 4, lambda vlen: 4 * vlen // 8),
    "strided": ("e32, m1", "vlse32.v v8, (s1), x0", "vector_strided", lambda vlen: vlen // 32, lambda vlen: vlen // 8),
    "strided segments": (
        "e32, m1",
        "vlsseg2e32.v v8, (s1), x0",
        "vector_strided",
        lambda vlen: 2 * vlen // 32,
        lambda vlen: 2 * vlen // 8,
    ),
    "indexed": (
        "e16, m2",
        "vluxei8.v v8, (s1), v16",
        "vector_strided",
        lambda vlen: 2 * vlen // 16,
        lambda vlen: 2 * vlen // 8,
    ),
}


@pytest.mark.parametrize("vlen", VLENS)
def test_each_kind_of_vector_instruction_has_its_weight(run: Run, vlen: int) -> None:
    settings = "vmv.v.i v16, 0\nvmv.v.i v24, 0\nvmv.v.i v0, 0\n"
    body = "".join(
        f"vsetvli t0, x0, e8, m8, ta, ma\n{settings}vsetvli t0, x0, {vtype}, ta, ma\n{marked(word)}\n"
        for vtype, word, *_ in SINGLE.values()
    )
    counts = run(body, vlen)
    found = {name: (classes(count), count.load_bytes) for name, count in zip(SINGLE, counts, strict=True)}
    assert found == {
        name: ({kind: (1, weight(vlen))}, moved(vlen)) for name, (_, _, kind, weight, moved) in SINGLE.items()
    }


# What each of these is charged as: SEW and registers of its group, where they are not vtype's.
SHAPES: dict[str, tuple[str, str, str, int, float]] = {
    "fraction": ("e16, mf4", "vadd.vv v8, v16, v24", "vadd", 16, 0.25),
    "move into all elements": ("e8, m2", "vmv.v.x v8, t0", "vmerge", 8, 2),
    "float move into all elements": ("e32, m2", "vfmv.v.f v8, ft0", "vmerge", 32, 2),
    "shift": ("e32, m1", "vsra.vi v8, v16, 3", "vsll", 32, 1),
    "rounding shift": ("e32, m4", "vssra.vi v8, v16, 3", "vssra", 32, 4),
    "narrowing shift": ("e16, m2", "vnsra.wi v8, v16, 3", "vnsrl", 16, 2),
    "narrowing clip": ("e8, m1", "vnclip.wi v8, v16, 3", "vnclip", 8, 1),
    "saturating": ("e8, m1", "vsaddu.vv v8, v16, v24", "vsadd", 8, 1),
    "averaging": ("e8, m1", "vaadd.vv v8, v16, v24", "vsadd", 8, 1),
    "extension": ("e16, m2", "vsext.vf2 v8, v16", "vsext", 16, 2),
    "high half": ("e64, m1", "vmulh.vx v8, v16, t0", "vmul", 64, 1),
    "fractional multiply": ("e32, m1", "vsmul.vx v8, v16, t0", "vsmul", 32, 1),
    "division": ("e32, m1", "vremu.vv v8, v16, v24", "vdiv", 32, 1),
    "multiply-accumulate": ("e64, m4", "vmacc.vx v8, t0, v16", "vmacc", 64, 4),
    "widening": ("e8, m1", "vwsub.vv v8, v16, v24", "vwadd", 8, 1),
    "widening of a wide operand": ("e8, m1", "vwaddu.wv v8, v16, v24", "vwadd.w", 8, 1),
    "widening multiply": ("e8, m1", "vwmulsu.vx v8, v16, t0", "vwmul", 8, 1),
    "widening multiply-accumulate": ("e16, m2", "vwmaccus.vx v8, t0, v16", "vwmacc", 16, 2),
    "float multiply": ("e32, m1", "vfmul.vf v8, v16, ft0", "vfmul", 32, 1),
    "float sum": ("e32, m1", "vfmax.vf v8, v16, ft0", "vfadd", 32, 1),
    "square root": ("e32, m1", "vfsqrt.v v8, v16", "vfdiv", 32, 1),
    "estimate": ("e32, m1", "vfrec7.v v8, v16", "vfcvt", 32, 1),
    "float comparison": ("e32, m1", "vmflt.vf v0, v16, ft0", "vmfeq", 32, 1),
    "float widening sum": ("e32, m1", "vfwadd.wv v8, v16, v24", "vfwadd.w", 32, 1),
    "float widening product": ("e32, m1", "vfwmul.vv v8, v16, v24", "vfwmul", 32, 1),
    "narrowing conversion": ("e32, m1", "vfncvt.f.f.w v8, v16", "vfncvt", 32, 1),
    "ordered reduction": ("e32, m1", "vfredosum.vs v8, v16, v24", "vfredosum", 32, 1),
    "slide by one": ("e8, m1", "vslide1down.vx v8, v16, t0", "vslide1", 8, 1),
    "gather": ("e8, m2", "vrgatherei16.vv v8, v16, v24", "vrgather", 8, 2),
    "one element": ("e32, m8", "vfmv.f.s ft0, v8", "vmv.x", 32, 1),
    "mask": ("e8, m8", "vmxor.mm v8, v16, v24", "vmand", 8, 1),
    "registers": ("e8, m1", "vmv4r.v v8, v16", "vmvr", 8, 4),
    "wider than SEW": ("e8, m1", "vle32.v v8, (s1)", "vle", 32, 4),
    "narrower than SEW": ("e32, m1", "vse8.v v8, (s1)", "vse", 8, 0.25),
    "whole registers": ("e8, mf2", "vl2re32.v v8, (s1)", "vle", 32, 2),
    "a mask in memory": ("e32, m4", "vsm.v v8, (s1)", "vse", 8, 1),
    "segments": ("e16, m2", "vlseg3e16.v v8, (s1)", "vlseg", 16, 6),
    "segments of fractions": ("e8, mf2", "vsseg4e8.v v8, (s1)", "vsseg", 8, 4),
    "strided": ("e16, m2", "vsse16.v v8, (s1), x0", "vsse", 16, 2),
    "indexed": ("e16, m2", "vluxei8.v v8, (s1), v16", "vluxei", 16, 2),
}


@pytest.mark.parametrize("vlen", [128, 1024])
def test_each_vector_instruction_has_its_operation_and_shape(run: Run, vlen: int) -> None:
    settings = "vsetvli t0, x0, e8, m8, ta, ma\nvmv.v.i v16, 0\nvmv.v.i v24, 0\nvmv.v.i v0, 0\n"
    body = "".join(
        f"{settings}vsetvli t0, x0, {vtype}, ta, ma\n{marked(word)}\n" for vtype, word, *_ in SHAPES.values()
    )
    cells = [cell for count in run(body, vlen) for cell in count.cells]
    found = {name: (cell.op, cell.sew, cell.registers) for name, cell in zip(SHAPES, cells, strict=True)}
    assert found == {name: (op, sew, registers) for name, (_, _, op, sew, registers) in SHAPES.items()}


SCALAR_OPS = {
    "add t0, t0, t1": "add",
    "mulhu t0, t0, t1": "mul",
    "remw t0, t0, t1": "div",
    "fmin.s ft0, ft1, ft2": "fadd",
    "fmul.d ft0, ft1, ft2": "fmul",
    "fnmsub.s ft0, ft1, ft2, ft3": "fmadd",
    "fsqrt.d ft0, ft1": "fdiv",
    "fcvt.s.w ft0, t0": "fcvt",
    "fmv.x.w t0, ft0": "fcvt",
    "amoadd.w t0, t1, (s1)": "amo",
    "csrr t0, vl": "system",
    "vsetivli x0, 4, e8, m1, ta, ma": "vset",
}


def test_each_scalar_instruction_has_its_operation(run: Run) -> None:
    counts = run("".join(marked(word) + "\n" for word in SCALAR_OPS), 128)
    found = [(cell.op, cell.sew, cell.registers, cell.count) for count in counts for cell in count.cells]
    assert found == [(op, None, None, 1) for op in SCALAR_OPS.values()]


def test_every_operation_of_the_plugin_is_known_here_and_no_other() -> None:
    source = (data_folder("toolchain") / "qemu" / "plugin" / "decode.c").read_text()
    assert set(re.findall(r'\[OP_\w+\] = "([\w.]+)"', source)) == set(CLASS_OF) == set(get_args(Op))


@pytest.mark.parametrize("vlen", VLENS)
def test_stores_are_weighed_as_loads_are(run: Run, vlen: int) -> None:
    stores = "vse32.v v8, (s1)\nvsse32.v v8, (s1), x0\nvsuxei32.v v8, (s1), v16\nvs2r.v v8, (s1)\nvsm.v v8, (s1)\n"
    (count,) = run(f"vsetvli t0, x0, e32, m1, ta, ma\nvmv.v.i v16, 0\n{marked(stores)}", vlen)
    assert classes(count) == {"vector_unit": (3, 1 + 2 + 1), "vector_strided": (2, 2 * (vlen // 32))}
    assert count.load_bytes == 0
    assert count.store_bytes == 5 * vlen // 8 + -(-(vlen // 32) // 8)


@pytest.mark.parametrize(("vl", "weight"), [(0, 1), (1, 1), (4, 1), (5, 2), (31, 8)])
def test_a_part_of_a_register_is_a_whole_one(run: Run, vl: int, weight: int) -> None:
    (count,) = run(f"vsetivli x0, {vl}, e32, m8, ta, ma\n{marked('vadd.vi v8, v8, 1')}", 128)
    assert classes(count) == {"vector_integer": (1, weight)}


def test_what_follows_a_load_that_stopped_at_a_fault_has_the_shorter_vl(run: Run) -> None:
    body = "la t1, last - 16\nvsetvli t0, x0, e8, m8, ta, ma\n"
    (count,) = run(body + marked("vle8ff.v v8, (t1)\nvadd.vi v16, v8, 1"), 128)
    assert classes(count) == {"vector_unit": (1, 8), "vector_integer": (1, 1)}


SCALAR = """
  add t0, t0, t1
  mul t0, t0, t1
  lui t2, 5
  fadd.d ft0, ft0, ft1
  fmadd.s ft0, ft0, ft1, ft2
  lb t0, 0(s1)
  lhu t0, 0(s1)
  lw a0, 0(s1)
  ld a0, 8(s1)
  flw fa0, 0(s1)
  fld fa0, 8(s1)
  sb t0, 0(s1)
  sh t0, 0(s1)
  sw a0, 0(s1)
  sd a0, 8(s1)
  fsd fa0, 8(s1)
  ld t0, 0(sp)
  sd t0, 0(sp)
  lr.w t0, (s1)
  sc.w t1, t0, (s1)
  amoadd.d t0, x0, (s1)
  fence
  csrr t0, vlenb
  beq x0, x0, 1f
1:
  j 1f
1:
  jal t0, 1f
1:
  mv a0, t0
  li a0, 3
"""


@pytest.mark.parametrize("option", ["rvc", "norvc"])
def test_scalar_instructions_by_class_long_and_compressed(run: Run, option: str) -> None:
    (count,) = run(f"la s1, data\n.option {option}\n{marked(SCALAR)}\n.option rvc", 128)
    assert classes(count) == {
        "scalar_integer": (5, 5),
        "scalar_float": (2, 2),
        "load": (8, 8),
        "store": (8, 8),
        "branch": (3, 3),
        "system": (2, 2),
    }
    assert count.load_bytes == 1 + 2 + 4 + 8 + 4 + 8 + 8 + 4 + 8
    assert count.store_bytes == 1 + 2 + 4 + 8 + 8 + 8 + 4 + 8


def test_the_hottest_block_is_found_with_its_words_and_vtype(
    assemble: Callable[[str], Path], counting: CountingEmulator, tmp_path: Path
) -> None:
    loop = "li t1, 1000\n1:\nvadd.vi v8, v8, 1\naddi t1, t1, -1\nbnez t1, 1b\n"
    program = assemble(f".option norvc\nvsetvli t0, x0, e16, m2, ta, ma\n{loop}\n{marked(loop)}\n{loop}.option rvc")
    with open_counting(target_of(128), counting, blocks=True) as executor:
        executor.put(program, PurePosixPath("program"))
        executor.run([PurePosixPath("./program")], timeout_s=60)
        executor.get(RESULT, tmp_path / "counts.json")
    hottest = read_counts(tmp_path / "counts.json", "program").blocks[0]
    # The first trip is of the block in which the loop is entered; vtype is vlmul = m2, vsew = e16, ta, ma.
    assert (hottest.runs, hottest.instructions, hottest.vtype) == (999, 3, 0b11_001_001)
    assert hottest.words.split()[0] == (0x0280B457).to_bytes(4, "little").hex()  # vadd.vi v8, v8, 1


def test_each_pair_of_marks_is_counted_apart(run: Run) -> None:
    counts = run(f"add t0, t0, t1\n{marked('add t0, t0, t1')}\nadd t0, t0, t1\n{marked('')}", 128)
    assert [count.raw for count in counts] == [1, 0]


def test_a_machine_without_vectors_is_counted_too(
    assemble: Callable[[str], Path], counting: CountingEmulator, tmp_path: Path
) -> None:
    target = target_of(128)
    scalar = replace(target, executor={**target.executor, "cpu": "rv64,v=false"})
    with open_counting(scalar, counting) as executor:
        executor.put(assemble(marked("add t0, t0, t1")), PurePosixPath("program"))
        executor.run([PurePosixPath("./program")], timeout_s=60)
        executor.get(RESULT, tmp_path / "counts.json")
    counts = read_counts(tmp_path / "counts.json", "program")
    assert (counts.vlen_bits, counts.inferences[0].raw) == (0, 1)


def test_marks_do_nothing_without_the_plugin(assemble: Callable[[str], Path]) -> None:
    with open_executor(load_target("qemu-riscv64")) as executor:
        executor.put(assemble(marked("add t0, t0, t1")), PurePosixPath("program"))
        assert executor.run([PurePosixPath("./program")], timeout_s=60).exit_code == 42
