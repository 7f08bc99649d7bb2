"""A bundle measured on an open target: self-test, preflight, timing, held-out images."""

from __future__ import annotations

import hashlib
import secrets
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from edgetool import __version__
from edgetool.bench.harness import BUNDLE, HarnessJob, HarnessOutcome, Outputs, finite_outputs, input_paths, run_harness
from edgetool.bench.record import BoardFacts, Environment, Evaluation, OperatorTime, RunRecord
from edgetool.boards.facts import read_facts
from edgetool.boards.probe import check_instructions_of
from edgetool.bundles import Bundle, BundledModel, inputs_by_name
from edgetool.errors import HarnessError, UnsupportedOperator
from edgetool.executors.base import Executor, Target
from edgetool.platform.progress import Progress, Silent
from edgetool.runtimes.onnxruntime.selftest import build_selftest, write_selftest

SELFTEST_TIMEOUT_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A record and the outputs it was judged by, of the held-out images or else of the timed input."""

    record: RunRecord
    outputs: Outputs

    @property
    def stem(self) -> str:
        """The name of its files."""
        return f"{self.record.target}-{self.record.model.name}-{self.record.model.precision}"


def put_bundle(executor: Executor, bundle: Bundle) -> None:
    """Raises TransferError, and IllegalInstruction for a bundle whose instructions the board does not have."""
    check_instructions_of(bundle, read_facts(executor))
    executor.put(bundle.root, BUNDLE)


def selftest(executor: Executor, bundle: Bundle) -> int:
    """Run the numeric self-test in the target's runtime; returns how many cases held.

    Raises SelfTestFailed, and what run_harness raises.
    """
    test = build_selftest()
    with tempfile.TemporaryDirectory(prefix="edgetool-") as scratch:
        files = write_selftest(test, Path(scratch))
        executor.put(Path(scratch), PurePosixPath("selftest"))
    job = HarnessJob(
        model=PurePosixPath("selftest/model.onnx"),
        inputs=input_paths(files, PurePosixPath("selftest")),
        threads=1,
        timeout_s=SELFTEST_TIMEOUT_S,
        outputs=True,
    )
    outcome = run_harness(executor, bundle, job, name="self-test")
    test.check(outcome.outputs, runtime=f"{bundle.manifest.runtime.title} for {bundle.manifest.triple}")
    return len(test.expected)


def preflight(executor: Executor, bundle: Bundle, target: Target) -> dict[str, UnsupportedOperator]:
    """Load every model in the target's own runtime; returns precision → what it has no kernel for.

    What loads here may fail there: the host's runtime proves nothing. Raises what run_harness raises otherwise.
    """
    unsupported = {}
    for model in bundle.manifest.models:
        job = HarnessJob(
            model=BUNDLE / model.path, inputs={}, threads=target.benchmark.threads, timeout_s=target.benchmark.timeout_s
        )
        try:
            run_harness(executor, bundle, job, name=_title(model))
        except UnsupportedOperator as error:
            unsupported[str(model.spec.precision)] = error
    return unsupported


def measure(
    executor: Executor,
    bundle: Bundle,
    target: Target,
    model: BundledModel,
    *,
    progress: Progress | None = None,
    profile: bool = False,
) -> Measurement:
    """Time one model, then classify the held-out images. What run_harness raises leaves no record behind."""
    progress = progress or Silent()
    started_at = datetime.now(UTC)
    with progress.step(f"time {model.spec.precision} on {target.name}") as step:
        before = read_facts(executor)
        timed = _time(executor, bundle, target, model)
        after = read_facts(executor)
        step.note(f"{len(timed.run.samples_ns)} repetitions")
    images = bundle.manifest.inputs[0].samples if bundle.manifest.inputs else 0
    with progress.step(f"classify {images} images, {model.spec.precision} on {target.name}") as step:
        evaluation, outputs = _evaluate(executor, bundle, target, model)
        if evaluation is not None and evaluation.labels is not None:
            step.note(f"{evaluation.correct_of_first(images)} right")
    record = _record(bundle, target, model, executor, timed, before, after, started_at, evaluation)
    if profile:
        with progress.step(f"profile {model.spec.precision} on {target.name}"):
            record = replace(record, operators=_profile(executor, bundle, target, model))
    return Measurement(record=record, outputs=outputs)


def _profile(executor: Executor, bundle: Bundle, target: Target, model: BundledModel) -> tuple[OperatorTime, ...]:
    """In a process of its own: profiling slows what it looks at."""
    job = HarnessJob(
        model=BUNDLE / model.path,
        inputs=input_paths(inputs_by_name(bundle)),
        threads=target.benchmark.threads,
        timeout_s=target.benchmark.timeout_s,
        benchmark=replace(target.benchmark, warmup=0, min_repetitions=2, max_repetitions=2, min_duration_s=0.0),
        profile=True,
    )
    return run_harness(executor, bundle, job, name=_title(model)).operators


def _time(executor: Executor, bundle: Bundle, target: Target, model: BundledModel) -> HarnessOutcome:
    job = HarnessJob(
        model=BUNDLE / model.path,
        inputs=input_paths(inputs_by_name(bundle)),
        threads=target.benchmark.threads,
        timeout_s=target.benchmark.timeout_s,
        benchmark=target.benchmark,
    )
    return run_harness(executor, bundle, job, name=_title(model))


def _evaluate(
    executor: Executor, bundle: Bundle, target: Target, model: BundledModel
) -> tuple[Evaluation | None, Outputs]:
    """Apart from the timing: it may use more threads, and its outputs need not be fetched between samples."""
    job = HarnessJob(
        model=BUNDLE / model.path,
        inputs=input_paths(inputs_by_name(bundle)),
        threads=target.evaluation.threads,
        timeout_s=target.benchmark.timeout_s,
        outputs=True,
    )
    outcome = run_harness(executor, bundle, job, name=_title(model))
    outputs, wanted = outcome.outputs, bundle.manifest.inputs[0].samples if bundle.manifest.inputs else 1
    if outcome.run.samples != wanted or not outputs:
        raise HarnessError(
            f"{_title(model)}: {wanted} samples went in, {outcome.run.samples} with {len(outputs)} outputs came back"
        )
    if not finite_outputs(list(outputs.values())):
        raise HarnessError(f"{_title(model)}: the outputs are not finite numbers")
    logits = next(iter(outputs.values()))
    if bundle.manifest.noise or logits.ndim != 2 or logits.shape[1] < 2:
        return None, outputs
    predictions = logits.argmax(axis=1)
    labels = bundle.manifest.labels if model.spec.accuracy_means_something else None
    evaluation = Evaluation(
        images=len(predictions),
        inputs_sha256=bundle.manifest.inputs[0].sha256,
        predictions=tuple(predictions.tolist()),
        labels=None if labels is None else labels[: len(predictions)],
    )
    return evaluation, outputs


def _record(
    bundle: Bundle,
    target: Target,
    model: BundledModel,
    executor: Executor,
    timed: HarnessOutcome,
    before: BoardFacts | None,
    after: BoardFacts | None,
    started_at: datetime,
    evaluation: Evaluation | None,
) -> RunRecord:
    run, runtime = timed.run, timed.result.runtime
    if runtime is None or run.first_run_ns is None:
        raise HarnessError(f"{_title(model)}: the result holds no first run")
    return RunRecord(
        schema=RunRecord.SCHEMA,
        id=f"{started_at:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}",
        started_at=started_at,
        edgetool=__version__,
        target=target.name,
        triple=bundle.manifest.triple,
        bundle_id=bundle.manifest.id,
        model=model.spec,
        runtime=bundle.manifest.runtime.title,
        runtime_variant=bundle.manifest.runtime.variant,
        runtime_flags=bundle.manifest.runtime.flags,
        runtime_key=bundle.manifest.runtime.key,
        inputs_sha256=_sha256_of_first_sample(bundle),
        spec=target.benchmark,
        environment=Environment(
            process=timed.result.environment, emulator=executor.emulator, before=before, after=after, runtime=runtime
        ),
        harness=timed.result.harness,
        session_load_ns=run.session_load_ns,
        first_run_ns=run.first_run_ns,
        warmup_ns=run.warmup_ns,
        samples_ns=run.samples_ns,
        peak_rss_bytes=run.peak_rss_bytes if run.peak_rss_bytes is not None and run.peak_rss_bytes >= 0 else None,
        outputs_file=f"{target.name}-{model.spec.name}-{model.spec.precision}.npz",
        evaluation=evaluation,
    )


def _sha256_of_first_sample(bundle: Bundle) -> str:
    """The timed input is the first sample; bundles with more images time the same one."""
    digest = hashlib.sha256()
    for tensor in bundle.manifest.inputs:
        path = bundle.root / tensor.path
        with path.open("rb") as file:
            digest.update(file.read(path.stat().st_size // tensor.samples))
    return digest.hexdigest()


def _title(model: BundledModel) -> str:
    return f"{model.spec.name} {model.spec.precision}"
