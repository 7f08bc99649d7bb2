"""A model's .onnx with its description in the .json beside it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from edgetool.errors import ModelError
from edgetool.models.onnxfile import describe
from edgetool.models.spec import ModelArtifact, ModelRequest, ModelSpec, Precision
from edgetool.platform.documents import read_document, write_document
from edgetool.platform.files import sha256_file


def read_artifact(path: Path) -> ModelArtifact:
    """A model by its file; one without a description of ours is fp32 from an unknown place. Raises ModelError."""
    description = path.with_suffix(".json")
    if path.is_file() and description.is_file():
        spec = read_document(description, ModelSpec, error=ModelError)
        if spec.sha256 != sha256_file(path):
            raise ModelError(
                f"{path} was changed after {description.name} was written", hint=f"remove {description.name}"
            )
        return ModelArtifact(path=path, spec=spec)
    spec = describe(path, name=path.stem, precision=Precision.FP32, weights=path.name, accuracy_means_something=True)
    return ModelArtifact(path=path, spec=spec)


def save_artifact(artifact: ModelArtifact, path: Path) -> ModelArtifact:
    """Copy a model and its description to `path`. Raises ModelError when it can't be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.partial")
        try:
            shutil.copyfile(artifact.path, beside)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        write_document(path.with_suffix(".json"), artifact.spec)
    except OSError as error:
        raise ModelError(f"cannot write {path}: {error.strerror}") from error
    return replace(artifact, path=path)


def request_of(artifact: ModelArtifact) -> ModelRequest:
    """The request that this file would come from: it decides which images suit the model."""
    known = artifact.spec.weights if artifact.spec.weights in ("digits", "imagenet", "random") else ""
    return ModelRequest(source=artifact.spec.name if known else str(artifact.path), weights=known)
