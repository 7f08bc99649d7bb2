"""Run the harness under the counting emulator and read the plugin's results."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import ClassVar

from edgetool.bundles import BundledModel
from edgetool.errors import ConfigError, HarnessError
from edgetool.estimates.caches import CacheModel
from edgetool.estimates.cores import core_names, load_core
from edgetool.executors.base import Executor
from edgetool.harness.attribution import Reading, attribute
from edgetool.harness.bench import Bench, title
from edgetool.harness.harness import HarnessOutcome
from edgetool.harness.instructions import InstructionMix, OperatorInstructions
from edgetool.platform.documents import SIZE_LIMIT_BYTES, read_document
from edgetool.platform.values import Lines, NonNegative, Positive, value
from edgetool.runtimes.emulator import CountingEmulator
from edgetool.targets.registry import executor_of
from edgetool.targets.spec import BenchmarkSpec, Target

RESULT = PurePosixPath("counts.json")
# The first inference plans its memory; the second is the first to use the plan.
WARMUP, COUNTED = 1, 2
SLOWDOWN = 4  # factor of the counting emulator


@value
class Block:
    """Consecutive instructions, as translated by the emulator."""

    address: NonNegative
    runs: NonNegative  # in all marked inferences
    vtype: NonNegative  # while it ran; 0 if it ran rarely or nothing had set vtype
    instructions: Positive
    words: Lines  # the instructions' bytes in hexadecimal in memory order, separated by spaces


@value
class Stepped:
    """What the threads of a program did in one inference, kept in step.

    Each thread has a clock that advances with its weighted instructions, as if it had a processor of its own.
    """

    elapsed: NonNegative  # weighted instructions, on the clock of the thread that started the inference
    threads: tuple[InstructionMix, ...]


@value
class CountsFile:
    """The file that the plugin writes."""

    SCHEMA: ClassVar[int] = 4
    schema: int
    vlen_bits: NonNegative
    inferences: tuple[InstructionMix, ...]
    stepped: tuple[Stepped, ...]  # of each inference, if requested and if the threads could be kept in step
    clock: tuple[Reading, ...]  # every clock reading of the program, if requested
    clock_cut: bool  # further readings were dropped
    blocks: tuple[Block, ...]  # the blocks that executed the most instructions, if requested


def check_countable(target: Target) -> None:
    """Check that instructions can be counted on the target. Raises ConfigError when they can't."""
    if not executor_of(target).traits.loads_plugins or not target.triple.startswith("riscv64-"):
        raise ConfigError(
            f"instructions can't be counted on {target.name}: it is {target.triple} with the executor "
            f"{target.executor['kind']!r}",
            hint='use a riscv64 target with the executor "qemu", such as qemu-riscv64',
        )


def open_counting(
    target: Target,
    counting: CountingEmulator,
    *,
    clock: bool = False,
    blocks: bool = False,
    steps: bool = False,
    caches: Sequence[CacheModel] = (),
) -> Executor:
    """Open the target's executor with the counting emulator. The result is RESULT in its work folder."""
    plugin = str(counting.plugin).replace(",", ",,")  # QEMU escapes a comma by doubling it
    asked = {"clock": clock, "blocks": blocks, "steps": steps}
    wanted = [f"out={RESULT}", *(f"{name}=on" for name, on in asked.items() if on)]
    options = ("-plugin", ",".join([plugin, *wanted, *(cache.argument for cache in caches)]))
    executor: Executor = executor_of(target).open_with(target, str(counting.program), options)
    return executor


def modelled_caches(target: Target) -> tuple[CacheModel, ...]:
    """Return the cache models of all cores with the vector length of the target's processor."""
    vlen_bits = vector_bits(str(target.executor.get("cpu", "")))
    return tuple(CacheModel.of(core) for core in map(load_core, core_names()) if core.vlen_bits == vlen_bits)


def vector_bits(cpu: str) -> int:
    """Return the vector length of QEMU's `-cpu` in bits; 0 without vectors.

    >>> vector_bits("rv64,v=true,vlen=256,elen=64"), vector_bits("rv64,v=true"), vector_bits("rv64,v=false,vlen=256")
    (256, 128, 0)
    """
    options = dict(option.partition("=")[::2] for option in cpu.split(","))
    return int(options.get("vlen", "128")) if options.get("v") in ("true", "on") else 0


def fetch_counts(executor: Executor, name: str) -> CountsFile:
    """Fetch the plugin's result from the work folder. Raises HarnessError, TransferError."""
    with tempfile.TemporaryDirectory(prefix="edgetool-") as scratch:
        path = Path(scratch) / RESULT.name
        executor.get(RESULT, path, limit_bytes=SIZE_LIMIT_BYTES)
        return read_counts(path, name)


def read_counts(path: Path, name: str) -> CountsFile:
    """Read the plugin's result. Raises HarnessError."""
    counts = read_document(path, CountsFile, error=HarnessError)
    if counts.clock_cut:
        raise HarnessError(f"{name}: the program read the clock too often to record all readings")
    return counts


def _repeated(warmup: int, counted: int) -> BenchmarkSpec:
    """Return how to run exactly so many inferences."""
    return BenchmarkSpec(
        warmup=warmup, min_repetitions=counted, max_repetitions=counted, min_duration_s=0.0, target_error=0.0
    )


@contextmanager
def _counted(
    bench: Bench,
    counting: CountingEmulator,
    *,
    clock: bool = False,
    blocks: bool = False,
    steps: bool = False,
    caches: Sequence[CacheModel] = (),
) -> Iterator[Bench]:
    """Open the bench's target with the counting emulator, with the bundle on it. Raises ConfigError."""
    check_countable(bench.target)
    with open_counting(bench.target, counting, clock=clock, blocks=blocks, steps=steps, caches=caches) as executor:
        executor.put(bench.bundle.root, bench.root)
        yield replace(bench, executor=executor)


@dataclass(frozen=True, kw_only=True)
class CountedRun:
    """One run of the harness under the counting emulator."""

    emulator: str
    counts: CountsFile
    operators: tuple[OperatorInstructions, ...]  # empty unless profiled
    outcome: HarnessOutcome


def run_counting(
    bench: Bench,
    model: BundledModel,
    counting: CountingEmulator,
    *,
    warmup: int = 0,
    counted: int = 1,
    profile: bool = False,
    blocks: bool = False,
) -> CountedRun:
    """Run a model under the counting emulator. With `blocks`, the hottest basic blocks are recorded too.

    Without `blocks`, the caches of all cores with the target's vector length are modelled. Raises ConfigError when
    instructions can't be counted on the target, and whatever run_harness raises.
    """
    name, spec = title(model), _repeated(warmup, counted)
    caches = () if blocks else modelled_caches(bench.target)
    with (
        _counted(bench, counting, clock=profile, blocks=blocks, caches=caches) as here,
        tempfile.TemporaryDirectory(prefix="edgetool-") as scratch,
    ):
        trace = Path(scratch) / "profile.json"
        outcome = here.run(model, threads=1, benchmark=spec, profile=trace if profile else None, patience=SLOWDOWN)
        counts = fetch_counts(here.executor, name)
        if len(counts.inferences) != 1 + warmup + counted:
            raise HarnessError(
                f"{name}: {len(counts.inferences)} marked inferences, expected {1 + warmup + counted}",
                hint="the bundle's harness may be older than this edgetool: package it again",
            )
        operators = attribute(trace, counts.clock, inferences=counted) if profile else ()
    return CountedRun(
        emulator=here.executor.emulator or counting.program.name, counts=counts, operators=operators, outcome=outcome
    )


def run_stepped(
    bench: Bench, model: BundledModel, counting: CountingEmulator, *, threads: int, warmup: int, counted: int
) -> tuple[Stepped, ...]:
    """Run a model on several threads in step. Return the last `counted` inferences.

    Idle threads sleep: their spinning would count as work. Raises ConfigError when instructions can't be counted on the
    target, HarnessError when the threads could not be kept in step, and whatever run_harness raises.
    """
    with _counted(bench, counting, steps=True, caches=modelled_caches(bench.target)) as here:
        here.run(model, threads=threads, benchmark=_repeated(warmup, counted), spinning=False, patience=SLOWDOWN)
        found = fetch_counts(here.executor, title(model)).stepped
    if len(found) < counted:
        raise HarnessError(
            f"{title(model)}: {threads} threads could not be kept in step",
            hint="run it again while the machine is idle",
        )
    return found[-counted:]
