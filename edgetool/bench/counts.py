"""Instructions of an inference, counted under the emulator that counts."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

from edgetool.bench.attribution import Reading, attribute
from edgetool.bench.harness import BUNDLE, HarnessJob, input_paths, run_harness
from edgetool.bench.instructions import InstructionCounts, InstructionMix, OperatorInstructions
from edgetool.bundles import Bundle, BundledModel, inputs_by_name
from edgetool.errors import ConfigError, HarnessError
from edgetool.estimates.caches import CacheModel
from edgetool.executors.base import BenchmarkSpec, Executor, Target
from edgetool.executors.qemu import QemuExecutor
from edgetool.platform.documents import read_document
from edgetool.platform.values import NonNegative, Positive, Text, value
from edgetool.runtimes.emulator import CountingEmulator

RESULT = PurePosixPath("counts.json")
# The first inference plans its memory and the second is the first to use the plan.
WARMUP, COUNTED = 1, 2
SLOWDOWN = 4  # of an emulator that counts


@value
class Block:
    """Instructions that ran one after the other, as the emulator translated them."""

    address: NonNegative
    runs: NonNegative  # in all marked inferences
    vtype: NonNegative  # as it ran; 0 where that was seldom, or nothing had set it
    instructions: Positive
    words: Text  # each instruction's bytes in hexadecimal, as they lie in memory, spaces between


@value
class CountsFile:
    """What the plugin writes."""

    SCHEMA: ClassVar[int] = 3
    schema: int
    vlen_bits: NonNegative
    inferences: tuple[InstructionMix, ...]
    clock: tuple[Reading, ...]  # every reading of the clock by the program, when asked for
    clock_cut: bool  # there were more
    blocks: tuple[Block, ...]  # those that executed most, when asked for


def check_countable(target: Target) -> None:
    """Raises ConfigError for a target whose instructions can't be counted."""
    kind = target.executor["kind"]
    if kind != "qemu" or not target.triple.startswith("riscv64-"):
        raise ConfigError(
            f"instructions of {target.name} can't be counted: it is {target.triple} with the executor {kind!r}",
            hint='only riscv64 targets of the executor "qemu" can, such as qemu-riscv64',
        )


def open_counting(
    target: Target,
    counting: CountingEmulator,
    *,
    clock: bool = False,
    blocks: bool = False,
    caches: Sequence[CacheModel] = (),
) -> Executor:
    """The target's executor under the emulator that counts; the result is RESULT in its work folder."""
    plugin = str(counting.plugin).replace(",", ",,")  # how QEMU's options escape a comma
    wanted = [f"out={RESULT}", *(["clock=on"] if clock else []), *(["blocks=on"] if blocks else [])]
    options = ("-plugin", ",".join([plugin, *wanted, *(cache.argument for cache in caches)]))
    return QemuExecutor.open_with(target, str(counting.program), options)


def read_counts(path: Path, name: str) -> CountsFile:
    """Raises HarnessError."""
    counts = read_document(path, CountsFile, error=HarnessError)
    if counts.schema != CountsFile.SCHEMA:
        raise HarnessError(f"{name}: counts of schema {counts.schema}, this edgetool reads {CountsFile.SCHEMA}")
    if counts.clock_cut:
        raise HarnessError(f"{name}: the program read the clock too often for all of its readings to be kept")
    return counts


def count_instructions(
    counting: CountingEmulator,
    bundle: Bundle,
    target: Target,
    model: BundledModel,
    *,
    env: Mapping[str, str] | None = None,
) -> InstructionCounts:
    """Run a model a few times, on one thread: others would wait for work in loops that count too.

    `env` is added to the harness's environment.

    Raises ConfigError for a target whose instructions can't be counted, and what run_harness raises.
    """
    check_countable(target)
    totals = _run(counting, bundle, target, model, warmup=WARMUP, counted=COUNTED, env=env)
    # In a process of its own: profiling runs instructions too.
    profiled = _run(counting, bundle, target, model, warmup=0, counted=1, profile=True, env=env)
    return InstructionCounts(
        emulator=totals.emulator,
        vlen_bits=totals.counts.vlen_bits,
        inferences=totals.counts.inferences[-COUNTED:],
        operators=profiled.operators,
    )


def hottest_blocks(
    counting: CountingEmulator,
    bundle: Bundle,
    target: Target,
    model: BundledModel,
    *,
    env: Mapping[str, str] | None = None,
) -> CountsFile:
    """The same with the blocks that executed most, of a first and a second inference. Raises as count_instructions."""
    check_countable(target)
    return _run(counting, bundle, target, model, warmup=0, counted=1, blocks=True, env=env).counts


@dataclass(frozen=True, kw_only=True)
class _Counted:
    """One start of the harness under the emulator that counts."""

    emulator: str
    counts: CountsFile
    operators: tuple[OperatorInstructions, ...]


def _run(
    counting: CountingEmulator,
    bundle: Bundle,
    target: Target,
    model: BundledModel,
    *,
    warmup: int,
    counted: int,
    profile: bool = False,
    blocks: bool = False,
    env: Mapping[str, str] | None = None,
) -> _Counted:
    name = f"{model.spec.name} {model.spec.precision}"
    job = HarnessJob(
        model=BUNDLE / model.path,
        inputs=input_paths(inputs_by_name(bundle)),
        threads=1,
        timeout_s=target.benchmark.timeout_s * SLOWDOWN,
        benchmark=BenchmarkSpec(warmup=warmup, min_repetitions=counted, max_repetitions=counted, min_duration_s=0.0),
        profile=profile,
        env=env,
    )
    executor = open_counting(target, counting, clock=profile, blocks=blocks)
    with executor, tempfile.TemporaryDirectory(prefix="edgetool-") as scratch:
        executor.put(bundle.root, BUNDLE)
        run = run_harness(executor, bundle, job, name=name).run
        executor.get(RESULT, Path(scratch) / RESULT.name)
        counts = read_counts(Path(scratch) / RESULT.name, name)
        if len(counts.inferences) != 1 + warmup + counted:
            raise HarnessError(
                f"{name}: {len(counts.inferences)} marked inferences, wanted {1 + warmup + counted}",
                hint="the bundle's harness may be older than this edgetool: package it again",
            )
        operators: tuple[OperatorInstructions, ...] = ()
        if profile:
            executor.get(PurePosixPath(run.profile or ""), Path(scratch) / "profile.json")
            operators = attribute(Path(scratch) / "profile.json", counts.clock, inferences=counted)
    return _Counted(emulator=executor.emulator or counting.program.name, counts=counts, operators=operators)
