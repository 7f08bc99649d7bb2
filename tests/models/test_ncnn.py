"""Models in ncnn's form: its graph as text, its weights, and what int8 adds to both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgetool.errors import QuantizeError
from edgetool.models.evaluate import open_session, run_session, signal_to_noise_db
from edgetool.models.ncnn import (
    Layer,
    NcnnModel,
    _with_terms,
    as_mat,
    convert,
    open_net,
    quantize,
    read_layers,
    scale_of,
)
from tests.support import CLASSES, SHAPE, tiny_inputs

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
        ("Convolution", "BinaryOp", ["8=2", "0=8"]),
        ("InnerProduct", "Convolution", ["8=2", "8=2"]),
    ],
)
def test_an_output_stays_in_8_bits_where_its_only_reader_is_a_convolution(
    kind: str, reader: str, terms: list[str]
) -> None:
    layers = [Layer.parse(f"{kind} one 1 1 a b 0=8"), Layer.parse(f"{reader} two 1 1 b c 0=8")]
    assert [layer.settings[-1] for layer in _with_terms(layers)] == terms


def test_an_output_with_two_readers_leaves_its_8_bits() -> None:
    reader = Layer.parse("Convolution two 1 1 b c 0=8")
    layers = [Layer.parse("Convolution one 1 1 a b 0=8"), reader, replace(reader, name="three", outputs=("d",))]
    assert next(_with_terms(layers)).settings[-1] == "8=2"


def test_a_layer_whose_weights_are_not_known_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.param").write_text("7767517\n1 1\nBatchNorm bn 1 1 a b 0=8\n")
    with pytest.raises(QuantizeError, match="bn is a BatchNorm"):
        read_layers(tmp_path / "a.param")


@pytest.fixture(scope="module")
def converted(tiny_path: Path, tmp_path_factory: pytest.TempPathFactory) -> NcnnModel:
    pytest.importorskip("ncnn")
    pytest.importorskip("pnnx")
    folder = tmp_path_factory.mktemp("ncnn")
    return convert(tiny_path, SHAPE, folder, log=folder / "log")


def test_a_model_in_int8_says_almost_what_it_said(tiny_path: Path, converted: NcnnModel, tmp_path: Path) -> None:
    quantized = quantize(converted, tiny_inputs(16, seed=5), tmp_path)
    inputs = tiny_inputs(8)
    reference = run_session(open_session(tiny_path), inputs)[0]
    for model, least_db in ((converted, 100), (quantized, 25)):
        outputs = []
        with open_net(model) as net:
            for image in inputs:
                with net.create_extractor() as extractor:
                    extractor.input(net.input_names()[0], as_mat(image))
                    outputs.append(np.array(extractor.extract(net.output_names()[0])[1]))
        assert np.stack(outputs).shape == (8, CLASSES)
        assert signal_to_noise_db(reference, np.stack(outputs)) > least_db


DAMAGES: tuple[Callable[[bytes], bytes], ...] = (
    lambda data: data[:-4],
    lambda data: data + bytes(4),
    lambda data: b"\1" + data[1:],
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_weights_that_do_not_fit_the_graph_are_refused(
    converted: NcnnModel, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    damaged = NcnnModel(param=converted.param, bin=tmp_path / "damaged.bin")
    damaged.bin.write_bytes(damage(converted.bin.read_bytes()))
    with pytest.raises(QuantizeError):
        quantize(damaged, tiny_inputs(1), tmp_path)
