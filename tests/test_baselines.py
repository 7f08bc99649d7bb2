"""What a deployment is counted beside: asked for by name, counted once, left out with a reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgetool.baselines import (
    DEBIAN,
    NCNN,
    SAMPLES,
    SCALAR,
    Baselines,
    Subject,
    check_baselines,
    count_baselines,
    with_baselines,
)
from edgetool.bundles import Bundle
from edgetool.errors import ConfigError
from edgetool.models.spec import ModelArtifact, ModelRequest, Precision
from edgetool.runtimes.emulator import CountingEmulator
from edgetool.steps import ImageSource, Place, Workshop
from tests.support import CLASSES, emulated_record, measurement, model_spec, run_cli

pytestmark = pytest.mark.xdist_group("baselines")  # counted once, not by each process


def counted(
    names: list[str],
    place: Place,
    bundle: Bundle,
    models: list[ModelArtifact],
    images: Path | None,
    workshop: Workshop,
    counting: CountingEmulator,
) -> Baselines:
    source = None if images is None else ImageSource(calibration=images, held_out=images)
    request = ModelRequest(source=str(models[0].path))
    subject = Subject(models=models, place=place, bundle=bundle, request=request, source=source)
    return count_baselines(names, subject, workshop, counting)


def baseline_files(workshop: Workshop) -> dict[Path, int]:
    """All that was ever counted here, with its time."""
    return {path: path.stat().st_mtime_ns for path in (workshop.store.root / "baseline").rglob("*")}


@pytest.fixture(scope="module")
def baselines(
    riscv: Place,
    riscv_bundle: Bundle,
    tiny: ModelArtifact,
    tiny_int8: ModelArtifact,
    images_path: Path,
    workshop: Workshop,
    counting: CountingEmulator,
) -> Baselines:
    names, models = [DEBIAN, SCALAR, DEBIAN], [tiny, tiny_int8]
    found = counted(names, riscv, riscv_bundle, models, images_path, workshop, counting)
    kept = baseline_files(workshop)
    again = counted(names, riscv, riscv_bundle, models, images_path, workshop, counting)
    assert baseline_files(workshop) == kept
    assert [entry.counts for entry in again.counted] == [entry.counts for entry in found.counted]
    return found


def test_each_name_and_precision_is_counted(baselines: Baselines) -> None:
    assert baselines.fallbacks == ()
    assert [(entry.side.name, entry.side.precision) for entry in baselines.counted] == [
        (name, precision) for name in (DEBIAN, SCALAR) for precision in (Precision.FP32, Precision.INT8)
    ]
    assert {entry.counts.kernels for entry in baselines.counted} == {"scalar"}
    debian, scalar = (entry.counts.weighted for entry in baselines.counted[::2])
    assert debian == pytest.approx(scalar, rel=0.01), "Debian's runtime on both sides"
    assert {entry.outputs.shape for entry in baselines.counted} == {(SAMPLES, CLASSES)}


def test_a_measurement_gets_the_baselines_of_its_precision(baselines: Baselines) -> None:
    record = emulated_record(model=model_spec(precision=Precision.INT8))
    own = np.concatenate([baselines.counted[1].outputs, np.zeros((3, CLASSES), np.float32)])
    found = with_baselines(measurement(record, {"logits": own}), baselines.counted).record.baselines
    assert [(entry.name, entry.differs_by, entry.same_predictions) for entry in found] == [
        (DEBIAN, 0, SAMPLES),
        (SCALAR, 0, SAMPLES),
    ]
    assert {entry.runtime for entry in found} == {"ONNX Runtime 1.21.0 (debian)"}


def test_outputs_that_differ_are_told(baselines: Baselines) -> None:
    own = -baselines.counted[0].outputs
    (debian, _) = with_baselines(measurement(emulated_record(), {"logits": own}), baselines.counted).record.baselines
    assert debian.differs_by == pytest.approx(2)
    assert debian.same_predictions == 0


def test_what_does_not_fit_is_left_out_with_its_reason(
    riscv: Place, riscv_bundle: Bundle, tiny: ModelArtifact, workshop: Workshop, counting: CountingEmulator
) -> None:
    found = counted([NCNN], riscv, riscv_bundle, [tiny], None, workshop, counting)
    assert found.counted == ()
    (fallback,) = found.fallbacks
    assert fallback.asked == "fp32 against ncnn"
    assert "images to calibrate by" in fallback.reason


def test_a_runtime_that_fails_is_left_out_with_its_reason(
    riscv: Place, riscv_bundle: Bundle, tiny: ModelArtifact, workshop: Workshop, counting: CountingEmulator
) -> None:
    wrong = replace(riscv.target, executor={**riscv.target.executor, "cpu": "no-such-cpu"})
    found = counted([SCALAR], replace(riscv, target=wrong), riscv_bundle, [tiny], None, workshop, counting)
    assert found.counted == ()
    assert found.fallbacks[0].asked == "fp32 against scalar"


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("tvm", "no baseline 'tvm'", "known baselines: debian, scalar, ncnn"),
        (DEBIAN, r"runs ONNX Runtime 1\.21\.0 \(debian\)", "edgetool runtime build"),
        (SCALAR, r"runs ONNX Runtime 1\.21\.0 \(debian\)", "edgetool runtime build"),
    ],
)
def test_a_baseline_that_compares_nothing_is_refused(riscv: Place, name: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        check_baselines([name], riscv)
    assert hint in (caught.value.hint or "")


def test_a_target_that_cannot_be_counted_has_no_baselines(tmp_path: Path) -> None:
    done = run_cli("deploy", "--target", "host", "--against", "debian", cwd=tmp_path)
    assert done.exit_code == 2
    assert b"can't be counted" in done.stderr
