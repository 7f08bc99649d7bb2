"""Models as users bring them, the whole way to an emulated riscv64 board, and what is said of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetool.models.spec import ModelArtifact
from tests.support.commands import run_cli
from tests.support.models import tiny_graph

SIDE = 16


def weights(name: str, *shape: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.random.default_rng(len(name)).standard_normal(shape, np.float32), name)


def network(
    nodes: list[onnx.NodeProto],
    inputs: dict[str, list[int]],
    outputs: dict[str, list[int]],
    constants: list[onnx.TensorProto],
) -> onnx.ModelProto:
    begins, ends = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in side.items()]
        for side in (inputs, outputs)
    )
    graph = helper.make_graph(nodes, "net", begins, ends, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def detector() -> onnx.ModelProto:
    """A YOLO-like head: four numbers of a box and five scores at each of 64 places."""
    nodes = [
        helper.make_node("Conv", ["images", "stem"], ["a"], pads=[1] * 4, strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "head"], ["c"]),
        helper.make_node("Reshape", ["c", "shape"], ["boxes"]),
    ]
    shape = numpy_helper.from_array(np.array([1, 9, 64], np.int64), "shape")
    constants = [weights("stem", 8, 3, 3, 3), weights("head", 9, 8, 1, 1), shape]
    return network(nodes, {"images": [1, 3, SIDE, SIDE]}, {"boxes": [1, 9, 64]}, constants)


def segmenter() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Conv", ["input", "stem"], ["a"], pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "head"], ["masks"]),
    ]
    constants = [weights("stem", 8, 3, 3, 3), weights("head", 4, 8, 1, 1)]
    return network(nodes, {"input": [1, 3, SIDE, SIDE]}, {"masks": [1, 4, SIDE, SIDE]}, constants)


def two_inputs() -> onnx.ModelProto:
    """Where somebody looks, from a picture and the head's pose: two numbers, and no classes."""
    nodes = [
        helper.make_node("Conv", ["image", "stem"], ["a"], pads=[1] * 4, strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("GlobalAveragePool", ["b"], ["c"]),
        helper.make_node("Flatten", ["c"], ["d"]),
        helper.make_node("Concat", ["d", "pose"], ["e"], axis=1),
        helper.make_node("Gemm", ["e", "matrix"], ["gaze"]),
    ]
    constants = [weights("stem", 8, 3, 3, 3), weights("matrix", 10, 2)]
    return network(nodes, {"image": [1, 3, SIDE, SIDE], "pose": [1, 2]}, {"gaze": [1, 2]}, constants)


def half() -> onnx.ModelProto:
    model = tiny_graph()
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    for entry in (*model.graph.input, *model.graph.output):
        entry.type.tensor_type.elem_type = TensorProto.FLOAT16
    return model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    np.savez(tmp_path / "pictures.npz", images=random.integers(0, 256, (40, 20, 20, 3), dtype=np.uint8))
    images = random.standard_normal((40, 3, SIDE, SIDE), np.float32)
    np.savez(tmp_path / "two.npz", image=images, pose=random.standard_normal((40, 2), np.float32))
    return tmp_path


def deployed(folder: Path, *words: str) -> tuple[str, dict[str, Any]]:
    """What the terminal says, and the run's cases."""
    quick = ("--repetitions", "1", "--warmup", "0", "--min-duration", "0")
    done = run_cli("deploy", "--model", "net.onnx", *words, *quick, cwd=folder)
    said = (done.stdout + done.stderr).decode()
    assert done.exit_code == 0, said
    (run,) = (folder / "runs").glob("*/run.json")
    document: dict[str, Any] = json.loads(run.read_text())
    return said, document


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (detector, ("--calibration", "pictures.npz", "--task", "detection")),
        (segmenter, ("--calibration", "pictures.npz")),
        (two_inputs, ("--calibration", "two.npz")),
    ],
)
def test_what_does_not_classify_goes_the_whole_way_and_is_not_said_to(
    folder: Path, make: Callable[[], onnx.ModelProto], words: tuple[str, ...]
) -> None:
    onnx.save(make(), folder / "net.onnx")
    said, run = deployed(folder, *words)
    cases = {(result["case"]["target"], result["case"]["precision"]) for result in run["results"]}
    assert cases == {(target, precision) for target in ("host", "qemu-riscv64") for precision in ("fp32", "int8")}
    assert all(result["failure"] is None for result in run["results"])
    assert not [word for word in ("classif", "same class") if word in said]
    assert "dB, cosine" in said


def test_an_fp16_model_is_measured_as_fp16(folder: Path) -> None:
    onnx.save(half(), folder / "net.onnx")
    said, run = deployed(folder)
    assert [result["case"]["precision"] for result in run["results"]] == ["fp16", "fp16"]
    assert "net is fp16 already; instead: fp16 as it is" in said
    assert "fp16 runs on qemu-riscv64" in said


def test_a_quantized_model_is_measured_as_int8(folder: Path, tiny_int8: ModelArtifact) -> None:
    (folder / "net.onnx").write_bytes(tiny_int8.path.read_bytes())
    said, run = deployed(folder)
    assert [result["case"]["precision"] for result in run["results"]] == ["int8", "int8"]
    assert "net is int8 already; instead: int8 as it is" in said
