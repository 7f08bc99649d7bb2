"""Convert ONNX to TensorFlow Lite with onnx2tf, and check the result against ONNX Runtime.

onnx2tf writes the flatbuffer itself, without TensorFlow. It prefers channels last; here inputs and outputs keep the
shapes that they have in the .onnx. Runs in the virtual environment with LiteRT's tools.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from edgetool.errors import ModelError
from edgetool.models.evaluate import open_session, signal_to_noise_db
from edgetool.models.onnxfile import inputs_of, load_model, nodes, save_model
from edgetool.models.spec import TensorSpec

LEAST_DB = 20  # rounding leaves 45 or more even of random weights, a layout that was mistaken about 0
LEAST = 1e-6  # of an output that is zero in one of them
INPUT = "edgetool_input_"
CUSTOM = "ONNX_"  # in front of the name of an operator that onnx2tf has no other for


def convert_onnx(model: Path, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], path: Path) -> None:
    """Convert an .onnx and write it to `path`, its inputs and outputs in the same order and shapes.

    Raises ModelError for an operator that TensorFlow Lite lacks, and for a conversion whose outputs differ.
    """
    import onnx2tf

    prepared, names = path.with_name("prepared.onnx"), [f"{INPUT}{i}" for i in range(len(inputs))]
    graph = with_layout(load_model(model))
    spelt = {node.op_type.upper(): node.op_type for node in nodes(graph)}
    save_model(graph, prepared)
    try:
        onnx2tf.convert(
            input_onnx_file_path=str(prepared),
            output_folder_path=str(path.parent),
            not_use_onnxsim=True,
            keep_ncw_or_nchw_or_ncdhw_input_names=names,
            keep_shape_absolutely_input_names=names,
        )
    except (Exception, SystemExit) as error:  # it raises many kinds, and exits
        raise ModelError(f"onnx2tf cannot convert it: {first_line(error)}") from error
    data = path.with_name(f"{prepared.stem}_float32.tflite").read_bytes()
    path.write_bytes(data)
    if custom := custom_operators(data):
        operators = ", ".join(spelt.get(name, name) for name in custom)
        raise ModelError(f"TensorFlow Lite has no operator for {operators}")
    _check(path, model, inputs, outputs)


def with_layout(model: onnx.ModelProto) -> onnx.ModelProto:
    """Give inputs plain names, and send outputs through two reshapes.

    onnx2tf changes names such as `images:0`. It restores an output's layout in front of a reshape, and where another
    node reads it; there it loses values with reshapes.
    """
    graph = model.graph
    read = {name for node in nodes(model) for name in node.input}
    for i, entry in enumerate(inputs_of(model)):
        graph.node.insert(0, onnx.helper.make_node("Identity", [f"{INPUT}{i}"], [entry.name], name=f"{INPUT}{i}"))
        entry.name = f"{INPUT}{i}"
    for i, output in enumerate(graph.output):
        if output.name in read:
            continue
        flat, line, shape, name = (f"edgetool_{part}_{i}" for part in ("flat", "line", "shape", "output"))
        sides = [dimension.dim_value for dimension in output.type.tensor_type.shape.dim]
        graph.initializer.append(onnx.numpy_helper.from_array(np.array([-1]), line))
        graph.initializer.append(onnx.numpy_helper.from_array(np.array(sides, np.int64), shape))
        graph.node.append(onnx.helper.make_node("Reshape", [output.name, line], [flat], name=flat))
        graph.node.append(onnx.helper.make_node("Reshape", [flat, shape], [name], name=name))
        output.name = name
    return model


def custom_operators(data: bytes) -> list[str]:
    """Return the operators of a flatbuffer that no TensorFlow Lite brings, by their names in ONNX in upper case."""
    from ai_edge_litert import schema_py_generated as schema

    codes = schema.ModelT.InitFromPackedBuf(data, 0).operatorCodes
    return sorted(code.customCode.decode().removeprefix(CUSTOM) for code in codes if code.customCode)


def first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _check(converted: Path, model: Path, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
    """Compare both models' outputs for noise. Raises ModelError."""
    from ai_edge_litert.interpreter import Interpreter

    noise = np.random.default_rng(0)
    feeds = {tensor.name: noise.standard_normal(tensor.shape, dtype=np.float32) for tensor in inputs}
    reference = open_session(model).run([tensor.name for tensor in outputs], feeds)
    try:
        interpreter: Any = Interpreter(str(converted))
        interpreter.allocate_tensors()
        for entry, tensor in zip(interpreter.get_input_details(), inputs, strict=True):
            interpreter.set_tensor(entry["index"], feeds[tensor.name])
        interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"LiteRT cannot run what onnx2tf makes of it: {first_line(error)}") from error
    for entry, tensor, wanted in zip(interpreter.get_output_details(), outputs, reference, strict=True):
        found = interpreter.get_tensor(entry["index"])
        if found.shape != wanted.shape:
            raise ModelError(f"{tensor.name} is {found.shape} in the converted model, {wanted.shape} in the .onnx")
        ratio = signal_to_noise_db(wanted, found)
        print(f"{tensor.name}: {ratio:.1f} dB of signal to noise")
        if ratio < LEAST_DB and not np.allclose(found, wanted, atol=LEAST):
            raise ModelError(f"onnx2tf's {tensor.name} differs from the .onnx's: {ratio:.0f} dB of signal to noise")
