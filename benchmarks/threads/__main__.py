"""Count models on 1, 2, 4 and 8 threads in step, and write docs/threads.md; `--page` alone draws what was kept."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.answer import answer
from benchmarks.kernels.measure import choose_benchmarks, planned
from benchmarks.threads.page import write_page
from benchmarks.threads.rows import BusiestThread, ThreadsRow, read_findings
from edgetool.console.progress import make_progress
from edgetool.errors import HarnessError
from edgetool.estimates.cores import Core, core_names, load_core
from edgetool.estimates.estimate import estimate
from edgetool.harness.bench import open_bench
from edgetool.harness.counts import Stepped, run_stepped
from edgetool.pipeline.prepare import Preparation, PreparedCase, UnpreparedCase
from edgetool.platform.context import StepContext
from edgetool.platform.documents import write_document
from edgetool.platform.store import Store, cache_root
from edgetool.runtimes.emulator import counting_emulator

DOCS = Path(__file__).parents[2] / "docs"
FOUND = DOCS / "threads.json"
MODELS = ("mobilenet_v2", "mobilenet_v3_large", "resnet18")
THREADS = (1, 2, 4, 8)
VLEN_BITS = 256


def main(words: list[str]) -> int:
    def write() -> Path:
        if words != ["--page"]:
            context = StepContext(store=Store(cache_root()), progress=make_progress(quiet=False))
            for model in words or MODELS:
                write_document(FOUND, read_findings(FOUND).joined(tuple(measure(model, context))))
        return write_page(read_findings(FOUND), DOCS / "threads.md")

    return answer(write)


def measure(model: str, context: StepContext) -> Iterator[ThreadsRow]:
    """Count a model of the benchmark of kernels in our runtime. Raises ConfigError, HarnessError."""
    (benchmark,) = choose_benchmarks([model])
    plan = planned(replace(benchmark, runtimes=("crossbuild",)))
    cases = Preparation(tuple(case for case in plan if case.target.name.endswith(f"vlen{VLEN_BITS}")), context).cases()
    for case in cases:
        if isinstance(case, UnpreparedCase):
            raise HarnessError(f"{case.case.title} could not be prepared")
        for threads in THREADS:
            yield _row(case, threads, context)


def _row(case: PreparedCase, threads: int, context: StepContext) -> ThreadsRow:
    counting = counting_emulator(context.store, context.progress)
    with (
        context.progress.step(f"count {case.case.model} {case.case.precision} on {threads} threads"),
        open_bench(case.bundle, case.target, context, environment=case.environment) as bench,
    ):
        (found,) = run_stepped(bench, case.model, counting, threads=threads, warmup=1, counted=1)
    cores = [core for core in map(load_core, core_names()) if core.vlen_bits == VLEN_BITS]
    return ThreadsRow(
        model=case.case.model,
        precision=case.case.precision,
        release=case.bundle.manifest.runtime.title,
        vlen_bits=VLEN_BITS,
        threads=threads,
        elapsed=found.elapsed,
        busiest=tuple(BusiestThread(core=core.name, cycles=_busiest(found, core)) for core in cores),
    )


def _busiest(found: Stepped, core: Core) -> float:
    return max(estimate(mix, core).middle for mix in found.threads if mix.cells)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
