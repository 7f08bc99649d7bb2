"""Instructions: count those of an inference under an emulator, by class and by operator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Annotated

from annotated_types import Len

from edgetool.bundles import BundledModel
from edgetool.harness.attribution import without_events
from edgetool.harness.bench import Bench, title
from edgetool.harness.counts import COUNTED, WARMUP, check_countable, run_counting
from edgetool.harness.instructions import ClassCount, InstructionMix, OperatorInstructions, kernels_text
from edgetool.measurements.reading import Instrument, Reading
from edgetool.platform.values import NonNegative, Text, value
from edgetool.runtimes.emulator import counting_emulator
from edgetool.runtimes.table import KINDS


@value
class InstructionCounts:
    """Instruction counts from an emulator: one thread, after a warm-up."""

    emulator: Text
    vlen_bits: NonNegative  # 0 for a machine without vectors
    inferences: Annotated[tuple[InstructionMix, ...], Len(1, 1000)]
    operators: tuple[OperatorInstructions, ...] = ()

    @cached_property
    def mean(self) -> InstructionMix:
        """The mean over the counted inferences."""
        return InstructionMix.sum(self.inferences, divisor=len(self.inferences))

    @property
    def raw(self) -> int:
        return self.mean.raw

    @property
    def weighted(self) -> int:
        return self.mean.weighted

    @property
    def kernels(self) -> str:
        """Describe the kernels that ran, judged by the share of vector instructions."""
        return kernels_text(self.mean)

    @property
    def load_bytes(self) -> int:
        return self.mean.load_bytes

    @property
    def store_bytes(self) -> int:
        return self.mean.store_bytes

    def classes(self) -> Iterator[tuple[str, ClassCount]]:
        """Yield the name and mean count of every class that occurs."""
        return self.mean.classes()


def measure(bench: Bench, model: BundledModel) -> Reading:
    """Count a few inferences on one thread: further threads would add the instructions of their spin loops.

    Raises ConfigError when instructions can't be counted on the target, and whatever run_harness raises.
    """
    counting = counting_emulator(bench.context.store, bench.context.progress)
    with bench.context.progress.step(f"count instructions, {title(model)} on {bench.place}") as step:
        totals = run_counting(bench, model, counting, warmup=WARMUP, counted=COUNTED)
        counts = InstructionCounts(
            emulator=totals.emulator,
            vlen_bits=totals.counts.vlen_bits,
            inferences=totals.counts.inferences[-COUNTED:],
        )
        if KINDS[bench.bundle.manifest.runtime.name].profiles:
            # in a separate process: profiling executes instructions too
            profiled = run_counting(bench, model, counting, warmup=0, counted=1, profile=True)
            counts = replace(counts, operators=without_events(profiled.operators, counts.mean))
        step.note(f"{counts.raw:,}, weighted {counts.weighted:,}")
    return Reading(measurement=counts, outcome=totals.outcome)


INSTRUMENT = Instrument(measure=measure, check=check_countable)
