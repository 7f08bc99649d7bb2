"""The harness's loop against the same calls made from Python, on this machine: same model, input, release, threads.

Both sides are started in turn, A B B A …, each start warms up and then times; the ratio is of medians over all starts,
pair by pair, so that drift of the machine falls on both.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime

from edgetool.bundles import Bundle, inputs_by_name
from edgetool.executors.base import Executor
from edgetool.harness.bench import put_bundle
from edgetool.harness.harness import BUNDLE, HarnessJob, input_paths, run_harness
from edgetool.models.spec import ModelRequest
from edgetool.pipeline import steps
from edgetool.pipeline.images import ImageSource
from edgetool.pipeline.plan import load_configured
from edgetool.platform.context import StepContext
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store, cache_root
from edgetool.records.stats import summarize
from edgetool.targets.registry import open_executor
from edgetool.targets.spec import BenchmarkSpec

PAIRS = 12
SPEC = BenchmarkSpec(warmup=20, min_repetitions=150, max_repetitions=150, min_duration_s=0, target_error=0)


def run() -> str:
    """The ratio of medians, harness ÷ Python, for fp32."""
    context = StepContext(store=Store(cache_root()), progress=Silent())
    request = ModelRequest()
    source = ImageSource.choose(request, None, None)
    kit = steps.provision(load_configured("host", {}, images=1), context)
    fp32 = steps.export(request, source, context, opset=20)
    bundle = steps.package([fp32], kit, request, source, context)
    with open_executor(kit.target) as executor:
        put_bundle(executor, bundle)
        ratios = []
        for pair in range(PAIRS):
            sides = [lambda: _harness(executor, bundle), lambda: _python(bundle)]
            order = (0, 1) if pair % 2 == 0 else (1, 0)
            medians = {side: sides[side]() for side in order}
            ratios.append(medians[0] / medians[1])
    low, high = np.percentile(ratios, [25, 75])
    return f"harness ÷ Python {statistics.median(ratios):.4f} (middle half of {PAIRS} pairs {low:.4f} to {high:.4f})"


def _harness(executor: Executor, bundle: Bundle) -> float:
    model = bundle.manifest.models[0]
    job = HarnessJob(
        model=BUNDLE / model.path,
        inputs=input_paths(inputs_by_name(bundle)),
        threads=1,
        timeout_s=120,
        benchmark=replace(SPEC),
    )
    return summarize(run_harness(executor, bundle, job, name="fp32").run.samples_ns).p50_ns


def _python(bundle: Bundle) -> float:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    model, tensor = bundle.root / bundle.manifest.models[0].path, bundle.manifest.inputs[0]
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    data = np.fromfile(Path(bundle.root / tensor.path), dtype=np.float32).reshape(-1, *tensor.tensor.shape[1:])[:1]
    samples = []
    for _ in range(SPEC.warmup + SPEC.min_repetitions):
        start = time.perf_counter_ns()
        session.run(None, {tensor.tensor.name: data})
        samples.append(time.perf_counter_ns() - start)
    return summarize(samples[SPEC.warmup :]).p50_ns


if __name__ == "__main__":
    print(run())
