"""Throughput by batch and threads on this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetool.bundles import Bundle
from edgetool.errors import ConfigError, ModelError
from edgetool.harness.harness import Outputs
from edgetool.measurements.offline import FEWEST_BATCHES, INSTRUMENT, Offline, Throughput, _are_equal
from edgetool.models.batch import write_batched
from edgetool.models.evaluate import open_session, run_session
from edgetool.models.spec import ModelArtifact
from edgetool.pipeline.steps import Kit
from edgetool.records.measure import measure
from edgetool.records.record import Record
from edgetool.records.stats import Interval
from edgetool.reports.tables.scenarios import OFFLINE, scenario_rows, scenarios_table
from edgetool.targets.registry import load_target, open_executor
from edgetool.targets.spec import BenchmarkSpec
from tests.support.bundles import bench_of
from tests.support.models import SHAPE, save_model, tiny_inputs
from tests.support.records import record as record_of

SPEC = BenchmarkSpec(warmup=1, min_repetitions=400, min_duration_s=0.0, target_error=0.0, timeout_s=60.0)


@pytest.fixture(scope="module")
def record(host: Kit, host_bundle: Bundle) -> Record:
    target = replace(host.target, benchmark=SPEC)
    with bench_of(open_executor(target), host_bundle, target) as bench:
        return measure(bench, host_bundle.manifest.models[0], instruments=("timing", "offline")).record


def test_every_batch_is_timed_on_every_number_of_threads(record: Record, host_bundle: Bundle) -> None:
    found = record.offline
    assert isinstance(found, Offline)
    samples = host_bundle.manifest.inputs[0].samples
    assert {point.batch for point in found.points} == {batch for batch in (1, 4, 16) if batch <= samples}
    assert {point.threads for point in found.points} >= {1}
    for point in found.points:
        assert point.samples_per_s.low <= point.samples_per_s.value <= point.samples_per_s.high
    assert found.best.samples_per_s.value == max(point.samples_per_s.value for point in found.points)


def test_scenarios_have_mlperfs_names_and_metrics(record: Record) -> None:
    rows = [[cell.text for cell in cells] for cells in scenarios_table([record]).cells()]
    (single,) = [cells for cells in rows if "SingleStream" in cells]
    assert single[-1].startswith("p90")
    offline = [cells for cells in rows if "Offline" in cells]
    assert sum(cells[-1].endswith("the most") for cells in offline) == 1
    assert all("samples/s" in cells[-1] for cells in offline)


def test_runs_too_few_for_p90_are_told() -> None:
    found = Offline(points=(Throughput(batch=1, threads=1, batches=9, samples_per_s=Interval(value=5, low=1, high=9)),))
    (single, _) = scenario_rows([record_of(samples_ns=(10, 12, 11), offline=found)])
    assert single.text == "p90: too few independent runs for an interval"


def test_the_range_of_a_few_batches_is_not_called_an_interval() -> None:
    points = tuple(
        Throughput(batch=1, threads=1, batches=batches, samples_per_s=Interval(value=9.0 - batches, low=1, high=9))
        for batches in (FEWEST_BATCHES - 1, FEWEST_BATCHES)
    )
    rows = scenario_rows([record_of(offline=Offline(points=points))])
    assert ["the range of 5" in row.text for row in rows if row.scenario == OFFLINE] == [True, False]


def test_a_batched_model_gives_what_single_samples_give(tiny: ModelArtifact, tmp_path: Path) -> None:
    images = tiny_inputs(4)
    write_batched(tiny.path, tmp_path / "batched.onnx", 4)
    single, batched = (run_session(open_session(path), images)[0] for path in (tiny.path, tmp_path / "batched.onnx"))
    assert np.allclose(single, batched, atol=1e-5)


def test_a_reshape_to_one_sample_takes_over_the_batch(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Reshape", ["x", "shape"], ["y"])],
        "reshaping",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, list(SHAPE))],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 768])],
        [numpy_helper.from_array(np.array([1, -1]), "shape")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    write_batched(save_model(tmp_path / "one.onnx", model), tmp_path / "four.onnx", 4)
    assert run_session(open_session(tmp_path / "four.onnx"), tiny_inputs(4))[0].shape == (4, 768)
    with pytest.raises(ModelError, match="not of one sample"):
        write_batched(tmp_path / "four.onnx", tmp_path / "eight.onnx", 8)


@pytest.mark.parametrize(("factor", "equal"), [(1.0, True), (1.01, False)])
def test_a_batch_that_gives_something_else_is_left_out(factor: float, equal: bool) -> None:
    single: Outputs = {"y": np.ones((4, 3), np.float32)}
    assert _are_equal({"y": np.ones((1, 4, 3), np.float32) * factor}, single, 4) is equal


def test_an_emulated_target_has_no_throughput() -> None:
    with pytest.raises(ConfigError, match="says nothing about a board"):
        INSTRUMENT.check(load_target("qemu-riscv64"))
