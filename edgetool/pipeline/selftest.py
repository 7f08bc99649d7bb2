"""Run only the numeric self-test, with the runtime that a target would get."""

from __future__ import annotations

import tempfile
from pathlib import Path

from edgetool.bundles import build_bundle
from edgetool.harness.bench import put_bundle, selftest
from edgetool.models import onnxfile
from edgetool.models.spec import ModelArtifact, Precision
from edgetool.pipeline.steps import provision
from edgetool.platform.context import StepContext
from edgetool.runtimes.onnxruntime.selftest import build_selftest
from edgetool.runtimes.spec import RuntimeBuild
from edgetool.targets.registry import open_executor
from edgetool.targets.spec import Target


def selftest_runtime(target: Target, context: StepContext) -> tuple[RuntimeBuild, int]:
    """Run the self-test with the target's runtime. Return the runtime and the number of cases that passed."""
    kit = provision(target, context)
    with tempfile.TemporaryDirectory(prefix="edgetool-") as scratch:
        test = build_selftest()
        test.write(Path(scratch))
        path = Path(scratch) / test.model_name
        spec = onnxfile.describe(
            path, name="selftest", precision=Precision.FP32, weights="random", accuracy_means_something=False
        )
        bundle = build_bundle(
            Path(scratch) / "bundle",
            models=[ModelArtifact(path=path, spec=spec)],
            runtime=kit.runtime,
            harness=kit.harness,
            toolchain=kit.toolchain,
            images=None,
        )
        with (
            open_executor(target, progress=context.progress) as executor,
            context.progress.step(f"self-test on {target.name}") as step,
        ):
            put_bundle(executor, bundle)
            held = selftest(executor, bundle, precisions=tuple(Precision), timeout_s=target.benchmark.timeout_s)
            step.note(f"{held} cases hold")
    return kit.runtime.build, held
