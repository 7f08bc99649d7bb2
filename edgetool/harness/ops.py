"""Operations of instructions as the counting plugin names them (toolchain/qemu/plugin/decode.c), and their classes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal, cast

# fmt: off
Op = Literal[
    "add", "mul", "div", "fadd", "fmul", "fmadd", "fdiv", "fcvt", "branch", "load", "store", "amo", "system",
    "vset",
    "vadd", "vmerge", "vsll", "vmseq", "vsadd", "vssra", "vnsrl", "vnclip", "vsext", "vmul", "vsmul", "vdiv",
    "vmacc", "vwadd", "vwadd.w", "vwmul", "vwmacc",
    "vfadd", "vfmul", "vfdiv", "vfcvt", "vfncvt", "vfwcvt", "vmfeq", "vfmacc", "vfwadd", "vfwadd.w", "vfwmul",
    "vfwmacc",
    "vle", "vse", "vlseg", "vsseg", "vlse", "vsse", "vluxei", "vsuxei",
    "vredsum", "vfredusum", "vfredosum", "vslide", "vslide1", "vrgather", "vcompress", "vmand", "vcpop", "viota",
    "vmv.x", "vmvr",
]
# fmt: on


class OpClass(StrEnum):
    """The classes by which reports sum instructions."""

    SCALAR_INTEGER = "scalar_integer"
    SCALAR_FLOAT = "scalar_float"
    BRANCH = "branch"  # and jumps
    LOAD = "load"  # scalar
    STORE = "store"  # scalar, and atomic read-modify-write
    SYSTEM = "system"  # fences, control registers, system calls
    VECTOR_CONFIG = "vector_config"
    VECTOR_INTEGER = "vector_integer"
    VECTOR_FLOAT = "vector_float"
    VECTOR_WIDENING = "vector_widening"  # and multiply-accumulate
    VECTOR_UNIT = "vector_unit"  # unit-stride, whole-register and mask loads and stores
    VECTOR_STRIDED = "vector_strided"  # strided and indexed loads and stores
    VECTOR_PERMUTE = "vector_permute"  # masks, permutations, reductions

    @property
    def is_vector(self) -> bool:
        return self.value.startswith("vector_")


class Unit(StrEnum):
    """The part of a processor that an operation occupies."""

    INTEGER = "integer"
    FLOAT = "float"
    VECTOR = "vector"
    LOAD = "load"
    STORE = "store"


_OPS: Mapping[OpClass, Mapping[Unit, str]] = {
    OpClass.SCALAR_INTEGER: {Unit.INTEGER: "add mul div"},
    OpClass.SCALAR_FLOAT: {Unit.FLOAT: "fadd fmul fmadd fdiv fcvt"},
    OpClass.BRANCH: {Unit.INTEGER: "branch"},
    OpClass.LOAD: {Unit.LOAD: "load"},
    OpClass.STORE: {Unit.STORE: "store amo"},
    OpClass.SYSTEM: {Unit.INTEGER: "system"},
    OpClass.VECTOR_CONFIG: {Unit.INTEGER: "vset"},
    OpClass.VECTOR_INTEGER: {Unit.VECTOR: "vadd vmerge vsll vmseq vsadd vssra vnsrl vnclip vsext vmul vsmul vdiv"},
    OpClass.VECTOR_FLOAT: {Unit.VECTOR: "vfadd vfmul vfdiv vfcvt vfncvt vmfeq"},
    OpClass.VECTOR_WIDENING: {
        Unit.VECTOR: "vmacc vwadd vwadd.w vwmul vwmacc vfmacc vfwcvt vfwadd vfwadd.w vfwmul vfwmacc"
    },
    OpClass.VECTOR_UNIT: {Unit.LOAD: "vle vlseg", Unit.STORE: "vse vsseg"},
    OpClass.VECTOR_STRIDED: {Unit.LOAD: "vlse vluxei", Unit.STORE: "vsse vsuxei"},
    OpClass.VECTOR_PERMUTE: {
        Unit.VECTOR: "vredsum vfredusum vfredosum vslide vslide1 vrgather vcompress vmand vcpop viota vmv.x vmvr"
    },
}
CLASS_OF = {cast(Op, op): kind for kind, units in _OPS.items() for ops in units.values() for op in ops.split()}
UNIT_OF = {cast(Op, op): unit for units in _OPS.values() for unit, ops in units.items() for op in ops.split()}
SCALAR_OPS = frozenset(op for op, kind in CLASS_OF.items() if not kind.is_vector)
SHAPELESS_OPS = frozenset[Op]([*SCALAR_OPS, "vset"])  # cost the same for any vtype
