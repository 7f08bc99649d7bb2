"""`edgetool diff`: two models, or one in two places, layer by layer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetool.models.artifacts import read_artifact, save_artifact
from edgetool.models.images import ImageSet
from edgetool.models.quantize import quantize_model
from edgetool.models.recipes import read_recipe
from tests.models.test_layers_of_models import ruined_graph
from tests.support.commands import run_checked, run_cli
from tests.support.models import SHAPE, save_model, tiny_inputs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that one layer ruins in int8, its int8 form, and inputs."""
    folder = tmp_path_factory.mktemp("diff")
    fp32 = read_artifact(save_model(folder / "fp32.onnx", ruined_graph()))
    (folder / "made").mkdir()
    int8 = quantize_model(fp32, folder / "made", calibration=ImageSet(inputs=tiny_inputs(16, seed=5)))
    save_artifact(int8, folder / "int8.onnx")
    np.savez(folder / "inputs.npz", calibration_images=tiny_inputs(16, seed=5), heldout_images=tiny_inputs(8, seed=9))
    return folder


def answer(folder: Path, *words: str | Path, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    done = run_cli("diff", *words, "--held-out", "inputs.npz", "--json", cwd=folder, env=env)
    assert done.exit_code == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_first_layer_with_too_much_noise_is_told_on_host_and_target(folder: Path) -> None:
    found = answer(folder, "fp32.onnx", "int8.onnx", "--target", "qemu-riscv64")
    assert found["first"]["layer"]["node"] in ("spread.relu", "gather")
    for layer in found["diff"]["layers"]:
        assert layer["target_db"] == pytest.approx(layer["host_db"], abs=1)


def test_one_model_in_two_places_differs_by_rounding_alone(folder: Path) -> None:
    found = answer(folder, "fp32.onnx", "--target", "host")
    assert found["first"] is None
    assert {layer["host_db"] for layer in found["diff"]["layers"]} == {None}
    assert min(layer["target_db"] for layer in found["diff"]["layers"]) > 100


BROKEN = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
float asinhf(float x) {
  float (*real)(float) = (float (*)(float))dlsym(RTLD_NEXT, "asinhf");
  return real(x) * (strcmp(program_invocation_short_name, "edgetool-harness") == 0 ? 1.01f : 1.0f);
}
"""


def test_the_one_kernel_that_a_targets_runtime_has_wrong_is_the_first_layer(tmp_path: Path) -> None:
    """ONNX Runtime's Asinh calls libm's asinhf, which is another one in the harness's process."""
    (tmp_path / "broken.c").write_text(BROKEN)
    run_checked(["cc", "-shared", "-fPIC", "-o", tmp_path / "broken.so", tmp_path / "broken.c", "-ldl"])
    steps = [("Softplus", "input", "s"), ("Asinh", "s", "a"), ("Softsign", "a", "o"), ("Flatten", "o", "logits")]
    nodes = [helper.make_node(kind, [taken], [given], name=kind.lower()) for kind, taken, given in steps]
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (("input", SHAPE), ("logits", (1, 768)))
    ]
    graph = helper.make_graph(nodes, "asinh", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    save_model(tmp_path / "asinh.onnx", model)
    np.savez(tmp_path / "inputs.npz", calibration_images=tiny_inputs(4), heldout_images=tiny_inputs(4))
    words = ("asinh.onnx", "--target", "host")
    assert answer(tmp_path, *words)["first"] is None
    assert (
        answer(tmp_path, *words, env={"LD_PRELOAD": str(tmp_path / "broken.so")})["first"]["layer"]["node"] == "asinh"
    )


def test_bisecting_writes_a_recipe(folder: Path, tmp_path: Path) -> None:
    words = ("fp32.onnx", "int8.onnx", "--bisect", "--least", "12", "--recipe", tmp_path / "recipe.json")
    found = answer(folder, *words)
    assert set(found["diff"]["kept"]) == {"spread", "gather"}
    assert found["diff"]["kept_db"] >= 12
    assert set(read_recipe(tmp_path / "recipe.json").keep_float) == {"spread", "gather"}


def test_a_layer_whose_weights_were_changed_is_the_first(folder: Path) -> None:
    model = onnx.load(folder / "fp32.onnx")
    weights = next(tensor for tensor in model.graph.initializer if tensor.name == "second.w")
    changed = numpy_helper.to_array(weights) * 1.01
    weights.CopyFrom(numpy_helper.from_array(changed.astype(np.float32), "second.w"))
    save_model(folder / "changed.onnx", model)
    assert answer(folder, "fp32.onnx", "changed.onnx")["first"]["layer"]["node"] == "second"


def test_on_a_terminal_the_layers_and_the_first_are_shown(folder: Path) -> None:
    done = run_cli("diff", "fp32.onnx", "int8.onnx", "--held-out", "inputs.npz", cwd=folder)
    assert "The first layer below 10 dB:" in done.stdout.decode()
    assert "gather" in done.stdout.decode()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("fp32.onnx",), b"two models, or one model and --target"),
        (("fp32.onnx", "int8.onnx", "--recipe", "r.json"), b"--bisect"),
        (("fp32.onnx", "int8.onnx"), b"no inputs to compare on"),
    ],
)
def test_what_is_missing_is_said(folder: Path, words: tuple[str, ...], text: bytes) -> None:
    done = run_cli("diff", *words, cwd=folder)
    assert done.exit_code == 2
    assert text in done.stderr
