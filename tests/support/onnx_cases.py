"""ONNX's backend tests as a file that a board without the package `onnx` can read."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
from onnx import numpy_helper

from edgetool.runtimes.onnxruntime.sources import SourceTree

GROUPS = ("node", "simple", "pytorch-operator", "pytorch-converted")  # those that come with their data
COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)


def pack_cases(tree: SourceTree, destination: Path) -> tuple[str, ...]:
    """Write the cases of ONNX's release that ORT was built with, with the makers' tolerances. Return their names."""
    data = tree.dependencies / "onnx" / "onnx" / "backend" / "test" / "data"
    overrides = tree.onnxruntime / "onnxruntime" / "test" / "testdata" / "onnx_backend_test_series_overrides.jsonc"
    limits = json.loads(COMMENT.sub("", overrides.read_text()))
    cases = []
    for folder in (path for group in GROUPS for path in sorted((data / group).iterdir())):
        if (folder / "model.onnx").is_file():
            rtol = limits["rtol_overrides"].get(folder.name, limits["rtol_default"])
            atol = limits["atol_overrides"].get(folder.name, limits["atol_default"])
            model = (folder / "model.onnx").read_bytes()
            cases.append((folder.name, model, list(_sets(folder)), rtol, atol))
    destination.write_bytes(pickle.dumps(cases, protocol=4))
    return tuple(name for name, *_ in cases)


def _sets(folder: Path) -> Iterator[tuple[list[Any], list[Any]]]:
    graph = onnx.load(folder / "model.onnx", load_external_data=False).graph
    given = list(graph.input)
    for data in sorted(folder.glob("test_data_set_*")):
        yield _values(data, "input", given), _values(data, "output", list(graph.output))


def _values(data: Path, kind: str, described: list[onnx.ValueInfoProto]) -> list[Any]:
    files = sorted(data.glob(f"{kind}_*.pb"), key=lambda path: int(path.stem.rpartition("_")[2]))
    return [_value(path.read_bytes(), each.type) for path, each in zip(files, described, strict=False)]


def _value(raw: bytes, kind: onnx.TypeProto) -> Any:
    if kind.HasField("optional_type"):
        return numpy_helper.to_optional(onnx.OptionalProto.FromString(raw))
    if kind.HasField("sequence_type"):
        return numpy_helper.to_list(onnx.SequenceProto.FromString(raw))
    tensor = onnx.TensorProto.FromString(raw)
    array = numpy_helper.to_array(tensor)
    # NumPy on a board has none of the narrow types, which ml_dtypes adds here.
    return array if array.dtype.isbuiltin == 1 else array.view(f"u{array.dtype.itemsize}")
