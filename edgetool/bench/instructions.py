"""How many instructions an inference takes, by class: what an emulator can tell of a cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Annotated

from annotated_types import Ge, Le, Len

from edgetool.platform.values import Name, NonNegative, Text, value


@value
class ClassCount:
    """Instructions of a class, and what they weigh.

    A scalar instruction weighs 1; a vector instruction max(1, ⌈vl × widest operand's element ÷ VLEN⌉), where a widening
    one counts its destination; a strided or indexed access vl; a segment as much for each of its fields. So neither
    long registers nor register groups make work look small.
    """

    raw: NonNegative
    weighted: NonNegative


@value
class InstructionClasses:
    """Every instruction is of exactly one class; the names are the plugin's too (toolchain/qemu/plugin/decode.c)."""

    scalar_integer: ClassCount
    scalar_float: ClassCount
    branch: ClassCount  # and jumps
    load: ClassCount  # scalar
    store: ClassCount  # scalar, and atomic read-modify-write
    system: ClassCount  # fences, control registers, calls of the kernel
    vector_config: ClassCount
    vector_integer: ClassCount
    vector_float: ClassCount
    vector_widening: ClassCount  # and multiply-accumulate
    vector_unit: ClassCount  # unit-stride, whole-register and mask loads and stores
    vector_strided: ClassCount  # strided and indexed loads and stores
    vector_permute: ClassCount  # masks, permutations, reductions

    def items(self) -> Iterator[tuple[str, ClassCount]]:
        """Name and count, in the order above."""
        for entry in fields(self):
            yield entry.name, getattr(self, entry.name)


@value
class InferenceCount:
    """One inference."""

    classes: InstructionClasses
    load_bytes: NonNegative  # scalar and vector; masked-off elements count too
    store_bytes: NonNegative

    @property
    def raw(self) -> int:
        return sum(count.raw for _, count in self.classes.items())

    @property
    def weighted(self) -> int:
        return sum(count.weighted for _, count in self.classes.items())


@value
class OperatorInstructions:
    """All of a model's nodes of one operator, per inference."""

    operator: Name
    calls: NonNegative
    raw: NonNegative
    weighted: NonNegative
    vector: NonNegative | None = None  # of `raw`; None in records that are older than this
    share: Annotated[float, Ge(0), Le(1)]  # of all operators' weight

    @property
    def kernels(self) -> str | None:
        """Which kernels ran, by what they executed."""
        return None if self.vector is None else kernels_text(self.vector)

    @property
    def vector_share(self) -> float | None:
        """Of the instructions; None where that was not counted."""
        return None if self.vector is None or self.raw == 0 else self.vector / self.raw


SCALAR, VECTOR = "scalar", "vector"  # which kernels ran


def kernels_text(vector: int) -> str:
    """
    >>> kernels_text(0), kernels_text(3)
    ('scalar', 'vector')
    """
    return VECTOR if vector else SCALAR


@value
class InstructionCounts:
    """What an emulator counted, on one thread, in inferences after a warm-up."""

    emulator: Text
    vlen_bits: NonNegative  # 0 where the machine has no vectors
    inferences: Annotated[tuple[InferenceCount, ...], Len(1, 1000)]
    operators: tuple[OperatorInstructions, ...] = ()

    @property
    def raw(self) -> int:
        """Instructions of one inference: the mean, as below."""
        return sum(inference.raw for inference in self.inferences) // len(self.inferences)

    @property
    def weighted(self) -> int:
        return sum(inference.weighted for inference in self.inferences) // len(self.inferences)

    @property
    def kernels(self) -> str:
        """Which kernels ran, by what they executed."""
        return kernels_text(sum(count.raw for name, count in self.classes() if name.startswith("vector_")))

    @property
    def load_bytes(self) -> int:
        return sum(inference.load_bytes for inference in self.inferences) // len(self.inferences)

    @property
    def store_bytes(self) -> int:
        return sum(inference.store_bytes for inference in self.inferences) // len(self.inferences)

    def classes(self) -> Iterator[tuple[str, ClassCount]]:
        """Name and mean count of every class that occurs."""
        number = len(self.inferences)
        for columns in zip(*(inference.classes.items() for inference in self.inferences), strict=True):
            raw = sum(count.raw for _, count in columns) // number
            if raw:
                yield columns[0][0], ClassCount(raw=raw, weighted=sum(c.weighted for _, c in columns) // number)


@value
class BaselineCounts:
    """An inference of a record's model and input on its processor, in another runtime."""

    name: Name  # "debian", "scalar" for our own without vectors, "ncnn"
    runtime: Text
    instructions: InstructionCounts
    differs_by: float | None = None  # largest output difference from the record's ÷ its largest output
    same_predictions: NonNegative | None = None
    compared_samples: NonNegative | None = None
