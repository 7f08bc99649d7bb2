"""Measure the variants of our int8 kernels on a board, and tell the board's runtime which is the fastest there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from edgetool.boards.probe import Vectors, probe_board
from edgetool.errors import ConfigError, HarnessError
from edgetool.executors.base import Executor
from edgetool.measurements.timing import ratio
from edgetool.models.spec import Precision
from edgetool.pipeline.deploy import bench
from edgetool.pipeline.plan import Plan, PlannedModel
from edgetool.pipeline.prepare import Preparation, UnpreparedCase
from edgetool.platform.context import StepContext
from edgetool.platform.foreign import one_line
from edgetool.platform.values import Name, Text, value
from edgetool.records.caveats import Caveat, caveats_of
from edgetool.records.record import Record
from edgetool.records.stats import Interval
from edgetool.reports.verdict import Reason, judge_time
from edgetool.runtimes.onnxruntime.recipe import PROVIDER
from edgetool.targets.registry import executor_of, open_executor
from edgetool.targets.spec import Target

ON_VECTORS = ("wide16", "wide32", "packed64", "ime")
# What the library says of itself, such as "rvv vlen=256 zvfh wide16: measured on 710:8000000058000001:0:32", and behind
# that of a variant that cannot run: toolchain/onnxruntime/mlas_rvv/selection.cpp.
PROCESSOR = r"(?P<processor>[0-9a-f]{1,16}(?::[0-9a-f]{1,16}){2}:\d{1,4})"
SAID = re.compile(rf"rvv vlen=\d+ (?:zvfh )?(?P<variant>\w+): .*?{PROCESSOR}(?:; .*)?")
KEEP_S = 60.0
# The file is where the library looks for it; a line for each processor.
KEEP = """\
set -eu
file=${EDGETOOL_TUNING:-${XDG_CACHE_HOME:-$HOME/.cache}/edgetool/kernels}
mkdir -p "${file%/*}"
{ if [ -f "$file" ]; then grep -v "^$1 " "$file" || true; fi; echo "$1 $2"; } > "$file.$$"
mv "$file.$$" "$file"
echo "$file"
"""


@value
class TunedKernels:
    """The outcome of measuring the variants on a board."""

    target: Name
    processor: Name  # its ids and the bytes of a vector register
    before: Name  # the variant that the library chose by itself
    fastest: Name  # of those that were measured
    ratio: Interval  # latency of the fastest ÷ that of the library's choice
    reason: Reason  # faster, as fast, or inconclusive
    kept_in: Text | None = None  # the board's file; None where the library's choice stands
    run: str  # the folder with the records

    @property
    def variant(self) -> str:
        """The variant that the library takes from now on."""
        return self.before if self.kept_in is None else self.fastest


def tune_kernels(
    model: PlannedModel, target: str, context: StepContext, *, runs: Path, wait: bool = False
) -> TunedKernels:
    """Time an int8 model with each variant in turn on a board, and keep the fastest there if it is faster.

    Raises ConfigError for an emulated target, a board without vectors, and a runtime without our kernels.
    """
    plan = Plan(
        models=(model,),
        targets=(target,),
        precisions=(Precision.INT8,),
        runtimes=(PROVIDER, *ON_VECTORS),
        instruments=("timing",),
    )
    planned = tuple(plan.cases(wait=wait, required=True))
    board = planned[0].target
    _check_board(board)
    cases = tuple(Preparation(planned, context).cases())
    finished = bench([case for case in cases if not isinstance(case, UnpreparedCase)], context, runs=runs)
    tuned = judge_kernels([entry.record for entry in finished.report.stored.recorded], run=str(finished.folder))
    if tuned.reason is not Reason.FASTER or tuned.fastest == tuned.before:
        return tuned
    with context.progress.step(f"keep {tuned.fastest} on {target}") as step, open_executor(board) as executor:
        kept_in = keep(executor, tuned.processor, tuned.fastest)
        step.note(kept_in)
    return replace(tuned, kept_in=kept_in)


def _check_board(target: Target) -> None:
    if executor_of(target).traits.emulates:
        raise ConfigError(
            f"{target.name} is emulated: its times say nothing about kernels", hint="tune on a board: --target BOARD"
        )
    with open_executor(target, exclusive=False) as executor:
        if executor.emulator is not None:
            raise ConfigError(f"{target.name} runs in {executor.emulator}: its times say nothing about kernels")
        vectors = probe_board(executor).vectors
    if vectors in (Vectors.NONE, Vectors.DRAFT):
        raise ConfigError(f"{target.name} has {vectors}: one variant suits it, and the library takes it")


def judge_kernels(records: Sequence[Record], *, run: str) -> TunedKernels:
    """Compare the variants of one board's records with the library's own choice. Nothing is kept yet.

    Raises HarnessError when the library doesn't name its variant and the processor, or nothing else was timed.
    """
    timed = {
        record.subject.runtime.name: (record, record.timing)
        for record in records
        if record.timing is not None and Caveat.OTHER_KERNELS not in caveats_of(record)
    }
    chosen, baseline = timed.pop(PROVIDER, (None, None))
    said = None if chosen is None else SAID.fullmatch(chosen.kernels or "")
    if chosen is None or baseline is None or said is None or not timed:
        raise HarnessError(
            "the runtime's own choice of kernels, and others beside it, were not all timed", hint=f"see {run}/report.md"
        )
    ratios = {name: ratio(timing, baseline) for name, (_, timing) in timed.items()}
    fastest, interval = min(ratios.items(), key=lambda found: found[1].value)
    return TunedKernels(
        target=chosen.subject.target,
        processor=said["processor"],
        before=said["variant"],
        fastest=fastest,
        ratio=interval,
        reason=judge_time(interval),
        run=run,
    )


def keep(executor: Executor, processor: str, variant: str) -> str:
    """Write a processor's variant to the file that the library reads on that board. Return the file's path."""
    words = (PurePosixPath("/bin/sh"), "-c", KEEP, "keep", processor, variant)
    return one_line(executor.run(words, timeout_s=KEEP_S).check().stdout.decode(errors="replace").strip())
