"""Several runtimes in a deployment: cases like any other, refused where there is nothing to compare."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgetool.errors import ConfigError
from edgetool.models.spec import Precision
from edgetool.pipeline.deploy import check_builds, deployment_cases
from edgetool.pipeline.plan import Plan, PlannedCase, PlannedModel
from edgetool.pipeline.prepare import Preparation
from edgetool.pipeline.run import in_this_process, run_cases
from edgetool.pipeline.runtimes import VARIANTS
from edgetool.platform.catalog import data_folder
from edgetool.platform.context import StepContext
from edgetool.records.results import StoredRun, read_run
from edgetool.runtimes.cache import newest_crossbuilt
from edgetool.runtimes.toolchains import load_toolchain
from tests.support.commands import run_cli
from tests.support.models import CLASSES

IMAGES = 4
pytestmark = pytest.mark.xdist_group("runtimes")  # counted once, not by each process


@pytest.fixture(scope="module")
def model(tiny_path: Path, images_path: Path) -> PlannedModel:
    return PlannedModel(source=str(tiny_path), calibration=str(images_path))


def plan_of(model: PlannedModel, *names: str) -> Plan:
    return Plan(
        models=(model,),
        targets=("qemu-riscv64",),
        runtimes=names,
        instruments=("accuracy", "instructions"),
        images=IMAGES,
    )


def run_of(cases: Iterable[PlannedCase], context: StepContext, folder: Path) -> StoredRun:
    prepared = Preparation(tuple(cases), context).cases()
    run_cases(prepared, folder, in_this_process(context), command="deploy", name="runtimes")
    return read_run(folder)


@pytest.fixture(scope="module")
def stored_run(
    model: PlannedModel, context: StepContext, counting: object, tmp_path_factory: pytest.TempPathFactory
) -> StoredRun:
    del counting
    return run_of(plan_of(model, "debian", "scalar").cases(), context, tmp_path_factory.mktemp("run"))


def test_each_name_and_precision_has_a_record_of_its_own(stored_run: StoredRun) -> None:
    assert [(result.case.runtime, result.case.precision) for result in stored_run.run.results] == [
        (name, precision) for name in ("debian", "scalar") for precision in (Precision.FP32, Precision.INT8)
    ]
    for entry in stored_run.recorded:
        assert entry.record.instructions is not None
        assert entry.record.instructions.kernels == "scalar"
        assert entry.outputs["logits"].shape == (IMAGES, CLASSES)


def test_a_record_says_which_runtime_ran_and_what_its_process_was_told(stored_run: StoredRun) -> None:
    debian, _, scalar, _ = (entry.record.subject.runtime for entry in stored_run.recorded)
    assert (debian.name, debian.environment) == ("debian", ())
    assert (scalar.name, scalar.environment) == ("scalar", (("EDGETOOL_FORCE_SCALAR", "1"),))


def test_every_variant_of_our_kernels_computes_the_same_bits(
    model: PlannedModel, context: StepContext, tmp_path: Path
) -> None:
    if newest_crossbuilt(context.store, load_toolchain("riscv64-linux-gnu")) is None:
        pytest.skip("no cross-built runtime in the cache: `edgetool runtime build` makes one")
    plan = replace(plan_of(model, *VARIANTS), precisions=(Precision.INT8,), instruments=("accuracy",))
    found = {entry.record.subject.runtime.name: entry for entry in run_of(plan.cases(), context, tmp_path).recorded}
    assert set(found) == set(VARIANTS)
    for name, entry in found.items():
        said = "; ime cannot run here, no allowed CPU has it" if name == "ime" else f" {name}: asked for"
        assert said in (entry.record.kernels or "")
        np.testing.assert_array_equal(entry.outputs["logits"], found["portable"].outputs["logits"])


def test_two_runtimes_of_one_release_say_the_same(stored_run: StoredRun) -> None:
    debian, _, scalar, _ = (entry.outputs["logits"].astype(np.float64) for entry in stored_run.recorded)
    assert np.abs(debian - scalar).max() < 1e-4 * np.abs(debian).max()


@pytest.mark.usefixtures("counting")
def test_what_does_not_fit_is_left_out_with_its_reason(tiny_path: Path, context: StepContext, tmp_path: Path) -> None:
    without_images = PlannedModel(source=str(tiny_path))
    (fp32, int8) = run_of(plan_of(without_images, "debian").cases(), context, tmp_path).run.results
    assert fp32.failure is None
    assert int8.failure is not None
    assert "needs calibration images" in int8.failure.message


def test_a_runtime_that_fails_is_left_out_with_its_reason(
    model: PlannedModel, context: StepContext, tmp_path: Path
) -> None:
    (case, _) = plan_of(model, "debian").cases()
    wrong = replace(case.target, executor={**case.target.executor, "cpu": "no-such-cpu"})
    (result,) = run_of([replace(case, target=wrong)], context, tmp_path).run.results
    assert (result.record, result.failure is None) == (None, False)


@pytest.fixture
def with_debians(tmp_path: Path) -> str:
    """The file of a target whose own runtime is Debian's, whatever was built on this machine."""
    text = (data_folder("targets") / "qemu-riscv64.toml").read_text()
    (tmp_path / "board.toml").write_text(text.replace("[executor]", 'runtime = "debian"\n\n[executor]'))
    return str(tmp_path / "board.toml")


def check(plan: Plan, context: StepContext) -> None:
    planned = deployment_cases(plan)
    check_builds(planned, Preparation(planned, context))


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("tvm", "no runtime 'tvm'", "known runtimes: "),
        ("debian", r"runs ONNX Runtime 1\.21\.0 \(debian\)", "edgetool runtime build"),
        ("scalar", r"runs ONNX Runtime 1\.21\.0 \(debian\)", "edgetool runtime build"),
    ],
)
def test_a_runtime_that_compares_nothing_is_refused(
    model: PlannedModel, context: StepContext, with_debians: str, name: str, message: str, hint: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        check(replace(plan_of(model, "auto", name), targets=(with_debians,)), context)
    assert hint in (caught.value.hint or "")


def test_a_runtime_that_is_missing_is_not_refused(model: PlannedModel, context: StepContext) -> None:
    check(plan_of(model, "debian", "wheel", "key:absent"), context)


def test_the_host_measures_each_kind_once_in_its_own_build(model: PlannedModel) -> None:
    cases = deployment_cases(plan_of(model, "debian", "scalar", "ncnn"))
    assert [case.case.runtime for case in cases if case.target.name == "host"] == ["auto"] * 2 + ["ncnn"] * 2
    assert {case.case.runtime for case in cases if case.required} == {"auto", "debian"}


def test_a_precision_that_the_first_runtime_lacks_fails_the_run_only_where_it_is_alone(model: PlannedModel) -> None:
    def required(*names: str) -> set[tuple[str, str]]:
        plan = replace(plan_of(model, *names), precisions=(Precision.FP32, Precision.FP16))
        return {(case.case.runtime, case.case.precision) for case in plan.cases(required=True) if case.required}

    assert required("tflite") == {("tflite", "fp32"), ("tflite", "fp16")}
    assert required("tflite", "auto") == {("tflite", "fp32")}
    assert required("auto", "tflite") == {("auto", "fp32"), ("auto", "fp16")}


def test_an_unknown_runtime_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    done = run_cli("deploy", "--target", "host", "--runtime", "tvm", cwd=tmp_path)
    assert done.exit_code == 2
    assert b"no runtime 'tvm'" in done.stderr
    assert not list(tmp_path.iterdir())
