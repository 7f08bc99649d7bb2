"""Read and write a model's files together with its description, the .json beside them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from edgetool.errors import ModelError
from edgetool.models.onnxfile import describe, digest_files, load_graph, model_files
from edgetool.models.precisions import precision_of
from edgetool.models.spec import ModelArtifact, ModelRequest, ModelSpec, SourceKind
from edgetool.platform.documents import read_document, write_document
from edgetool.platform.files import staged_file

# Formats other than ONNX, which don't contain their own description: suffix → suffixes of the files beside it.
BESIDE: Mapping[str, tuple[str, ...]] = {".tflite": (), ".param": (".bin",)}


def read_artifact(path: Path) -> ModelArtifact:
    """Read a model from its file. Without a description beside it, an .onnx tells its precision by its nodes.

    Raises ModelError, also for a file in another format without a description.
    """
    if path.is_file() and (description := _description(path)).is_file():
        spec = read_document(description, ModelSpec, error=ModelError)
        files = _files(path)
        if missing := next((file for file in files if not file.is_file()), None):
            raise ModelError(f"{path} has no {missing.name} beside it", hint="copy both files")
        if spec.sha256 != digest_files(files):
            raise ModelError(
                f"{path} was changed after {description.name} was written", hint=f"remove {description.name}"
            )
        return ModelArtifact(path=path, spec=spec, beside=() if path.suffix == ".onnx" else files[1:])
    if path.is_file() and path.suffix in BESIDE:
        raise ModelError(
            f"{path} has no description, {_description(path).name}, beside it",
            hint="`edgetool export --runtime` writes both",
        )
    precision = precision_of(load_graph(path))
    spec = describe(path, name=path.stem, precision=precision, weights=path.name, accuracy_means_something=True)
    return ModelArtifact(path=path, spec=spec)


def save_artifact(artifact: ModelArtifact, path: Path) -> ModelArtifact:
    """Copy a model and its description to `path`. Raises ModelError when it can't be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        copied = {file: _copied(file, artifact, path) for file in _files(artifact.path)}
        for file, copy in reversed(copied.items()):  # weights first, so that a model is whole or absent
            with staged_file(copy) as beside:
                shutil.copyfile(file, beside)
        write_document(_description(path), artifact.spec)
    except OSError as error:
        raise ModelError(f"cannot write {path}: {error.strerror}") from error
    return replace(artifact, path=path, beside=tuple(copied[file] for file in artifact.beside))


def _files(path: Path) -> tuple[Path, ...]:
    """Return all files of a model. Raises ModelError for an .onnx that can't be read."""
    if path.suffix not in BESIDE:
        return model_files(path)
    return (path, *(path.with_suffix(suffix) for suffix in BESIDE[path.suffix]))


def _copied(file: Path, artifact: ModelArtifact, path: Path) -> Path:
    if file == artifact.path:
        return path
    # An .onnx refers to its weights by name.
    return path.with_suffix(file.suffix) if file in artifact.beside else path.with_name(file.name)


def _description(path: Path) -> Path:
    """Return the path of the description. Only an .onnx has it under its stem: other formats lie beside it."""
    return path.with_name(f"{path.name}.json") if path.suffix in BESIDE else path.with_suffix(".json")


def source_digest(request: ModelRequest) -> str | None:
    """Return the digest of a source's files. Return None for a source that is no readable file."""
    path = Path(request.source)
    if request.kind not in (SourceKind.ONNX, SourceKind.PROGRAM) or not path.is_file():
        return None
    return digest_files(model_files(path) if request.is_onnx else (path,))


def request_of(artifact: ModelArtifact) -> ModelRequest:
    """Return the request that would produce this file. It decides which images suit the model."""
    known = artifact.spec.weights if artifact.spec.weights in ("digits", "imagenet", "coco", "random") else ""
    return ModelRequest(source=artifact.spec.name if known else str(artifact.path), weights=known)
