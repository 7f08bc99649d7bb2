"""Read and write a model's .onnx together with its description, the .json beside it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from edgetool.errors import ModelError
from edgetool.models.onnxfile import describe, digest_files, load_graph, model_files
from edgetool.models.precisions import precision_of
from edgetool.models.spec import ModelArtifact, ModelRequest, ModelSpec, SourceKind
from edgetool.platform.documents import read_document, write_document
from edgetool.platform.files import staged_file


def read_artifact(path: Path) -> ModelArtifact:
    """Read a model from its file. Without a description beside it, its nodes tell its precision. Raises ModelError."""
    description = path.parent / f"{path.stem}.json"
    if path.is_file() and description.is_file():
        spec = read_document(description, ModelSpec, error=ModelError)
        if spec.sha256 != digest_files(model_files(path)):
            raise ModelError(
                f"{path} was changed after {description.name} was written", hint=f"remove {description.name}"
            )
        return ModelArtifact(path=path, spec=spec)
    precision = precision_of(load_graph(path))
    spec = describe(path, name=path.stem, precision=precision, weights=path.name, accuracy_means_something=True)
    return ModelArtifact(path=path, spec=spec)


def save_artifact(artifact: ModelArtifact, path: Path) -> ModelArtifact:
    """Copy a model and its description to `path`. Raises ModelError when it can't be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for file in reversed(model_files(artifact.path)):  # weights first, so that a model is whole or absent
            with staged_file(path if file == artifact.path else path.with_name(file.name)) as beside:
                shutil.copyfile(file, beside)
        write_document(path.with_suffix(".json"), artifact.spec)
    except OSError as error:
        raise ModelError(f"cannot write {path}: {error.strerror}") from error
    return replace(artifact, path=path)


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
