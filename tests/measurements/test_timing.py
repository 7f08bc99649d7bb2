"""Models timed in turn on this machine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from edgetool.bundles import Bundle, BundledModel
from edgetool.errors import CompareError, HarnessError
from edgetool.harness.bench import Bench
from edgetool.harness.harness import HarnessOutcome
from edgetool.measurements.reading import Reading
from edgetool.measurements.timing import ROUNDS, Timing, Turns, measure_in_turn, ratio, were_in_turn
from edgetool.pipeline.here import measure_here
from edgetool.pipeline.prepare import PreparedCase, prepared_case
from edgetool.pipeline.steps import Kit
from edgetool.platform.context import StepContext
from edgetool.platform.documents import parse_value, to_json, to_plain
from edgetool.records.case import Case
from edgetool.records.compare import compare
from edgetool.records.record import Recorded
from edgetool.targets.registry import open_executor
from edgetool.targets.spec import BenchmarkSpec
from tests.pipeline.harnesses import with_harness
from tests.support.bundles import bench_of
from tests.support.records import timing

SPEC = BenchmarkSpec(warmup=1, min_repetitions=16, min_duration_s=0.0, target_error=0.0, timeout_s=60.0)


@dataclass(frozen=True, kw_only=True)
class NotedBench(Bench):
    """Keeps which model ran when."""

    ran: list[str] = field(default_factory=list)

    def run(self, model: BundledModel, **options: Any) -> HarnessOutcome:
        self.ran.append(model.spec.precision)
        return super().run(model, **options)


def test_models_are_timed_there_and_back(host: Kit, host_bundle: Bundle) -> None:
    target = replace(host.target, benchmark=SPEC)
    with bench_of(open_executor(target), host_bundle, target) as bench:
        noted = NotedBench(**vars(bench))
        readings = measure_in_turn([(noted, model) for model in host_bundle.manifest.models])
    assert noted.ran == ["fp32", "int8", "int8", "fp32"] * ROUNDS
    timings = [reading.measurement for reading in readings if isinstance(reading, Reading)]
    assert [len(timing.samples_ns) for timing in timings] == [16, 16]
    assert [timing.turns.blocks for timing in timings] == [(2,) * 8] * 2
    assert were_in_turn(*timings)


def test_progress_names_a_runtime_that_is_not_onnx_runtime(host: Kit, host_bundle: Bundle) -> None:
    runtime = replace(host_bundle.manifest.runtime, name="tflite")
    bundle = replace(host_bundle, manifest=replace(host_bundle.manifest, runtime=runtime))
    with bench_of(open_executor(host.target), host_bundle, host.target) as bench:
        assert (bench.place, replace(bench, bundle=bundle).place) == ("host", "host in TensorFlow Lite")


def cases(host: Kit, bundle: Bundle, spec: BenchmarkSpec) -> list[PreparedCase]:
    target = replace(host.target, benchmark=spec)
    return [
        prepared_case(
            Case(model="tiny", precision=model.spec.precision, target="host", threads=1),
            bundle,
            model,
            target,
            instruments=("timing",),
        )
        for model in bundle.manifest.models
    ]


def timings(host: Kit, bundle: Bundle, context: StepContext, spec: BenchmarkSpec) -> list[Recorded]:
    answers = [answer for _, answer in measure_here(cases(host, bundle, spec), context)]
    assert all(isinstance(answer, Recorded) for answer in answers)
    return [answer for answer in answers if isinstance(answer, Recorded)]


def test_cases_of_one_bundle_are_timed_in_turn_and_say_so(host: Kit, host_bundle: Bundle, context: StepContext) -> None:
    fp32, int8 = (found.record for found in timings(host, host_bundle, context, SPEC))
    assert fp32.timing is not None
    assert int8.timing is not None
    assert were_in_turn(fp32.timing, int8.timing)
    assert "apart" not in compare(fp32, int8).caveats


def test_without_interleaving_each_is_timed_alone(host: Kit, host_bundle: Bundle, context: StepContext) -> None:
    fp32, int8 = (found.record for found in timings(host, host_bundle, context, replace(SPEC, interleave=False)))
    assert fp32.timing is not None
    assert (fp32.timing.turns, len(fp32.timing.samples_ns)) == (None, 16)
    assert "apart" in compare(fp32, int8).caveats


def test_bundles_environments_and_threads_of_one_model_are_timed_in_turn(
    host: Kit, host_bundle: Bundle, context: StepContext, tmp_path: Path
) -> None:
    plain, _ = cases(host, host_bundle, SPEC)
    other, _ = cases(host, with_harness(host_bundle, tmp_path / "other", 'exec "$real" "$@"'), SPEC)
    beside = {
        "threads": replace(plain, target=replace(plain.target, benchmark=replace(SPEC, threads=2))),
        "environment": replace(plain, environment={"OMP_NUM_THREADS": "1"}),
        "bundle": other,
    }
    planned = [plain, *(replace(c, case=replace(c.case, runtime=name)) for name, c in beside.items())]
    answers = [answer for _, answer in measure_here(planned, context)]
    records = [answer.record for answer in answers if isinstance(answer, Recorded)]
    assert len({record.timing.turns.id for record in records if record.timing and record.timing.turns}) == 1
    assert [record.subject.threads for record in records] == [1, 2, 1, 1]
    assert len({record.bundle_id for record in records}) == 2


def test_a_model_that_fails_leaves_the_other_timed(host: Kit, host_bundle: Bundle, context: StepContext) -> None:
    planned = cases(host, host_bundle, SPEC)
    broken = replace(planned[1], model=replace(planned[1].model, path="models/absent.onnx"))
    (_, good), (_, bad) = measure_here([planned[0], broken], context)
    assert isinstance(good, Recorded)
    assert good.record.timing is not None
    assert len(good.record.timing.samples_ns) == 16
    assert isinstance(bad, HarnessError)


@pytest.mark.parametrize("blocks", [(10,) * 7, (5,) * 8])
def test_a_record_whose_blocks_do_not_add_up_is_refused(blocks: tuple[int, ...]) -> None:
    plain = to_plain(timing())
    plain["turns"] = {"id": "t", "blocks": blocks}
    with pytest.raises(CompareError, match=r"turns|blocks"):
        parse_value(Timing, to_json(plain), where="record", error=CompareError)


def test_the_ratio_of_models_in_turn_is_that_of_rounds() -> None:
    turns = Turns(id="t", blocks=(1,) * 8)
    slow = timing(samples_ns=(100, 110, 120, 130, 140, 150, 160, 170), turns=turns)
    fast = timing(samples_ns=(50, 55, 60, 65, 70, 75, 80, 85), turns=turns)
    assert ratio(fast, slow).value == pytest.approx(0.5)
    assert ratio(fast, slow).high - ratio(fast, slow).low < 1e-9
