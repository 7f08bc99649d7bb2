"""Export PyTorch models to ONNX and compare the two on real input. Check ONNX files and convert them where needed."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import shutil
import traceback
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import onnx

from edgetool.errors import ExportError
from edgetool.models.evaluate import open_session
from edgetool.models.images import ImageSet
from edgetool.models.onnxfile import (
    describe,
    digest_files,
    external_files,
    load_graph,
    load_model,
    model_files,
    opset_of,
    save_model,
)
from edgetool.models.opsets import NEWEST_IR, NEWEST_OPSET, OLDEST_OPSET, SHIPPED, bring_to, lower_ir
from edgetool.models.outputs import Example, flatten, name_outputs
from edgetool.models.precisions import has_bfloat16, precision_of, widen_bfloat16
from edgetool.models.preprocessing import to_metadata
from edgetool.models.requests import check_request
from edgetool.models.shapes import ONLY, fix_shapes
from edgetool.models.spec import ModelArtifact, ModelRequest, StatedBy
from edgetool.models.tasks.table import guess_task
from edgetool.models.zoo import BuiltModel, build_model, import_torch, preprocessing_of
from edgetool.platform.documents import write_document
from edgetool.platform.files import write_atomically

if TYPE_CHECKING:
    import torch

# Largest difference from PyTorch, as a share of the largest output: fp32 sums in another order differ by less.
TOLERANCE = 1e-4
HALF_TOLERANCE = 2e-2  # fp16 has 11 bits: 5e-4 for each rounding, which add up over the layers
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
USER_LINE = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<name>\w+)')
NODE = re.compile(r"(?:node|op)\s+['%]?(?P<node>[\w.:]+)")


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A model as ONNX, with a list of the conversions."""

    artifact: ModelArtifact
    difference: float | None  # largest relative difference from PyTorch; None for an ONNX file
    notes: tuple[str, ...] = ()  # what was converted


def export_model(
    request: ModelRequest,
    folder: Path,
    *,
    opset: int,
    newest_opset: int = NEWEST_OPSET[SHIPPED],
    newest_ir: int = NEWEST_IR[SHIPPED],
    calibration: ImageSet | None = None,
    weights_cache: Path | None = None,
    mirror: str | None = None,
    log: Path | None = None,
) -> Exported:
    """Write `model.onnx` and `model.json` to `folder`.

    Export PyTorch models for `opset`. Convert an ONNX file only when its opset or IR version is newer than the runtimes
    support, or its opset is older than `OLDEST_OPSET`. Write a failed exporter's report to `log`.
    Raises ConfigError, ModelError or ExportError.
    """
    check_request(request)
    path = folder / "model.onnx"
    if request.is_onnx:
        difference, notes = None, _take_over(request, path, newest_opset=newest_opset, newest_ir=newest_ir)
    else:
        difference, notes = _from_pytorch(request, path, opset, calibration, weights_cache or folder, mirror, log), ()
    spec = describe(
        path,
        name=request.name,
        precision=precision_of(load_graph(path)),
        weights=request.origin,
        accuracy_means_something=request.origin != "random",
        called=Path(request.source) if request.is_onnx else None,
    )
    stated = preprocessing_of(request)
    if stated.stated_by is not StatedBy.NOBODY and stated != spec.preprocessing:
        graph = load_graph(path)
        to_metadata(graph, stated)
        onnx.save(graph, path)
        size_bytes = sum(file.stat().st_size for file in model_files(path))
        spec = replace(spec, sha256=digest_files(model_files(path)), size_bytes=size_bytes)
    spec = replace(spec, preprocessing=stated)
    spec = replace(spec, task=request.task or guess_task(request.kind, request.source, spec.outputs))
    write_document(folder / "model.json", spec)
    return Exported(artifact=ModelArtifact(path=path, spec=spec), difference=difference, notes=notes)


def _take_over(request: ModelRequest, path: Path, *, newest_opset: int, newest_ir: int) -> tuple[str, ...]:
    """Copy the user's file and change only what runtimes require. Return the list of changes."""
    source = Path(request.source)
    model = load_model(source)
    notes = []
    shapes = {**({ONLY: request.input_shape} if request.input_shape else {}), **dict(request.shapes)}
    opset = opset_of(model)
    if has_bfloat16(model):
        model = widen_bfloat16(model)
        notes.append("bfloat16 widened to float32")
    if not OLDEST_OPSET <= opset <= newest_opset:
        model = bring_to(model, source, oldest=OLDEST_OPSET, newest=newest_opset)
        notes.append(f"opset {opset} converted to {opset_of(model)}")
    if shapes:
        model = fix_shapes(model, source, shapes)
    if model.ir_version > newest_ir:
        notes.append(f"IR version {model.ir_version} lowered to {newest_ir}")
        model = lower_ir(model, newest_ir)
    if not notes and not shapes and not external_files(load_graph(source), source):
        shutil.copyfile(source, path)
    else:
        save_model(model, path)
    return tuple(notes)


def _from_pytorch(
    request: ModelRequest,
    path: Path,
    opset: int,
    calibration: ImageSet | None,
    weights_cache: Path,
    mirror: str | None,
    log: Path | None,
) -> float:
    """Export, and return the largest difference from PyTorch ÷ the largest output."""
    import_torch()
    built = build_model(request, calibration=calibration, weights_cache=weights_cache, mirror=mirror)
    example = _example(request, built, calibration)
    reference = _run(built.module, example, request)
    with _say_why(request, opset, log):
        _export(flatten(built.module, example), example, example.names(built.module), list(reference), path, opset)
    difference = _difference(path, dict(zip(example.names(built.module), example.tensors, strict=True)), reference)
    half = any(array.dtype == np.float16 for array in reference.values())
    tolerance = HALF_TOLERANCE if half else TOLERANCE
    if difference > tolerance:
        raise ExportError(
            f"{request.name}: ONNX differs from PyTorch by {difference:.1e} of the largest output",
            hint=f"at most {tolerance} is accepted; look for a layer that behaves differently in training",
        )
    return difference


def _example(request: ModelRequest, built: BuiltModel, calibration: ImageSet | None) -> Example:
    """Return the factory's example, real input of the model's shape, or seeded noise, in this order."""
    import torch

    if built.example is not None:
        return built.example
    shape = request.input_shape or built.input_shape or request.default_shape
    if calibration is not None and calibration.inputs.shape[1:] == shape[1:] and len(calibration) >= shape[0]:
        inputs = calibration.inputs[: shape[0]]
    else:
        inputs = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    tensor = torch.from_numpy(inputs)
    return Example(kwargs={built.keyword: tensor}) if built.keyword else Example(args=(tensor,))


def _run(model: torch.nn.Module, example: Example, request: ModelRequest) -> dict[str, npt.NDArray[Any]]:
    """Run the model in PyTorch and return its outputs by their ONNX names. Raises ExportError, ModelError."""
    import torch

    try:
        with torch.inference_mode():
            outputs = model(*example.args, **example.kwargs)
    except Exception as error:  # the user's own code may raise anything
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in example.tensors)
        raise ExportError(
            f"{request.name} does not run on an input of shape {shapes}: {_first_line(error)}",
            hint="give --shape for another size; for other inputs let the factory return (model, example)",
        ) from error
    return {name: tensor.detach().cpu().numpy() for name, tensor in name_outputs(outputs)}


def _export(
    model: torch.nn.Module, example: Example, inputs: list[str], outputs: list[str], path: Path, opset: int
) -> None:
    import torch

    program = torch.onnx.export(
        model,
        example.tensors,
        dynamo=True,
        verbose=False,
        opset_version=opset,
        input_names=inputs,
        output_names=outputs,
    )
    assert program is not None
    # Weights beside the graph where one file cannot hold both.
    large = sum(p.numel() * p.element_size() for p in model.parameters()) > 1.9 * 1024**3
    program.save(path, external_data=large)


@contextlib.contextmanager
def _say_why(request: ModelRequest, opset: int, log: Path | None) -> Iterator[None]:
    """Report an exporter's error in three lines: what failed, why, and where. Its own report goes to `log`."""
    logger = logging.getLogger("torch.onnx")
    symbols = logging.getLogger("torch.fx.experimental.symbolic_shapes")
    levels = logger.level, symbols.level
    logger.setLevel(logging.ERROR)
    symbols.setLevel(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")  # about the exporter's own insides
            yield
    except Exception as error:  # torch.export and the exporter raise RuntimeError, TypeError, ValueError and their own
        if log is not None:
            report = COLOURS.sub("", "".join(traceback.format_exception(error)))
            write_atomically(log, report.encode())
        root, text = _root(error), COLOURS.sub("", f"{error}\n{_root(error)}")
        where = _place(text)
        kept = "" if log is None else f"; the exporter's report is in {log}"
        raise ExportError(
            f"PyTorch cannot export {request.name} for opset {opset}: {COLOURS.sub('', _first_line(root))}"
            + (f"\n  {where}" if where else ""),
            hint=f"a branch or a loop on a tensor's value needs torch.cond or torch.where{kept}"
            if "data-dependent" in text
            else f"try another --opset, or change the model there{kept}",
        ) from error
    finally:
        logger.setLevel(levels[0])
        symbols.setLevel(levels[1])


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _place(text: str) -> str:
    """Return the line of the user's code that the exporter names, or else the node."""
    lines = [match for match in USER_LINE.finditer(text) if "site-packages" not in match["file"]]
    if lines:
        return f"at {lines[-1]['file']}:{lines[-1]['line']}, in {lines[-1]['name']}"
    node = NODE.search(text)
    return f"at node {node['node']}" if node else ""


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _difference(path: Path, inputs: Mapping[str, torch.Tensor], reference: Mapping[str, npt.NDArray[Any]]) -> float:
    """Return the largest difference over all outputs, relative to each output's largest value."""
    session = open_session(path)
    taken = {entry.name for entry in session.get_inputs()}
    feeds = {name: tensor.numpy() for name, tensor in inputs.items() if name in taken}
    worst = 0.0
    for wanted, found in zip(reference.values(), session.run(None, feeds), strict=True):
        a, b = np.asarray(wanted, np.float64), np.asarray(found, np.float64)
        worst = max(worst, float(np.abs(a - b).max(initial=0.0) / max(np.abs(a).max(initial=0.0), 1e-30)))
    return worst
