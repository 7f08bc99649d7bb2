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
from PIL import Image

from edgetool.models.spec import ModelArtifact
from tests.support.commands import run_cli
from tests.support.models import tiny_graph

SIDE = 16


def weights(name: str, *shape: int, scale: float = 1.0) -> onnx.TensorProto:
    drawn = np.random.default_rng(len(name)).standard_normal(shape, np.float32)
    return numpy_helper.from_array(np.float32(scale) * drawn, name)


def bias(*numbers: float) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(numbers, np.float32), "bias")


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
    """A YOLO-like head, which finds one box in the middle, of the third of five classes, whatever it sees."""
    nodes = [
        helper.make_node("Conv", ["images", "stem"], ["a"], pads=[1] * 4, strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "head", "bias"], ["c"]),
        helper.make_node("Reshape", ["c", "shape"], ["boxes"]),
    ]
    shape = numpy_helper.from_array(np.array([1, 9, 64], np.int64), "shape")
    constants = [weights("stem", 8, 3, 3, 3), weights("head", 9, 8, 1, 1, scale=1e-5), shape]
    constants.append(bias(8, 8, 8, 8, 0, 0, 0.9, 0, 0))
    return network(nodes, {"images": [1, 3, SIDE, SIDE]}, {"boxes": [1, 9, 64]}, constants)


def segmenter() -> onnx.ModelProto:
    """Every pixel is of the second of four classes."""
    nodes = [
        helper.make_node("Conv", ["input", "stem"], ["a"], pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "head", "bias"], ["masks"]),
    ]
    constants = [weights("stem", 8, 3, 3, 3), weights("head", 4, 8, 1, 1, scale=1e-3), bias(0, 5, 0, 0)]
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
    pose = random.standard_normal((40, 2), np.float32)
    np.savez(tmp_path / "two.npz", image=images, pose=pose, truth_gaze=random.standard_normal((40, 2), np.float32))
    (tmp_path / "gaze.py").write_text(
        "def worst(outputs, truth):\n    return abs(outputs['gaze'] - truth['gaze']).max()\n"
    )
    draw(tmp_path / "boxes")
    draw(tmp_path / "masked")
    objects = [{"image_id": i, "category_id": 30, "bbox": [8, 8, 16, 16]} for i in range(40)]
    listed = [{"id": i, "file_name": f"{i:02}.png", "width": 32, "height": 32} for i in range(40)]
    categories = [{"id": 10 * (1 + i), "name": f"thing {i}"} for i in range(5)]
    (tmp_path / "boxes" / "truth.json").write_text(
        json.dumps({"images": listed, "annotations": objects, "categories": categories})
    )
    (tmp_path / "masked" / "masks").mkdir()
    for i in range(40):
        Image.new("L", (32, 32), 1).save(tmp_path / "masked" / "masks" / f"{i:02}.png")
    return tmp_path


def draw(folder: Path) -> None:
    random = np.random.default_rng(1)
    (folder / "images").mkdir(parents=True)
    for i in range(40):
        Image.fromarray(random.integers(0, 256, (32, 32, 3), np.uint8)).save(folder / "images" / f"{i:02}.png")


def deployed(folder: Path, *words: str) -> tuple[str, dict[str, Any]]:
    """What the terminal says, and the run's cases."""
    quick = ("--repetitions", "1", "--warmup", "0", "--min-duration", "0")
    done = run_cli("deploy", "--model", "net.onnx", *words, *quick, cwd=folder, timeout_s=900)
    said = (done.stdout + done.stderr).decode()
    assert done.exit_code == 0, said
    (run,) = (folder / "runs").glob("*/run.json")
    document: dict[str, Any] = json.loads(run.read_text())
    return said, document


@pytest.mark.parametrize(
    ("make", "words", "judged"),
    [
        (detector, ("--calibration", "boxes", "--task", "detection"), {"mAP": 1.0, "mAP50": 1.0}),
        (segmenter, ("--calibration", "masked", "--task", "segmentation"), {"mIoU": 1.0, "pixel accuracy": 1.0}),
        (segmenter, ("--calibration", "pictures.npz"), {}),
        (
            two_inputs,
            ("--calibration", "two.npz", "--task", "regression", "--metric", "gaze:worst"),
            {"MAE of gaze": None, "gaze:worst": None},
        ),
    ],
)
def test_what_does_not_classify_goes_the_whole_way_and_is_not_said_to(
    folder: Path, make: Callable[[], onnx.ModelProto], words: tuple[str, ...], judged: dict[str, float | None]
) -> None:
    onnx.save(make(), folder / "net.onnx")
    said, run = deployed(folder, *words)
    cases = {(result["case"]["target"], result["case"]["precision"]) for result in run["results"]}
    assert cases == {(target, precision) for target in ("host", "qemu-riscv64") for precision in ("fp32", "int8")}
    assert all(result["failure"] is None for result in run["results"])
    (report,) = (folder / "runs").glob("*/report.md")
    for text in (said, report.read_text()):
        assert not [word for word in ("classif", "same class", "Accuracy", "top-5") if word in text]
        assert "dB, cosine" in text
        assert all(name in text for name in list(judged)[:1])
    for result in run["results"]:
        scores = json.loads((report.parent / result["record"]).read_text())["scores"]
        assert {score["name"] for score in scores} == judged.keys()
        assert all(judged[score["name"]] in (None, pytest.approx(score["value"], abs=1e-3)) for score in scores)


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
    (report,) = (folder / "runs").glob("*/report.md")
    assert "Take the quantized model as it is" in report.read_text()
