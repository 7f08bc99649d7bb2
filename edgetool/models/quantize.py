"""Quantize fp32 ONNX models to int8."""

from __future__ import annotations

import io
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from difflib import get_close_matches
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, assert_never

from edgetool.errors import ModelError, QuantizeError
from edgetool.models.derived import describe_derived
from edgetool.models.evaluate import open_session
from edgetool.models.half import halve_nodes
from edgetool.models.images import ImageSet
from edgetool.models.onnxfile import load_graph
from edgetool.models.ranges import write_least_squares_ranges
from edgetool.models.recipes import Float, Form, Integer, Ranges, Recipe
from edgetool.models.samples import Samples, of_images
from edgetool.models.spec import ModelArtifact, Precision
from edgetool.platform.documents import write_document

DEFAULT = Recipe()
HELD_AT_ONCE = 8


class Quantization(StrEnum):
    STATIC = "static"
    DYNAMIC = "dynamic"

    @property
    def precision(self) -> Precision:
        match self:
            case Quantization.STATIC:
                return Precision.INT8
            case Quantization.DYNAMIC:
                return Precision.INT8_DYNAMIC
            case _:
                assert_never(self)


def quantize_model(
    model: ModelArtifact,
    folder: Path,
    *,
    quantization: Quantization = Quantization.STATIC,
    recipe: Recipe = DEFAULT,
    calibration: ImageSet | Samples | None = None,
    held_out: ImageSet | Samples | None = None,
) -> ModelArtifact:
    """Write `model.onnx` and `model.json` to `folder`.

    Static quantization follows `recipe` and finds ranges over `calibration`. Activations are unsigned by default: ONNX
    Runtime fuses the whole graph with unsigned activations. With signed ones it does so on Arm only; elsewhere
    MobileNetV2 keeps 15 of its 52 convolutions and all additions in float.
    Dynamic quantization has signed weights and quantizes activations at each inference. The signal-to-noise ratio
    against `model` is measured on `held_out`. Raises QuantizeError.
    """
    _check_float(model)
    path = folder / "model.onnx"
    samples = None if calibration is None else _samples(model, calibration)
    open_session(model.path)  # what this machine's runtime doesn't load, such as an operator of one's own, ends here
    with tempfile.TemporaryDirectory(dir=folder) as scratch, _quiet():
        prepared = Path(scratch) / "prepared.onnx"
        try:
            match quantization:
                case Quantization.STATIC:
                    _quantize_static(model.path, prepared, path, samples, recipe)
                case Quantization.DYNAMIC:
                    _forget_shapes(model.path, prepared)
                    _quantize_dynamic(prepared, path)
                case _:
                    assert_never(quantization)
        except (QuantizeError, ModelError):
            raise
        except Exception as error:  # ONNX Runtime's and protobuf's exceptions derive from Exception and nothing nearer
            raise QuantizeError(f"{model.spec.name}: cannot quantize: {str(error).strip().splitlines()[0]}") from error
    judged = None if held_out is None else _samples(model, held_out)
    spec = describe_derived(model, path, quantization.precision, judged)
    if quantization is Quantization.STATIC and samples is not None:
        spec = replace(spec, calibration_samples=len(samples), quantized=recipe.title)
    write_document(folder / "model.json", spec)
    return ModelArtifact(path=path, spec=spec)


def _check_float(model: ModelArtifact) -> None:
    """Refuse models that aren't fp32. ONNX Runtime's quantizer never ends on a quantized model."""
    match model.spec.precision:
        case Precision.FP32:
            return
        case Precision.FP16:
            hint = "quantize the fp32 model that it was made from"
        case _:
            hint = "package and bench it as it is"
    raise QuantizeError(f"{model.spec.name} is {model.spec.precision} already", hint=hint)


def prepared(source: Path, destination: Path) -> Path:
    """Infer shapes and fold constants, so that the quantizer sees every activation's type.

    Nodes have the same names as in the int8 model; those without get one of their output's. Raises QuantizeError.
    """
    with _quiet():
        try:
            _prepare(source, destination)
        except Exception as error:  # ONNX Runtime's and protobuf's exceptions derive from Exception and nothing nearer
            raise QuantizeError(f"{source.name}: cannot be prepared: {str(error).strip().splitlines()[0]}") from error
    return destination


def _prepare(source: Path, destination: Path) -> None:
    from onnxruntime.quantization.shape_inference import quant_pre_process

    quant_pre_process(source, destination, skip_symbolic_shape=True)
    _name_nodes(destination)


def _name_nodes(path: Path) -> None:
    """Name the nodes that the exporter left without, so that they can be compared and kept in fp32."""
    import onnx

    model = onnx.load(path, load_external_data=False)
    unnamed = [node for node in model.graph.node if not node.name]
    for node in unnamed:
        node.name = f"{node.op_type}:{node.output[0]}"  # an output's name is that of one node only
    if unnamed:
        onnx.save(model, path)


def _forget_shapes(source: Path, destination: Path) -> None:
    """Drop the recorded shapes of inner tensors. They are wrong once the dynamic quantizer has transposed weights."""
    import onnx

    model = onnx.load(source)
    del model.graph.value_info[:]
    onnx.save(model, destination)


class CalibrationFeeds:
    """Feed calibration samples to ONNX Runtime, as its CalibrationDataReader."""

    def __init__(self, feeds: Sequence[Mapping[str, Any]]) -> None:
        self._feeds = feeds
        self._left = iter(feeds)

    def __len__(self) -> int:
        return len(self._feeds)

    def set_range(self, start_index: int, end_index: int) -> None:
        self._left = iter(self._feeds[start_index:end_index])

    def get_next(self) -> Mapping[str, Any] | None:
        return next(self._left, None)


def _stride(recipe: Recipe, count: int) -> int | None:
    """Return how many inferences' activations are held at once. Histograms need all values, a range doesn't."""
    if recipe.ranges is Ranges.MIN_MAX:
        return None
    return next(stride for stride in range(HELD_AT_ONCE, 0, -1) if count % stride == 0)


def _samples(model: ModelArtifact, images: ImageSet | Samples) -> Samples:
    return of_images(images, model.spec.inputs, model.spec.name) if isinstance(images, ImageSet) else images


def _quantize_static(model: Path, source: Path, destination: Path, samples: Samples | None, recipe: Recipe) -> None:
    """Quantize a model by way of `source`, where it is prepared. Raises QuantizeError."""
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    if samples is None or len(samples) == 0:
        raise QuantizeError(
            "static quantization needs calibration images or other inputs",
            hint="give --calibration, a folder of pictures, an .npz or package.module:samples, or use --dynamic",
        )
    _prepare(model, source)
    _check_nodes(source, recipe)
    if recipe.activations is Integer.INT8 and recipe.weights is Integer.UINT8:
        raise QuantizeError(
            "ONNX Runtime has no int8 activations with uint8 weights", hint="take int8 weights, or uint8 activations"
        )
    feeds = list(samples.feeds())
    types = {Integer.INT8: QuantType.QInt8, Integer.UINT8: QuantType.QUInt8}
    options = {}
    if recipe.ranges is Ranges.MSE:
        options["calibration_cache_path"] = source.with_name("ranges.json")
        write_least_squares_ranges(source, partial(_collect, feeds), options["calibration_cache_path"])
    quantize_static(
        source,
        destination,
        CalibrationFeeds(feeds),
        quant_format={Form.QDQ: QuantFormat.QDQ, Form.QOPERATOR: QuantFormat.QOperator}[recipe.form],
        per_channel=recipe.per_channel,
        activation_type=types[recipe.activations],
        weight_type=types[recipe.weights],
        nodes_to_exclude=list(recipe.keep_float),
        calibrate_method={
            Ranges.MIN_MAX: CalibrationMethod.MinMax,
            Ranges.ENTROPY: CalibrationMethod.Entropy,
            Ranges.PERCENTILE: CalibrationMethod.Percentile,
            Ranges.MSE: CalibrationMethod.MinMax,  # as which its cache is read
        }[recipe.ranges],
        extra_options={"ActivationSymmetric": recipe.symmetric, "CalibStridedMinMax": _stride(recipe, len(feeds))},
        **options,
    )
    if recipe.keep_float and recipe.kept_in is Float.FP16:
        halve_nodes(destination, recipe.keep_float)


def _collect(feeds: Sequence[Mapping[str, Any]], calibrator: Any) -> None:
    """Feed samples to one of ONNX Runtime's calibrators, the activations of a few at a time."""
    for start in range(0, len(feeds), HELD_AT_ONCE):
        calibrator.collect_data(CalibrationFeeds(feeds[start : start + HELD_AT_ONCE]))


def _check_nodes(prepared: Path, recipe: Recipe) -> None:
    """Check that the nodes to keep in fp32 exist. Raises QuantizeError."""
    names = {node.name for node in load_graph(prepared).graph.node}
    if absent := [name for name in recipe.keep_float if name not in names]:
        near = get_close_matches(absent[0], names, n=3)
        raise QuantizeError(
            f"there is no node {absent[0]!r} to keep in fp32",
            hint=f"did you mean {', '.join(near)}?" if near else "`edgetool diff` lists a model's nodes",
        )


def _quantize_dynamic(source: Path, destination: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(source, destination, weight_type=QuantType.QInt8)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the quantizer: it logs advice that `prepared` has followed already, and prints its progress."""
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)
