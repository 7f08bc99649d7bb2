"""Models in ncnn's form: its graph as text, its weights, and what int8 adds to both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgetool.errors import ModelError, QuantizeError
from edgetool.models.artifacts import read_artifact
from edgetool.models.evaluate import open_session, run_session, signal_to_noise_db
from edgetool.models.images import ImageSet
from edgetool.models.spec import ModelRequest, Precision
from edgetool.pipeline import steps
from edgetool.pipeline.images import ImageSource
from edgetool.platform.context import StepContext
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store
from edgetool.runtimes.ncnn.build import VECTORS, build_options
from edgetool.runtimes.ncnn.convert import (
    Layer,
    NcnnModel,
    _with_terms,
    as_mat,
    convert,
    described,
    open_net,
    quantize,
    read_layers,
    scale_of,
    write_layers,
)
from edgetool.runtimes.ncnn.selftest import build_selftest
from edgetool.runtimes.ncnn.weights import has_matrix
from tests.support.models import CLASSES, SHAPE, save_model, tiny_graph, tiny_inputs

CALIBRATION = ImageSet(inputs=tiny_inputs(16, seed=5))
CONVOLUTION = "Convolution c 1 1 a b 0=8 1=3 5=1 6=216 -23310=2,0.0,6.0"


def test_a_layers_line_is_read_and_written_alike() -> None:
    layer = Layer.parse(CONVOLUTION)
    assert (layer.kind, layer.inputs, layer.outputs) == ("Convolution", ("a",), ("b",))
    assert (layer.setting(6), layer.setting(7, 1)) == (216, 1)
    assert str(layer) == CONVOLUTION


def test_scales_bring_the_largest_to_127_and_leave_zeros_alone() -> None:
    assert scale_of(np.array([2.0, 0.0], dtype=np.float32)).tolist() == [63.5, 1.0]


@pytest.mark.parametrize(
    ("kind", "reader", "terms"),
    [
        ("Convolution", "ConvolutionDepthWise", ["8=102", "8=1"]),
        ("ConvolutionDepthWise", "Convolution", ["8=101", "8=2"]),
        ("Convolution", "BinaryOp", ["8=2", "6=64"]),
        ("InnerProduct", "Convolution", ["8=2", "8=2"]),
    ],
)
def test_an_output_stays_in_8_bits_where_its_only_reader_is_a_convolution(
    kind: str, reader: str, terms: list[str]
) -> None:
    settings = "0=8 2=64 6=64"
    layers = [Layer.parse(f"{kind} one 1 1 a b {settings}"), Layer.parse(f"{reader} two 1 1 b c {settings}")]
    assert [layer.settings[-1] for layer in _with_terms(layers)] == terms


def test_an_output_with_two_readers_leaves_its_8_bits() -> None:
    reader = Layer.parse("Convolution two 1 1 b c 0=8 6=64")
    layers = [Layer.parse("Convolution one 1 1 a b 0=8 6=64"), reader, replace(reader, name="three", outputs=("d",))]
    assert next(_with_terms(layers)).settings[-1] == "8=2"


def test_layers_that_stay_in_float32_are_named() -> None:
    lines = ["Convolution c 1 1 a b 0=8 6=216", "Convolution d 2 1 b w e 0=8 19=1", "LSTM l 1 1 e f 0=2 1=16"]
    layers = [Layer.parse(line) for line in (*lines, "MatMul m 2 1 f e g", "ReLU r 1 1 g h")]
    assert described(layers) == "int8 in 1 Convolution, float32 in 1 LSTM, 1 MatMul"


def test_a_convolution_of_two_inputs_reads_float32() -> None:
    layers = [Layer.parse("Convolution c 1 1 a b 0=8 6=216"), Layer.parse("Convolution d 2 1 b w e 0=8 19=1")]
    assert [layer.settings[-1] for layer in _with_terms(layers)] == ["8=2", "19=1"]


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.param").write_text("7767518\n0 0\n")
    with pytest.raises(QuantizeError, match="not an ncnn graph"):
        read_layers(tmp_path / "a.param")


def form(
    folder: Path, tiny_path: Path, precision: Precision = Precision.FP32, images: ImageSet | None = CALIBRATION
) -> NcnnModel:
    pytest.importorskip("ncnn")
    pytest.importorskip("pnnx")
    request = ModelRequest(source=str(tiny_path))
    context = StepContext(store=Store(folder), progress=Silent())
    convert(read_artifact(tiny_path), request, precision, images, folder, context, log=folder / "log")
    return NcnnModel(param=folder / "model.param")


@pytest.fixture(scope="module")
def ncnn_model(tiny_path: Path, tmp_path_factory: pytest.TempPathFactory) -> NcnnModel:
    return form(tmp_path_factory.mktemp("ncnn"), tiny_path)


def test_a_graph_keeps_the_names_and_says_how_large_its_input_is(ncnn_model: NcnnModel) -> None:
    source, *_, last = read_layers(ncnn_model.param)
    assert (source.kind, source.outputs, source.settings) == ("Input", ("input",), ("0=16", "1=16", "2=3"))
    assert last.outputs == ("logits",)


@pytest.mark.parametrize(("precision", "least_db"), [(Precision.FP32, 100), (Precision.FP16, 50), (Precision.INT8, 25)])
def test_a_model_says_almost_what_it_said(
    tiny_path: Path, tmp_path: Path, precision: Precision, least_db: float
) -> None:
    inputs, outputs = tiny_inputs(8), []
    with open_net(form(tmp_path, tiny_path, precision)) as net:
        for image in inputs:
            with net.create_extractor() as extractor:
                extractor.input("input", as_mat(image))
                outputs.append(np.array(extractor.extract("logits")[1]))
    assert np.stack(outputs).shape == (8, CLASSES)
    assert signal_to_noise_db(run_session(open_session(tiny_path), inputs)[0], np.stack(outputs)) > least_db


def test_layers_of_one_name_stay_in_int8(ncnn_model: NcnnModel, tmp_path: Path) -> None:
    """pnnx names several layers without weights alike."""
    layers = read_layers(ncnn_model.param)
    alike, made = NcnnModel(param=tmp_path / "alike.param"), NcnnModel(param=tmp_path / "int8.param")
    write_layers([layer if has_matrix(layer) else replace(layer, name="alike") for layer in layers], alike.param)
    alike.bin.write_bytes(ncnn_model.bin.read_bytes())
    quantize(alike, tiny_inputs(1), made)
    assert [layer.outputs for layer in read_layers(made.param)] == [layer.outputs for layer in layers]


def test_a_batch_of_two_is_refused(tmp_path: Path) -> None:
    two = save_model(tmp_path / "two.onnx", tiny_graph(shape=(2, *SHAPE[1:])))
    with pytest.raises(ModelError, match="one sample"):
        form(tmp_path, two)


def test_int8_without_images_is_refused(tiny_path: Path, tmp_path: Path) -> None:
    with pytest.raises(QuantizeError, match="calibration"):
        form(tmp_path, tiny_path, Precision.INT8, images=None)


DAMAGES: tuple[Callable[[bytes], bytes], ...] = (
    lambda data: data[:-4],
    lambda data: data + bytes(4),
    lambda data: b"\1" + data[1:],
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_weights_that_do_not_fit_the_graph_are_refused(
    ncnn_model: NcnnModel, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    damaged = NcnnModel(param=tmp_path / "damaged.param")
    damaged.param.write_bytes(ncnn_model.param.read_bytes())
    damaged.bin.write_bytes(damage(ncnn_model.bin.read_bytes()))
    with pytest.raises(QuantizeError):
        quantize(damaged, tiny_inputs(1), NcnnModel(param=tmp_path / "int8.param"))


def test_inputs_by_name_calibrate_like_images(tiny_path: Path, tmp_path: Path) -> None:
    pytest.importorskip("ncnn")
    pytest.importorskip("pnnx")
    context = StepContext(store=Store(tmp_path / "cache"), progress=Silent())
    inputs = tiny_inputs(16, seed=5)
    np.savez(tmp_path / "images.npz", images=inputs)
    np.savez(tmp_path / "named.npz", input=inputs[:, np.newaxis])
    weights = []
    for name in ("images.npz", "named.npz"):
        source = ImageSource(calibration=tmp_path / name, held_out=tmp_path / name)
        request = ModelRequest(source=str(tiny_path))
        made = steps.convert(read_artifact(tiny_path), "ncnn", Precision.INT8, request, source, context)
        weights.append(made.beside[0].read_bytes())
    assert weights[0] == weights[1]


def test_the_self_test_holds_in_the_ncnn_of_this_machine(tmp_path: Path) -> None:
    pytest.importorskip("ncnn")
    test = build_selftest()
    test.write(tmp_path)
    with open_net(NcnnModel(param=tmp_path / test.model_name)) as net, net.create_extractor() as extractor:
        for name, array in test.inputs.items():
            extractor.input(name, as_mat(array[0]))
        outputs = {case: np.asarray(extractor.extract(case)[1])[None] for case in test.expected}
    test.check(outputs, runtime="ncnn")


@pytest.mark.parametrize(("processor", "setting"), [("riscv64", "ON"), ("x86_64", "OFF"), ("aarch64", "OFF")])
def test_only_riscv64_lays_out_blobs_by_its_vector_length(processor: str, setting: str) -> None:
    assert build_options(processor)[VECTORS] == setting
