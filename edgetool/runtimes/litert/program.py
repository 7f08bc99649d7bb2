"""Convert one model to TensorFlow Lite. Runs in the virtual environment with LiteRT's tools.

The argument is a folder with `order.json` and `images.npy`; `model.tflite` is written there, or to `refused.txt` why a
model can't be converted.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import numpy as np

from edgetool.errors import ModelError
from edgetool.models.images import Float32Array, ImageSet
from edgetool.models.spec import ModelRequest, Precision, TensorSpec
from edgetool.models.zoo import build_model
from edgetool.platform.documents import read_document
from edgetool.platform.values import Name, Text, value
from edgetool.runtimes.litert.from_onnx import convert_onnx

ORDER, IMAGES, MODEL, REFUSED = "order.json", "images.npy", "model.tflite", "refused.txt"


@value
class Order:
    """What to convert."""

    request: ModelRequest
    onnx: Name  # the path of its export, or of the model where its source is an .onnx
    precision: Precision
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    weights_cache: Name
    mirror: Text | None = None


def main() -> None:
    folder = Path(sys.argv[1])
    order = read_document(folder / ORDER, Order)
    images = np.load(folder / IMAGES) if (folder / IMAGES).is_file() else None
    try:
        converted = folder / "converted.tflite"
        if order.request.is_onnx:
            convert_onnx(Path(order.onnx), order.inputs, order.outputs, converted)
        else:
            _from_pytorch(order, images, converted)
        if order.precision is Precision.INT8:
            assert images is not None, "who gives the order has images for int8"
            _quantize(converted, images, folder / "quantized.tflite")
            converted = folder / "quantized.tflite"
        (folder / MODEL).write_bytes(_renamed(converted.read_bytes(), order))
    except ModelError as error:
        traceback.print_exc()
        (folder / REFUSED).write_text(error.message)


def _from_pytorch(order: Order, images: Float32Array | None, path: Path) -> None:
    import litert_torch
    import torch

    calibration = None if images is None else ImageSet(inputs=images)
    built = build_model(
        order.request, calibration=calibration, weights_cache=Path(order.weights_cache), mirror=order.mirror
    )
    zeros = tuple(torch.zeros(tensor.shape) for tensor in order.inputs)
    litert_torch.convert(built.module.eval(), zeros).export(str(path))


def _quantize(model: Path, images: Float32Array, path: Path) -> None:
    """Quantize weights per channel, and activations by their minimum and maximum. Inputs and outputs stay float32."""
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import qtyping, quantizer, recipe

    quantizing = quantizer.Quantizer(str(model), recipe.static_wi8_ai8())
    kinds = qtyping.TFLOperationName
    # 2.14 has no int8 SQRT, a small divisor becomes 0, and the quantizer fails at the number that PADV2 pads with.
    for kept in (kinds.INPUT, kinds.OUTPUT, kinds.SQRT, kinds.DIV, kinds.PADV2):
        quantizing.update_quantization_recipe(".*", kept, algorithm_key="no_quantize")
    ((signature, tensors),) = Interpreter(str(model)).get_signature_list().items()
    samples = [{tensors["inputs"][0]: image[np.newaxis]} for image in images]
    quantizing.quantize(quantizing.calibrate({signature: samples})).export_model(str(path))


def _renamed(data: bytes, order: Order) -> bytes:
    """Return the model with the requested input and output names, and with its weights inside the flatbuffer.

    LiteRT's quantizer stores the weights behind the flatbuffer, where TensorFlow Lite 2.14 doesn't look for them.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(data, 0)
    graph = model.subgraphs[0]
    for index, tensor in zip((*graph.inputs, *graph.outputs), (*order.inputs, *order.outputs), strict=True):
        made = graph.tensors[index]
        if tuple(made.shape) != tensor.shape:
            raise ModelError(
                f"{tensor.name} is {tuple(made.shape)} in the converted model, {tensor.shape} in the export"
            )
        made.name = tensor.name.encode()
    for buffer in model.buffers:
        if buffer.offset > 1:  # 0 and 1 mark buffers inside the flatbuffer
            buffer.data = np.frombuffer(data, np.uint8, count=buffer.size, offset=buffer.offset)
            buffer.offset = buffer.size = 0
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


if __name__ == "__main__":
    main()
