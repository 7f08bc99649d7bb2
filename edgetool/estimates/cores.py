"""Core models: the costs of instructions and memory, each with its source (toolchain/cores/<name>.toml)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, ClassVar, Literal, get_args

from annotated_types import Ge, Gt, Le, Len

from edgetool.errors import ConfigError
from edgetool.harness.instructions import Cell, Sew
from edgetool.harness.ops import SCALAR_OPS, SHAPELESS_OPS, UNIT_OF, Op
from edgetool.platform.catalog import data_folder
from edgetool.platform.documents import read_document
from edgetool.platform.names import name_hint
from edgetool.platform.values import Name, NonNegative, Positive, Text, value

Cycles = Annotated[float, Ge(0), Le(1e6)]
GROUPS = (1.0, 2.0, 4.0, 8.0)  # group sizes in registers, for costs given for each size


class Mark(StrEnum):
    """The origin of a number."""

    SILICON = "silicon"  # measured on the core and published
    MODEL = "model"  # LLVM's model of the core
    DOCUMENT = "document"  # documented by its maker
    ESTIMATE = "estimate"  # edgetool's own; the source explains it


@value
class Figure:
    """A number with its origin and source."""

    value: Annotated[float, Gt(0), Le(1e12)]
    mark: Mark
    source: Name  # a key of the core's [sources]


@value
class Caches:
    """Two data cache levels and the memory behind them. Loads and stores move whole lines."""

    line_bytes: Positive
    l1_bytes: Positive
    l1_ways: Positive
    l2_bytes: Positive  # available to one thread when nothing else runs
    l2_ways: Positive
    mark: Mark
    source: Name
    l2_bytes_per_cycle: Figure
    memory_bytes_per_cycle: Figure


@value
class Cost:
    """How long operations occupy their unit: the reciprocal of their throughput.

    A single number is the cost of one register. A group costs that number times its registers, and a fraction of a
    register that fraction, but at least the core's minimum. A list gives the costs of groups of 1, 2, 4 and 8
    registers.
    """

    ops: Annotated[tuple[Op, ...], Len(1, 100)]
    sew: Annotated[tuple[Sew, ...], Len(1, 4)] = get_args(Sew)
    cycles: Cycles | Annotated[tuple[Cycles, ...], Len(4, 4)]
    per: Literal["register", "element"] = "register"  # "element": strided and indexed accesses, multiplied by vl
    mark: Mark
    source: Name

    def of(self, registers: float, least: float) -> float:
        """Return the cycles of one instruction on a group of `registers` registers."""
        if isinstance(self.cycles, tuple):
            return interpolate(self.cycles, registers)
        return max(least, self.cycles * registers)


def interpolate(cycles: Sequence[float], registers: float) -> float:
    """Interpolate between the given group sizes; a fraction of a register costs as much as one.

    >>> interpolate((6.5, 11.0, 17.0, 54.0), 0.5), interpolate((6.5, 11.0, 17.0, 54.0), 3.0)
    (6.5, 14.0)
    """
    for (low, at_low), (high, at_high) in zip(
        zip(GROUPS, cycles, strict=True), zip(GROUPS[1:], cycles[1:], strict=False), strict=False
    ):
        if registers <= high:
            part = max(0.0, registers - low) / (high - low)
            return at_low + part * (at_high - at_low)
    return cycles[-1]


@value
class Core:
    """A core with known costs, defined in `toolchain/cores/<name>.toml`."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    name: Name = "unnamed"  # the file's name, set on reading
    title: Name
    description: Text
    caveat: Text | None = None  # what readers of its estimates must know
    vlen_bits: NonNegative  # 0 without vectors
    clock_hz: Figure
    issue_width: Figure  # instructions per cycle
    shared_ports: bool  # loads and stores share ports; otherwise they overlap
    vector_least_cycles: Figure | None = None  # of any vector instruction; None without vectors
    caches: Caches
    sources: dict[Name, Text]
    cost: Annotated[tuple[Cost, ...], Len(1, 500)]  # the last row for an operation and SEW applies

    @cached_property
    def costs(self) -> dict[tuple[Op, Sew], Cost]:
        return {(op, sew): row for row in self.cost for op in row.ops for sew in row.sew}

    def executes(self, cell: Cell) -> bool:
        return (cell.op, cell.sew or 8) in self.costs

    def cycles(self, cell: Cell) -> float:
        """Return the cycles of all instructions of a cell on their unit.

        Raises ConfigError when the core has no such instruction.
        """
        row = self.costs.get((cell.op, cell.sew or 8))
        if row is None:
            raise ConfigError(
                f"{self.title} has no {cell.op}", hint="count instructions on a processor without vectors"
            )
        if row.per == "element":
            return cell.weight * float(row.cycles if isinstance(row.cycles, float | int) else row.cycles[0])
        least = self.vector_least_cycles.value if self.vector_least_cycles else 0.0
        return cell.count * row.of(cell.registers or 1.0, 0.0 if cell.op in SHAPELESS_OPS else least)

    def figures(self) -> Iterator[tuple[str, Mark, str]]:
        """Yield the name, origin and source of every number."""
        named = {
            "clock_hz": self.clock_hz,
            "issue_width": self.issue_width,
            "vector_least_cycles": self.vector_least_cycles,
            "caches": self.caches,
            "l2_bytes_per_cycle": self.caches.l2_bytes_per_cycle,
            "memory_bytes_per_cycle": self.caches.memory_bytes_per_cycle,
        }
        yield from ((name, figure.mark, figure.source) for name, figure in named.items() if figure is not None)
        yield from ((", ".join(row.ops), row.mark, row.source) for row in self.cost)


def core_names() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in _folder().glob("*.toml")))


def load_core(name: str) -> Core:
    """Load a core. Raises ConfigError for an unknown core, naming the known ones, and for an invalid file."""
    if name not in core_names():
        raise ConfigError(f"no core {name!r}", hint=name_hint(name, core_names(), what="known cores"))
    return read_core(_folder() / f"{name}.toml")


def read_core(path: Path) -> Core:
    """Read a core's file. Raises ConfigError naming the file and the error."""
    core = replace(read_document(path, Core), name=path.stem)
    if core.schema != Core.SCHEMA:
        raise ConfigError(f"{path}: schema: {core.schema}, this edgetool reads {Core.SCHEMA}")
    for what, _, source in core.figures():
        if source not in core.sources:
            raise ConfigError(f"{path}: {what}: source {source!r} is not in [sources]")
    wanted = UNIT_OF if core.vlen_bits else SCALAR_OPS
    missing = [f"{op} at SEW {sew}" for op in wanted for sew in _sews(op) if (op, sew) not in core.costs]
    if missing:
        raise ConfigError(f"{path}: cost: {missing[0]} has none (and {len(missing) - 1} more)")
    if core.vlen_bits and core.vector_least_cycles is None:
        raise ConfigError(f"{path}: vector_least_cycles: missing")
    return core


def _sews(op: Op) -> tuple[Sew, ...]:
    if op in SHAPELESS_OPS:
        return (8,)
    return (16, 32, 64) if op.startswith(("vf", "vmf")) else get_args(Sew)


def _folder() -> Path:
    return data_folder("toolchain") / "cores"
