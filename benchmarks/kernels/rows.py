"""What the benchmark of kernels finds, one row for each model, precision, side and vector length."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from edgetool.measurements.instructions import InstructionCounts
from edgetool.platform.documents import read_document
from edgetool.platform.values import Name, NonNegative, Positive, Text, value

STOCK, OURS, WIDE32, SCALAR, NCNN = "stock", "ours", "ours, wide32", "ours, scalar", "ncnn"
VLEN_BITS = 256  # of the rows in the tables of counts; estimates take each core's own
# What the page calls the runtimes of the plan.
LABELS = {"debian": STOCK, "scalar": SCALAR, "crossbuild": OURS, "wide32": WIDE32, "ncnn": NCNN}
# Our kernels of int8 convolutions by side. "ours" is the choice for an emulated processor.
VARIANTS = {OURS: "wide16", WIDE32: "wide32", SCALAR: "tiled"}


@value
class ModelledLoop:
    """A hot block of instructions in llvm-mca's model of a processor, as a loop that runs on and on."""

    address: NonNegative
    share: float  # of the inference's instructions
    instructions: Positive  # in one trip
    trips: NonNegative  # per inference
    cycles: float  # of one trip
    text: tuple[Text, ...]


@value
class Modelled:
    """The hottest blocks of an inference; what they leave out is not modelled."""

    processor: Name
    share: float  # of the inference's instructions
    cycles: NonNegative  # of these blocks, per inference
    loops: tuple[ModelledLoop, ...]


@value
class KernelRow:
    model: Name
    precision: Name
    side: Name
    release: Text  # of the runtime
    vlen_bits: NonNegative | None  # None: no vector instruction ran, so that the row holds for every length
    counts: InstructionCounts
    images: Positive
    correct: NonNegative | None  # None where accuracy means nothing
    signal_to_noise_db: float  # of the outputs, against the fp32 model on this machine
    modelled: Modelled | None = None

    @property
    def key(self) -> tuple[str, str]:
        return (self.model, self.precision)


@value
class Findings:
    """`docs/performance.json`: what the page and its charts are drawn from."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    created_at: datetime
    edgetool: Name
    emulator: Text
    rows: tuple[KernelRow, ...]

    def joined(self, found: Findings) -> Findings:
        """Put these in place of what was found of the same models before."""
        models = {row.model for row in found.rows}
        return replace(found, rows=(*(row for row in self.rows if row.model not in models), *found.rows))

    def stock(self, row: KernelRow) -> KernelRow | None:
        """What a row is measured against: the distribution's runtime on the same model."""
        return next((other for other in self.rows if other.key == row.key and other.side == STOCK), None)

    def own_fp32(self, row: KernelRow) -> KernelRow | None:
        """The same side's fp32 at the same vector length; int8's variants share that of "ours"."""
        wanted = (row.model, "fp32", OURS if row.side == WIDE32 else row.side, row.vlen_bits)
        return next((o for o in self.rows if (o.model, o.precision, o.side, o.vlen_bits) == wanted), None)


def read_findings(path: Path) -> Findings:
    return read_document(path, Findings)
