"""ONNX files: what is accepted, described and given a shape."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from edgetool.errors import ModelError
from edgetool.models.artifacts import read_artifact, request_of, save_artifact
from edgetool.models.export import export_model
from edgetool.models.onnxfile import describe, load_model, model_files
from edgetool.models.onnxfile import save_model as save_whole
from edgetool.models.opsets import DEFAULT_OPSET, NEWEST_IR, NEWEST_OPSET, newest_opset, opset_for
from edgetool.models.shapes import ONLY, fix_shapes
from edgetool.models.spec import ModelArtifact, ModelRequest, ModelSpec, Precision
from tests.support.models import CLASSES, SHAPE, save_model, tiny_graph


def described(path: Path) -> ModelSpec:
    return describe(path, name="m", precision=Precision.FP32, weights="w", accuracy_means_something=True)


def test_a_model_is_described(tiny_path: Path) -> None:
    spec = described(tiny_path)
    assert (spec.opset, spec.ir_version, spec.size_bytes) == (17, 8, tiny_path.stat().st_size)
    assert [(tensor.name, tensor.dtype, tensor.shape) for tensor in spec.inputs] == [("input", "float32", SHAPE)]
    assert [tensor.shape for tensor in spec.outputs] == [(1, CLASSES)]


def test_constants_listed_as_inputs_are_none(tmp_path: Path) -> None:
    model = tiny_graph()
    model.graph.input.append(helper.make_tensor_value_info("bias", TensorProto.FLOAT, [8]))
    assert [tensor.name for tensor in described(save_model(tmp_path / "m.onnx", model)).inputs] == ["input"]


@pytest.mark.parametrize(
    "data", [b"", b"nonsense", b"\x08\x08", b"\xff" * 100, b"PK\3\4", onnx.ModelProto(ir_version=8).SerializeToString()]
)
def test_what_is_no_onnx_model_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"m\.onnx is not an ONNX model"):
        load_model(path)


def invalid(change: Callable[[onnx.ModelProto], object]) -> onnx.ModelProto:
    model = tiny_graph()
    change(model)
    return model


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.graph.node[0].ClearField("op_type"),
        lambda model: setattr(model.graph.node[0], "op_type", "NoSuchOperator"),
        lambda model: model.graph.node[1].input.__setitem__(0, "nowhere"),
        lambda model: setattr(model, "ir_version", 999),
    ],
)
def test_an_invalid_model_is_refused(tmp_path: Path, change: Callable[[onnx.ModelProto], object]) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(invalid(change).SerializeToString())
    with pytest.raises(ModelError, match=r"m\.onnx is not a valid ONNX model"):
        load_model(path)


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot read .*absent\.onnx"):
        load_model(tmp_path / "absent.onnx")


def test_a_model_larger_than_protobuf_allows_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.truncate(2 * 1024**3 + 1)
    with pytest.raises(ModelError, match=r"large\.onnx is larger than 2 GiB"):
        load_model(path)


def external(folder: Path, location: str = "weights.bin") -> Path:
    """The tiny model with its weights in a file beside it, as torch's exporter writes it."""
    folder.mkdir(exist_ok=True)
    path = folder / "m.onnx"
    onnx.save(tiny_graph(), path, save_as_external_data=True, size_threshold=0, location=location)
    return path


def weights(model: onnx.ModelProto) -> list[bytes]:
    return [onnx.numpy_helper.to_array(tensor).tobytes() for tensor in model.graph.initializer]


def test_weights_in_other_files_are_read(tmp_path: Path) -> None:
    assert weights(load_model(external(tmp_path))) == weights(tiny_graph())


def test_a_model_with_weights_beside_it_is_packed_into_one_file(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    made = export_model(ModelRequest(source=str(external(tmp_path))), tmp_path / "out", opset=20)
    assert model_files(made.artifact.path) == (made.artifact.path,)


def test_weights_that_are_missing_are_named(tmp_path: Path) -> None:
    path = external(tmp_path)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(ModelError, match=r"its weights are missing: .*weights\.bin"):
        load_model(path)


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "a/../../secret", "link"])
def test_weights_outside_of_the_models_folder_are_refused(tmp_path: Path, location: str) -> None:
    (tmp_path / "secret").write_bytes(b"0" * 4096)
    path = external(tmp_path / "m")
    (path.parent / "link").symlink_to(tmp_path / "secret")
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        tensor.external_data[0].value = location
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="lie outside of the model's folder"):
        load_model(path)


def test_weights_cut_short_are_an_error(tmp_path: Path) -> None:
    path = external(tmp_path)
    (tmp_path / "weights.bin").write_bytes(b"1234")
    with pytest.raises(ModelError, match=r"m\.onnx"):
        load_model(path)


def test_a_model_too_large_for_one_file_keeps_its_weights_beside_it(tmp_path: Path) -> None:
    files = save_whole(tiny_graph((1, 3, 16, 16)), tmp_path / "m.onnx", one_file_bytes=1000)
    assert [file.name for file in files] == ["m.onnx", "m.onnx.data"]
    assert weights(load_model(tmp_path / "m.onnx")) == weights(tiny_graph())


def test_the_digest_and_size_cover_the_weights_beside_a_model(tmp_path: Path) -> None:
    path = external(tmp_path)
    before = described(path)
    data = bytearray((tmp_path / "weights.bin").read_bytes())
    data[0] ^= 1
    (tmp_path / "weights.bin").write_bytes(data)
    assert before.size_bytes == path.stat().st_size + len(data)
    assert described(path).sha256 != before.sha256


@pytest.mark.parametrize("free", ["n", "batch"])
def test_a_free_shape_names_the_input_and_the_option(tmp_path: Path, free: str) -> None:
    path = save_model(tmp_path / "m.onnx", tiny_graph((free, *SHAPE[1:])))
    with pytest.raises(ModelError, match=rf"the shape of 'input' is not fixed: axis 0 \({free}\)") as caught:
        described(path)
    assert caught.value.hint is not None
    assert "--shape input=1,3,16,16" in caught.value.hint


@pytest.mark.parametrize("length", [-1, 0])
def test_a_length_of_nothing_is_a_free_axis(tmp_path: Path, length: int) -> None:
    model = tiny_graph()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = length
    onnx.save(model, tmp_path / "free.onnx")
    with pytest.raises(ModelError, match=r"not fixed: axis 0 \(unnamed\)"):
        described(tmp_path / "free.onnx")
    fixed = fix_shapes(model, tmp_path / "free.onnx", {ONLY: SHAPE})
    assert fixed.graph.input[0].type.tensor_type.shape.dim[0].dim_value == SHAPE[0]


def test_an_output_that_is_no_tensor_is_said_to_be_a_sequence(tmp_path: Path) -> None:
    model = tiny_graph()
    model.graph.node.append(onnx.helper.make_node("SequenceConstruct", [model.graph.output[0].name], ["all"]))
    del model.graph.output[:]
    model.graph.output.append(onnx.helper.make_tensor_sequence_value_info("all", onnx.TensorProto.FLOAT, None))
    onnx.save(model, tmp_path / "sequence.onnx")
    with pytest.raises(ModelError, match="'all' is of sequence type, not a tensor"):
        described(tmp_path / "sequence.onnx")


def test_a_model_that_takes_text_is_refused(tmp_path: Path) -> None:
    model = tiny_graph()
    model.graph.node.append(onnx.helper.make_node("Identity", ["words"], ["same"]))
    model.graph.input.append(onnx.helper.make_tensor_value_info("words", onnx.TensorProto.STRING, [1]))
    onnx.save(model, tmp_path / "text.onnx")
    with pytest.raises(ModelError, match="'words' is of text"):
        described(tmp_path / "text.onnx")


def test_a_free_shape_can_be_given(tmp_path: Path) -> None:
    path = save_model(tmp_path / "m.onnx", tiny_graph(("n", 3, "h", "w")))
    fixed = save_model(tmp_path / "f.onnx", fix_shapes(load_model(path), path, {ONLY: (2, 3, 16, 16)}))
    spec = described(fixed)
    assert (spec.inputs[0].shape, spec.outputs[0].shape) == ((2, 3, 16, 16), (2, CLASSES))


@pytest.mark.parametrize("shape", [(1, 3, 16), (1, 3, 16, 16, 1), (1, 3, 8, 8), (2, 3, 16, 16)])
def test_a_shape_that_contradicts_the_model_is_refused(tiny_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="--shape"):
        fix_shapes(load_model(tiny_path), tiny_path, {ONLY: shape})


def test_a_shape_that_the_layers_do_not_admit_is_refused(tmp_path: Path) -> None:
    weights = helper.make_tensor("w", TensorProto.FLOAT, [8, 10], [0.0] * 80)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", "k"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 10])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = save_model(tmp_path / "m.onnx", model)
    with pytest.raises(ModelError, match=r"m\.onnx"):
        fix_shapes(load_model(path), path, {ONLY: (1, 5)})


def two_inputs(path: Path) -> Path:
    graph = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["c"])],
        "two",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in "ab"],
        [helper.make_tensor_value_info("c", TensorProto.FLOAT, ["n", 4])],
    )
    return save_model(path, helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))


def test_a_shape_without_a_name_is_refused_where_there_are_several_inputs(tmp_path: Path) -> None:
    path = two_inputs(tmp_path / "m.onnx")
    with pytest.raises(ModelError, match=r"has 2 inputs \(a, b\): --shape must name one"):
        fix_shapes(load_model(path), path, {ONLY: (1, 4)})


def test_shapes_are_given_by_name(tmp_path: Path) -> None:
    path = two_inputs(tmp_path / "m.onnx")
    (tmp_path / "out").mkdir()
    request = ModelRequest(source=str(path), shapes=(("a", (2, 4)), ("b", (2, 4))))
    spec = export_model(request, tmp_path / "out", opset=20).artifact.spec
    assert [tensor.shape for tensor in (*spec.inputs, *spec.outputs)] == [(2, 4)] * 3


def test_a_shape_for_an_input_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    path = two_inputs(tmp_path / "m.onnx")
    with pytest.raises(ModelError, match="no input 'x'") as caught:
        fix_shapes(load_model(path), path, {"x": (1, 4)})
    assert caught.value.hint == "its inputs: a, b"


def test_an_onnx_file_is_passed_through_byte_for_byte(tiny_path: Path, tmp_path: Path) -> None:
    made = export_model(ModelRequest(source=str(tiny_path)), tmp_path, opset=20)
    artifact = made.artifact
    assert artifact.path.read_bytes() == tiny_path.read_bytes()
    assert (made.difference, made.notes) == (None, ())
    assert (artifact.spec.name, artifact.spec.weights) == ("tiny", "tiny.onnx")


def test_an_onnx_file_is_given_the_shape_asked_for(tmp_path: Path) -> None:
    path = save_model(tmp_path / "m.onnx", tiny_graph(("n", *SHAPE[1:])))
    (tmp_path / "out").mkdir()
    made = export_model(ModelRequest(source=str(path), input_shape=SHAPE), tmp_path / "out", opset=20)
    assert made.artifact.spec.inputs[0].shape == SHAPE


def test_a_model_saved_with_its_description_is_read_back_whole(tiny: ModelArtifact, tmp_path: Path) -> None:
    saved = save_artifact(tiny, tmp_path / "deep" / "m.onnx")
    assert read_artifact(saved.path).spec == tiny.spec
    assert sorted(path.name for path in saved.path.parent.iterdir()) == ["m.json", "m.onnx"]


def test_a_model_that_was_changed_after_its_description_is_refused(tiny: ModelArtifact, tmp_path: Path) -> None:
    saved = save_artifact(tiny, tmp_path / "m.onnx")
    save_model(saved.path, tiny_graph(("n", *SHAPE[1:])))
    with pytest.raises(ModelError, match=r"was changed after m\.json was written"):
        read_artifact(saved.path)


def test_a_model_that_cannot_be_written_is_a_clear_error(tiny: ModelArtifact, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="cannot write"):
        save_artifact(tiny, tmp_path / "file" / "m.onnx")


def test_the_origin_of_a_model_is_kept_through_its_file(tiny: ModelArtifact) -> None:
    assert request_of(tiny).origin == "tiny.onnx"


@pytest.mark.parametrize(("version", "opset"), [("1.21.0", 22), ("1.11.0", 16), ("1.99.0", 23), ("1.9.0", 16)])
def test_the_newest_opset_of_a_release_is_known_and_bounded(version: str, opset: int) -> None:
    assert newest_opset(version) == opset


def test_the_tables_cover_the_same_releases_and_only_grow() -> None:
    assert NEWEST_OPSET.keys() == NEWEST_IR.keys()
    for table in (NEWEST_OPSET, NEWEST_IR):
        numbers = [table[release] for release in sorted(table)]
        assert numbers == sorted(numbers)


def test_the_oldest_runtime_decides_the_opset() -> None:
    assert opset_for(("1.21.0", "1.31.1")) == DEFAULT_OPSET
    assert opset_for(("1.21.0", "1.12.0")) == 17
