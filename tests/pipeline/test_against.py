"""Other runtimes beside a deployment: cases like any other, refused where there is nothing to compare."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgetool.errors import ConfigError
from edgetool.models.spec import Precision
from edgetool.pipeline.deploy import COMPARED_IMAGES, check_against, deployment_cases
from edgetool.pipeline.plan import Plan, PlannedCase, PlannedModel
from edgetool.pipeline.prepare import Preparation
from edgetool.pipeline.run import in_this_process, run_cases
from edgetool.platform.context import StepContext
from edgetool.records.results import StoredRun, read_run
from tests.support.commands import run_cli
from tests.support.models import CLASSES

pytestmark = pytest.mark.xdist_group("against")  # counted once, not by each process


@pytest.fixture(scope="module")
def model(tiny_path: Path, images_path: Path) -> PlannedModel:
    return PlannedModel(source=str(tiny_path), calibration=str(images_path))


def beside(model: PlannedModel, *names: str, **changes: object) -> list[PlannedCase]:
    """The cases in other runtimes, of a deployment with Debian's."""
    plan = Plan(models=(model,), targets=("qemu-riscv64",), images=8)
    return [replace(case, **changes) for case in deployment_cases(plan, names) if not case.required]  # type: ignore[arg-type]


def run_of(cases: list[PlannedCase], context: StepContext, folder: Path) -> StoredRun:
    prepared = Preparation(cases, context).cases()
    run_cases(prepared, folder, in_this_process(context), command="deploy", name="against", title="against")
    return read_run(folder)


@pytest.fixture(scope="module")
def stored_run(
    model: PlannedModel, context: StepContext, counting: object, tmp_path_factory: pytest.TempPathFactory
) -> StoredRun:
    del counting
    return run_of(beside(model, "debian", "scalar", "debian"), context, tmp_path_factory.mktemp("run"))


def test_each_name_and_precision_has_a_record_of_its_own(stored_run: StoredRun) -> None:
    assert [(result.case.runtime, result.case.precision) for result in stored_run.run.results] == [
        (name, precision) for name in ("debian", "scalar") for precision in (Precision.FP32, Precision.INT8)
    ]
    for entry in stored_run.recorded:
        assert entry.record.timing is None, "an emulator's time would say nothing"
        assert entry.record.instructions is not None
        assert entry.record.instructions.kernels == "scalar"
        assert entry.outputs["logits"].shape == (COMPARED_IMAGES, CLASSES)


def test_a_record_says_which_runtime_ran_and_what_its_process_was_told(stored_run: StoredRun) -> None:
    debian, _, scalar, _ = (entry.record.subject.runtime for entry in stored_run.recorded)
    assert (debian.name, debian.environment) == ("debian", ())
    assert (scalar.name, scalar.environment) == ("scalar", (("EDGETOOL_FORCE_SCALAR", "1"),))


def test_two_runtimes_of_one_release_say_the_same(stored_run: StoredRun) -> None:
    debian, _, scalar, _ = (entry.outputs["logits"].astype(np.float64) for entry in stored_run.recorded)
    assert np.abs(debian - scalar).max() < 1e-4 * np.abs(debian).max()


@pytest.mark.usefixtures("counting")
def test_what_does_not_fit_is_left_out_with_its_reason(tiny_path: Path, context: StepContext, tmp_path: Path) -> None:
    without_images = PlannedModel(source=str(tiny_path))
    (fp32, int8) = run_of(beside(without_images, "debian"), context, tmp_path).run.results
    assert fp32.failure is None
    assert int8.failure is not None
    assert "needs calibration images" in int8.failure.message


def test_a_runtime_that_fails_is_left_out_with_its_reason(
    model: PlannedModel, context: StepContext, tmp_path: Path
) -> None:
    (case, _) = beside(model, "debian")
    wrong = replace(case.target, executor={**case.target.executor, "cpu": "no-such-cpu"})
    (result,) = run_of([replace(case, target=wrong)], context, tmp_path).run.results
    assert (result.record, result.failure is None) == (None, False)


def refuse(plan: Plan, name: str, context: StepContext) -> None:
    planned = deployment_cases(plan, [name])
    check_against(planned, Preparation(planned, context))


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("tvm", "no runtime 'tvm'", "known runtimes: "),
        ("debian", r"runs ONNX Runtime 1\.21\.0 \(debian\)", "edgetool runtime build"),
        ("scalar", r"runs ONNX Runtime 1\.21\.0 \(debian\)", "edgetool runtime build"),
    ],
)
def test_a_runtime_that_compares_nothing_is_refused(
    model: PlannedModel, context: StepContext, name: str, message: str, hint: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        refuse(Plan(models=(model,), targets=("qemu-riscv64",), runtimes=("debian",)), name, context)
    assert hint in (caught.value.hint or "")


def test_an_unknown_runtime_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    done = run_cli("deploy", "--target", "host", "--runtime", "tvm", cwd=tmp_path)
    assert done.exit_code == 2
    assert b"no runtime 'tvm'" in done.stderr
    assert not list(tmp_path.iterdir())
