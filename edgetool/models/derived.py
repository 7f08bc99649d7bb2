"""Describe what was made of a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgetool.models.evaluate import open_session, run_samples, signal_to_noise_db
from edgetool.models.onnxfile import describe
from edgetool.models.samples import Samples
from edgetool.models.spec import ModelArtifact, ModelSpec, Precision


def describe_derived(model: ModelArtifact, path: Path, precision: Precision, held_out: Samples | None) -> ModelSpec:
    """Describe the .onnx at `path`, which is `model` in another precision.

    The signal-to-noise ratio against `model` is measured on `held_out` on this machine, which may compute fp16 in fp32.
    """
    ratio = None
    if held_out is not None:
        reference, found = (run_samples(open_session(file), held_out)[0] for file in (model.path, path))
        ratio = signal_to_noise_db(reference, found)
    spec = describe(
        path,
        name=model.spec.name,
        precision=precision,
        weights=model.spec.weights,
        accuracy_means_something=model.spec.accuracy_means_something,
        parent=model.spec.sha256,
        signal_to_noise_db=ratio,
        task=model.spec.task,
    )
    return replace(spec, preprocessing=model.spec.preprocessing)
