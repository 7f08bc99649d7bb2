"""A plan's file, the cases prepared of it, and which boards wait for each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgetool.bundles import Bundle, BundledModel
from edgetool.errors import ConfigError, QuantizeError, WrongMachine
from edgetool.models.half import halve_model
from edgetool.models.spec import ModelArtifact, Precision
from edgetool.pipeline.deploy import prepare
from edgetool.pipeline.plan import PlannedModel, read_plan
from edgetool.pipeline.prepare import Preparation, PreparedCase, UnpreparedCase, bundle_cases, prepared_case
from edgetool.pipeline.schedule import disturbs, lanes
from edgetool.platform.context import StepContext
from edgetool.records.case import Case
from edgetool.records.instruments import DEFAULT
from edgetool.targets.spec import Target
from tests.support.bundles import host_target

WHOLE = 'schema = 1\ntargets = ["host"]\n[[models]]\nsource = "tiny.onnx"\n'


def plan_file(folder: Path, text: str) -> Path:
    (folder / "sweep.toml").write_text(text)
    return folder / "sweep.toml"


def test_files_are_looked_for_beside_the_plan(tmp_path: Path) -> None:
    (model,) = read_plan(plan_file(tmp_path, WHOLE + 'calibration = "images.npz"\n')).models
    assert (model.source, model.calibration) == (str(tmp_path / "tiny.onnx"), str(tmp_path / "images.npz"))
    assert model.title == "tiny"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (WHOLE.replace("schema = 1", "schema = 9"), "schema: 9"),
        (WHOLE.replace('["host"]', "[]"), "targets"),
        (WHOLE.replace('["host"]', '["host", "host"]'), "targets: host is listed twice"),
        (WHOLE + '[[models]]\nsource = "other/tiny.onnx"\n', "models: tiny is listed twice"),
        (WHOLE.replace("[[", 'precisions = ["fp64"]\n[[', 1), "precisions.0"),
        (WHOLE.replace("[[", 'runtimes = ["tvm"]\n[[', 1), "no runtime 'tvm'"),
        (WHOLE.replace("[[", 'instruments = ["thermometer"]\n[[', 1), "no instrument 'thermometer'"),
        (WHOLE.replace("[[", 'instruments = ["instructions"]\n[[', 1), "instructions can't be counted on host"),
        (WHOLE.replace("[[", "threads = [0]\n[[", 1), "threads.0"),
        (WHOLE + "[benchmark]\nthreads = 2\n", "benchmark.threads"),
        (WHOLE + "[benchmark]\ncolour = 2\n", "colour"),
        (WHOLE.replace('"host"', '"toaster"'), "no target 'toaster'"),
    ],
)
def test_a_plan_that_does_not_fit_names_the_key(tmp_path: Path, context: StepContext, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        prepare(read_plan(plan_file(tmp_path, text)), context)


def test_every_combination_is_a_case_and_what_cannot_be_made_is_a_failure_of_its_own(
    tmp_path: Path, tiny_path: Path, images_path: Path, context: StepContext
) -> None:
    text = f"""schema = 1
targets = ["host", "qemu-riscv64"]
threads = [1, 2]
images = 4
[[models]]
source = "{tiny_path}"
calibration = "{images_path}"
[[models]]
source = "absent.onnx"
[[models]]
name = "uncalibrated"
source = "{tiny_path}"
"""
    cases = prepare(read_plan(plan_file(tmp_path, text)), context)
    prepared = [case for case in cases if isinstance(case, PreparedCase)]
    failed = [case for case in cases if isinstance(case, UnpreparedCase)]
    assert len(cases) == 3 * 2 * 2 * 2
    assert [case.case.model for case in prepared] == ["tiny"] * 8 + ["uncalibrated"] * 4
    assert len({case.key for case in prepared}) == len(prepared)
    reasons = {(case.case.model, case.case.precision): type(case.error).__name__ for case in failed}
    assert reasons == {
        ("absent", "fp32"): "ModelError",
        ("absent", "int8"): "ModelError",
        ("uncalibrated", "int8"): "QuantizeError",
    }


def test_a_model_that_is_int8_already_is_measured_as_it_is(
    tmp_path: Path, tiny_int8: ModelArtifact, context: StepContext
) -> None:
    plan = read_plan(plan_file(tmp_path, WHOLE.replace("tiny.onnx", str(tiny_int8.path))))
    preparation = Preparation(tuple(plan.cases(required=True)), context)
    (fallback,) = preparation.settle()
    assert (fallback.asked, fallback.instead) == ("fp32 and int8", "int8 as it is")
    (case,) = preparation.cases()
    assert isinstance(case, PreparedCase)
    assert case.model.spec.precision is case.case.precision is Precision.INT8


def test_fp16_is_made_of_an_fp32_model(tmp_path: Path, tiny_path: Path, context: StepContext) -> None:
    text = WHOLE.replace("tiny.onnx", str(tiny_path)).replace("[[", 'precisions = ["fp16"]\n[[', 1)
    (case,) = prepare(read_plan(plan_file(tmp_path, text)), context)
    assert isinstance(case, PreparedCase)
    assert case.model.spec.precision is Precision.FP16


@pytest.mark.parametrize("precision", [Precision.FP32, Precision.INT8])
def test_a_model_in_fp16_is_made_into_nothing_else(
    precision: Precision, tmp_path: Path, tiny: ModelArtifact, context: StepContext
) -> None:
    half = PlannedModel(source=str(halve_model(tiny, tmp_path).path))
    with pytest.raises(QuantizeError, match="fp16"):
        Preparation((), context).model(half, precision)


def test_a_key_follows_from_what_is_measured_and_not_from_what_it_is_called(host_bundle: Bundle) -> None:
    fp32, int8 = host_bundle.manifest.models

    def key(name: str = "tiny", model: BundledModel = fp32, target: Target = host_target(), **options: Any) -> str:
        case = Case(model=name, precision=model.spec.precision, target="host", threads=1)
        return prepared_case(case, host_bundle, model, target, **{"instruments": DEFAULT, **options}).key

    assert key(name="other") == key(target=host_target(description="another")) == key()
    others = [
        key(model=int8),
        key(target=host_target(benchmark=replace(host_target().benchmark, threads=2))),
        key(target=host_target(executor={"kind": "ssh", "host": "desk"})),
        key(instruments=("timing",)),
        key(environment={"EDGETOOL_FORCE_SCALAR": "1"}),
    ]
    assert len({key(), *others}) == 6


def test_a_bundle_goes_to_several_targets_of_its_own_triple_only(host_bundle: Bundle) -> None:
    cases = bundle_cases(host_bundle, ["host"], {"threads": 2}, instruments=DEFAULT)
    assert [(case.case.precision, case.case.threads) for case in cases] == [("fp32", 2), ("int8", 2)]
    alone = replace(host_bundle, manifest=replace(host_bundle.manifest, models=host_bundle.manifest.models[:1]))
    files = tuple(file for file in alone.manifest.files if "int8" not in file.path)
    alone = replace(alone, manifest=replace(alone.manifest, files=files, id="f" * 64))
    (same,) = bundle_cases(alone, ["host"], {"threads": 2}, instruments=DEFAULT)
    assert same.key == cases[0].key  # whatever else is in the bundle
    with pytest.raises(WrongMachine, match="qemu-riscv64 wants"):
        bundle_cases(host_bundle, ["host", "qemu-riscv64"], {}, instruments=DEFAULT)


def test_only_the_precisions_that_are_asked_for_are_measured(host_bundle: Bundle) -> None:
    (case,) = bundle_cases(host_bundle, ["host"], {}, instruments=DEFAULT, precisions=[Precision.INT8])
    assert case.model.spec.precision is Precision.INT8
    with pytest.raises(ConfigError, match="contains no model in int8-dynamic"):
        bundle_cases(host_bundle, ["host"], {}, instruments=DEFAULT, precisions=[Precision.INT8_DYNAMIC])


def board(name: str, **executor: Any) -> Target:
    return host_target(name=name, executor=executor)


def test_targets_of_one_board_share_a_lane() -> None:
    boards = [board(name, kind="ssh", host=host) for name, host in (("a", "x"), ("b", "y"), ("slow-a", "x"))]
    assert lanes(boards) == (("a", "slow-a"), ("b",))


def test_emulated_boards_share_this_machines_processors() -> None:
    emulated = [board(name, kind=kind) for name, kind in (("a", "virtual"), ("b", "qemu"), ("c", "docker"))]
    assert lanes(emulated, processors=2) == (("a", "c"), ("b",))


def test_only_what_is_measured_in_this_machines_silicon_is_disturbed() -> None:
    host, emulated, desk = board("host", kind="local"), board("e", kind="virtual"), board("d", kind="ssh", host="d")
    assert disturbs(host, emulated)
    assert not any(disturbs(a, b) for a, b in ((emulated, host), (host, desk), (desk, emulated), (host, host)))
