"""What many boards cost the machine that coordinates them: 16 targets, each a real OpenSSH server on loopback.

The boards are this machine too, so the wall time says what its cores do for all of them; the processor time of the
coordinator alone, and of the process that each case has here, is what a rack of real boards would ask of it.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from edgetool.bundles import Bundle
from edgetool.models.artifacts import read_artifact
from edgetool.models.spec import ModelRequest, Precision
from edgetool.pipeline import steps
from edgetool.pipeline.cluster import measure_on_cluster
from edgetool.pipeline.plan import load_configured
from edgetool.pipeline.prepare import prepared_case
from edgetool.platform.context import StepContext
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store, cache_root
from edgetool.platform.values import value
from edgetool.records.case import Case, CaseFailure
from edgetool.records.instruments import DEFAULT
from edgetool.targets.spec import BenchmarkSpec, EvaluationSpec, Target
from tests.executors.servers import openssh
from tests.support.models import save_model, tiny_graph

BOARDS = 16
SPEC = BenchmarkSpec(warmup=1, min_repetitions=3, min_duration_s=0, target_error=0)


@value
class Cost:
    wall_s: float
    coordinator_s: float  # processor time of this process
    cases_s: float  # of the cases' own processes


def run() -> str:
    """One board and then all of them, after a first round that fills the caches."""
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as servers:
        bundle = _bundle(Path(scratch))
        targets = []
        for number in range(BOARDS):
            server = servers.enter_context(openssh(Path(scratch) / f"server-{number}"))
            name, evaluation = f"board-{number}", EvaluationSpec(images=1)
            targets.append(
                replace(
                    server.target(folder=f"{scratch}/kept-{number}"), name=name, benchmark=SPEC, evaluation=evaluation
                )
            )
        _measure(bundle, targets)
        one, all_of_them = _measure(bundle, targets[:1]), _measure(bundle, targets)
    a_board = (all_of_them.coordinator_s - one.coordinator_s) / (BOARDS - 1)
    return (
        f"{BOARDS} boards: the coordinator takes {a_board * 1e3:.0f} ms of processor time a board "
        f"({one.coordinator_s * 1e3:.0f} ms for the first), a case's own process "
        f"{all_of_them.cases_s / BOARDS:.2f} s; {all_of_them.wall_s:.1f} s for all, {one.wall_s:.1f} s for one"
    )


def _bundle(scratch: Path) -> Bundle:
    context = StepContext(store=Store(cache_root()), progress=Silent())
    model = read_artifact(save_model(scratch / "tiny.onnx", tiny_graph()))
    kit = steps.provision(load_configured("host", {}, images=1), context)
    return steps.package([model], kit, ModelRequest(source=str(model.path)), None, context)


def _measure(bundle: Bundle, targets: Sequence[Target]) -> Cost:
    (model,) = bundle.manifest.models
    cases = [
        prepared_case(
            Case(model="tiny", precision=Precision.FP32, target=target.name, threads=1),
            bundle,
            model,
            target,
            instruments=DEFAULT,
        )
        for target in targets
    ]
    before, start = _used_s(), time.perf_counter()
    for case, answer in measure_on_cluster(cases, scheduler=None, on_step=lambda *_: None):
        if isinstance(answer, CaseFailure):
            raise SystemExit(f"{case.case.target}: {answer.message}")
    wall_s, after = time.perf_counter() - start, _used_s()
    return Cost(wall_s=wall_s, coordinator_s=after[0] - before[0], cases_s=after[1] - before[1])


def _used_s() -> tuple[float, float]:
    """Processor time of this process, and of the children that it has waited for."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime, children.ru_utime + children.ru_stime


if __name__ == "__main__":
    print(run())
