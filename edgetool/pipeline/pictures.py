"""Show the images with which a bundle is evaluated, and run its models on a user's image."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgetool.bundles import Bundle, open_bundle
from edgetool.errors import BuildError, ModelError
from edgetool.harness.bench import put_bundle, title
from edgetool.harness.harness import BUNDLE, HarnessJob, finite_outputs, input_paths, run_harness
from edgetool.models.artifacts import request_of
from edgetool.models.images import Float32Array
from edgetool.models.preprocessing import PictureInput
from edgetool.models.spec import ModelArtifact, Precision
from edgetool.models.zoo import preprocessing_of
from edgetool.platform.store import Store
from edgetool.platform.values import value
from edgetool.targets.registry import executor_of, load_target, open_executor, target_files
from edgetool.targets.spec import Target

THERE = PurePosixPath("picture")


@value
class Guess:
    """The classes that a model predicts for an image."""

    precision: Precision
    classes: tuple[int, ...]  # most likely first
    shares: tuple[float, ...]  # softmax of their logits


def find_bundle(store: Store, bundle_id: str) -> Bundle | None:
    """Return the bundle with which a record was measured, if it is still in the cache."""
    for path in sorted((store.root / "bundle").glob("*/manifest.json")):
        try:
            bundle = open_bundle(path.parent, verify=False)
        except BuildError:
            continue  # damaged; `edgetool cache verify` reports it
        if bundle.manifest.id == bundle_id:
            return bundle
    return None


def held_out_inputs(bundle: Bundle) -> npt.NDArray[np.float32] | None:
    """Return the held-out images as model inputs, (n, channels, height, width), or None if the inputs aren't images.

    The array is memory-mapped, so images are read when they are accessed.
    """
    inputs = bundle.manifest.inputs
    if bundle.manifest.noise or len(inputs) != 1 or inputs[0].tensor.dtype != "float32":
        return None
    batch, *shape = inputs[0].tensor.shape
    if len(shape) != 3 or shape[0] not in (1, 3):
        return None
    return np.memmap(bundle.root / inputs[0].path, dtype="<f4", mode="r", shape=(inputs[0].samples * batch, *shape))


def as_picture(pixels: Float32Array) -> npt.NDArray[np.uint8]:
    """Convert (channels, height, width) in any range to (height, width, channels) of bytes from 0 to 255.

    >>> as_picture(np.array([[[-1.0, 3.0]]], dtype=np.float32)).tolist()
    [[[0], [255]]]
    """
    low, high = float(pixels.min()), float(pixels.max())
    scaled = (pixels - low) / (high - low or 1.0) * 255
    return np.ascontiguousarray(scaled.transpose(1, 2, 0).round().astype(np.uint8))


def target_nearby(name: str) -> Target | None:
    """Return a known target that is this machine or emulated on it. Return None for boards and unknown names."""
    if name not in target_files():
        return None
    target = load_target(name)
    traits = executor_of(target).traits
    return target if traits.runs_here or traits.emulates else None


def guess(bundle: Bundle, target: Target, picture: Image.Image, *, best: int = 5) -> Iterator[Guess]:
    """Run each of the bundle's models on an image.

    Raises ConfigError for a model that doesn't take images, ModelError for one that doesn't return classes, and
    whatever the harness raises.
    """
    models = bundle.manifest.models
    spec = models[0].spec
    tensor = spec.inputs[0]
    how = spec.preprocessing or preprocessing_of(
        request_of(ModelArtifact(path=bundle.root / models[0].path, spec=spec))
    )
    pixels = PictureInput(preprocessing=how, shape=tensor.shape[1:], dtype=tensor.dtype)(picture)
    with tempfile.TemporaryDirectory(prefix="edgetool-") as scratch, open_executor(target) as executor:
        np.broadcast_to(pixels, tensor.shape).tofile(Path(scratch) / "0.bin")
        put_bundle(executor, bundle)
        executor.put(Path(scratch), THERE)
        for model in models:
            job = HarnessJob(
                model=BUNDLE / model.path,
                inputs=input_paths({tensor.name: "0.bin"}, THERE),
                threads=target.benchmark.threads,
                timeout_s=target.benchmark.timeout_s,
                outputs=True,
            )
            outputs = list(run_harness(executor, bundle, job, name=title(model)).outputs.values())
            yield _guess(model.spec.precision, outputs, best, name=title(model))


def _guess(precision: Precision, outputs: Sequence[npt.NDArray[np.generic]], best: int, *, name: str) -> Guess:
    if len(outputs) != 1 or outputs[0].ndim != 2 or not finite_outputs(outputs):
        raise ModelError(f"{name}: its outputs are not classes")
    logits = outputs[0][0].astype(np.float64)
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    order = np.argsort(-shares)[:best].tolist()
    return Guess(precision=precision, classes=tuple(order), shares=tuple(float(shares[i]) for i in order))
