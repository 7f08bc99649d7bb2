"""The numeric self-test: it holds where the runtime is right and names what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetool.errors import SelfTestFailed
from edgetool.models.evaluate import open_session
from edgetool.models.spec import Precision
from edgetool.runtimes.onnxruntime.selftest import build_selftest

TEST = build_selftest()


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What this machine's runtime makes of it."""
    folder = tmp_path_factory.mktemp("selftest")
    TEST.write(folder)
    session = open_session(folder / "model.onnx")
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, dict(TEST.inputs)), strict=True))


def test_this_machines_runtime_computes_right(outputs: dict[str, Any]) -> None:
    TEST.check(outputs, runtime="ours")


@pytest.mark.parametrize("case", list(TEST.expected))
def test_one_wrong_value_is_found_and_its_case_named(outputs: dict[str, Any], case: str) -> None:
    wrong = outputs[case].copy()
    wrong.flat[-1] += 1 if wrong.dtype != np.float32 else 0.05 * np.abs(wrong).max()
    with pytest.raises(SelfTestFailed, match=f"theirs computes wrong numbers: 1 of {len(TEST.expected)}") as caught:
        TEST.check({**outputs, case: wrong}, runtime="theirs")
    assert f"{case}: 1 of {wrong.size} values" in caught.value.message


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_wrong(outputs: dict[str, Any], wrong: float) -> None:
    case = next(name for name in TEST.expected if name.startswith("MatMul 17"))
    broken = outputs[case].copy()
    broken[0, 0] = wrong
    with pytest.raises(SelfTestFailed, match=case):
        TEST.check({**outputs, case: broken}, runtime="theirs")


def test_an_output_that_is_missing_is_wrong(outputs: dict[str, Any]) -> None:
    case = next(iter(TEST.expected))
    with pytest.raises(SelfTestFailed, match=f"{case}: no output of shape"):
        TEST.check({name: array for name, array in outputs.items() if name != case}, runtime="theirs")


@pytest.mark.parametrize("shape", [(3, 1), (1, 1, 2), (2,), ()])
def test_an_output_of_another_shape_is_wrong(outputs: dict[str, Any], shape: tuple[int, ...]) -> None:
    case = next(iter(TEST.expected))
    with pytest.raises(SelfTestFailed, match=case):
        TEST.check({**outputs, case: np.zeros(shape, np.float32)}, runtime="theirs")


def test_rows_that_are_skipped_are_found(outputs: dict[str, Any]) -> None:
    skipped = {name: array.copy() for name, array in outputs.items()}
    for name, array in skipped.items():
        if name.startswith("MatMul"):
            array[2:] = 0
    with pytest.raises(SelfTestFailed, match="MatMul 3x5x4"):
        TEST.check(skipped, runtime="theirs")


def test_the_test_is_the_same_each_time() -> None:
    again = build_selftest()
    assert again.model().SerializeToString() == TEST.model().SerializeToString()
    assert all(np.array_equal(again.inputs[name], array) for name, array in TEST.inputs.items())


def test_only_models_in_fp16_need_a_runtime_that_is_right_in_it() -> None:
    without = build_selftest([Precision.FP32, Precision.INT8]).expected.keys()
    assert without == {case for case in TEST.expected if "fp16" not in case} < TEST.expected.keys()


def test_every_input_is_written(tmp_path: Path) -> None:
    files = TEST.write(tmp_path)
    assert files.keys() == TEST.inputs.keys()
    for name, file in files.items():
        assert (tmp_path / file).read_bytes() == TEST.inputs[name].tobytes()
