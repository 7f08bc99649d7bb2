"""A bench: a bundle on an open target whose runtime has passed its self-test."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from edgetool.boards.conditions import conditions
from edgetool.boards.facts import BoardFacts, read_facts
from edgetool.boards.probe import check_instructions_of
from edgetool.bundles import Bundle, BundledModel, inputs_by_name
from edgetool.errors import UnsupportedOperator
from edgetool.executors.base import Executor
from edgetool.harness.harness import BUNDLE, DTYPE, HarnessJob, HarnessOutcome, input_paths, run_harness
from edgetool.harness.journal import Journal
from edgetool.harness.plausible import check_memory
from edgetool.models.spec import Precision
from edgetool.platform.context import StepContext
from edgetool.platform.progress import Progress
from edgetool.runtimes.spec import TITLES
from edgetool.runtimes.table import KINDS
from edgetool.targets.registry import open_executor
from edgetool.targets.spec import BenchmarkSpec, Target


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What every instrument measures on."""

    executor: Executor
    bundle: Bundle
    target: Target
    context: StepContext
    board: BoardFacts | None  # None if the target's /proc isn't its own
    environment: Mapping[str, str] = field(default_factory=dict)  # of the runtime's process
    metrics: tuple[str, ...] = ()  # the user's own, package.module:metric
    root: PurePosixPath = BUNDLE  # the bundle's folder on the target
    journal: Journal | None = None  # of the run that this measures for

    @property
    def place(self) -> str:
        """The target and the kind of runtime, as shown in progress."""
        return _place(self.bundle, self.target)

    def run(
        self,
        model: BundledModel,
        *,
        threads: int | None = None,
        benchmark: BenchmarkSpec | None = None,
        spinning: bool = True,
        outputs: bool = False,
        samples: int | None = None,
        on_sample: Callable[[int], None] | None = None,
        profile: Path | None = None,
        patience: float = 1.0,
        file: PurePosixPath | None = None,
    ) -> HarnessOutcome:
        """Run the harness once on `model` with the options of HarnessJob. `patience` multiplies the time limit.

        `file` is another file in the work folder to load in place of the model's own.

        Raises whatever run_harness raises, and HarnessError for more memory than the board has.
        """
        job = HarnessJob(
            model=file or self.root / model.path,
            inputs=input_paths(inputs_by_name(self.bundle), self.root),
            threads=threads or self.target.benchmark.threads,
            timeout_s=self.target.benchmark.timeout_s * patience,
            benchmark=benchmark,
            spinning=spinning,
            outputs=outputs,
            samples=samples,
            on_sample=on_sample,
            sample_bytes=_bytes_of(model),
            profile=profile,
            env=self.environment,
            root=self.root,
        )
        outcome = run_harness(self.executor, self.bundle, job, name=title(model), journal=self.journal)
        check_memory(outcome.run.peak_rss_bytes, self.board.memory_bytes if self.board else None, name=title(model))
        return outcome


def _place(bundle: Bundle, target: Target) -> str:
    kind = bundle.manifest.runtime.name
    return target.name if KINDS[kind].form is None else f"{target.name} in {TITLES[kind]}"


def _bytes_of(model: BundledModel) -> int:
    """Return the size of the first output, or 0 when its type or shape isn't known beforehand."""
    output = model.spec.outputs[0] if model.spec.outputs else None
    if output is None or not DTYPE.fullmatch(output.dtype):
        return 0
    return int(np.dtype(output.dtype).itemsize * math.prod(output.shape))


@contextmanager
def open_bench(
    bundle: Bundle,
    target: Target,
    context: StepContext,
    *,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Bench]:
    """Open the target, set its measuring conditions, copy the bundle and self-test the runtime.

    Raises ConfigError and ExecutorError when the target can't be opened, and whatever set_up raises.
    """
    with open_board(target, context.progress) as executor:
        yield set_up(executor, bundle, target, context, environment=environment)


@contextmanager
def open_board(target: Target, progress: Progress) -> Iterator[Executor]:
    """Open the target and set its measuring conditions. Raises ConfigError and ExecutorError."""
    with open_executor(target, progress=progress) as executor, conditions(executor, target.benchmark):
        yield executor


def set_up(
    executor: Executor,
    bundle: Bundle,
    target: Target,
    context: StepContext,
    *,
    environment: Mapping[str, str] | None = None,
    root: PurePosixPath = BUNDLE,
) -> Bench:
    """Copy the bundle to `root` on an open target and self-test its runtime there.

    Raises whatever put_bundle and selftest raise.
    """
    with context.progress.step(f"self-test on {_place(bundle, target)}") as step:
        board = put_bundle(executor, bundle, root)
        held = selftest(executor, bundle, environment, timeout_s=target.benchmark.timeout_s, root=root)
        step.note(f"{held} cases hold" if held else "it has no cases")
    return Bench(
        executor=executor,
        bundle=bundle,
        target=target,
        context=context,
        board=board,
        environment=environment or {},
        root=root,
    )


def put_bundle(executor: Executor, bundle: Bundle, root: PurePosixPath = BUNDLE) -> BoardFacts | None:
    """Copy a bundle to `root` on an open target. Return the board's facts.

    Raises TransferError, and IllegalInstruction when the board lacks instructions that the bundle needs.
    """
    facts = read_facts(executor)
    check_instructions_of(bundle, facts)
    executor.put(bundle.root, root)
    return facts


def selftest(
    executor: Executor,
    bundle: Bundle,
    environment: Mapping[str, str] | None = None,
    *,
    precisions: Collection[Precision] | None = None,
    timeout_s: float = 600.0,
    root: PurePosixPath = BUNDLE,
) -> int:
    """Run the runtime's numeric self-test on the target within the time limit. Return the number of cases that passed.

    It has the cases of these precisions, by default of those of the bundle's models.

    Raises SelfTestFailed, and whatever run_harness raises.
    """
    runtime = bundle.manifest.runtime
    build = KINDS[runtime.name].selftest if runtime.name in KINDS else None
    if build is None:
        return 0
    test = build({model.spec.precision for model in bundle.manifest.models} if precisions is None else precisions)
    with tempfile.TemporaryDirectory(prefix="edgetool-") as scratch:
        files = test.write(Path(scratch))
        executor.put(Path(scratch), PurePosixPath("selftest"))
    job = HarnessJob(
        model=PurePosixPath("selftest") / test.model_name,
        inputs=input_paths(files, PurePosixPath("selftest")),
        threads=1,
        timeout_s=timeout_s,
        outputs=True,
        env=environment,
        root=root,
    )
    outcome = run_harness(executor, bundle, job, name="self-test")
    test.check(outcome.outputs, runtime=f"{runtime.title} for {bundle.manifest.triple}")
    return len(test.expected)


def preflight(executor: Executor, bundle: Bundle, target: Target) -> dict[Precision, UnsupportedOperator]:
    """Load every model with the target's runtime. Return precision → the error for an unsupported operator.

    A model that loads on the host may fail on the target. Raises whatever run_harness raises otherwise.
    """
    unsupported = {}
    for model in bundle.manifest.models:
        job = HarnessJob(
            model=BUNDLE / model.path, inputs={}, threads=target.benchmark.threads, timeout_s=target.benchmark.timeout_s
        )
        try:
            run_harness(executor, bundle, job, name=title(model))
        except UnsupportedOperator as error:
            unsupported[model.spec.precision] = error
    return unsupported


def title(model: BundledModel) -> str:
    return f"{model.spec.name} {model.spec.precision}"
