"""Read model inputs by name: from an .npz, a user's function, or pictures for a single input."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.errors import ConfigError, ModelError
from edgetool.models.functions import find_function, from_here, is_function_name
from edgetool.models.images import TRUTH, ImageSet, Split, truth_of
from edgetool.models.spec import TensorSpec
from edgetool.models.tasks.base import Truth
from edgetool.platform.arrays import read_npz

Array = npt.NDArray[Any]
MOST_SAMPLES = 10_000  # taken from a function, which may be endless
LABELS, PICTURES = "labels", "images"


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """Inputs by name, each of shape (samples, *input shape), with labels where they are known."""

    arrays: Mapping[str, Array]
    labels: npt.NDArray[np.int64] | None = None
    truth: Truth = field(default_factory=dict)  # what other tasks and metrics judge by

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def feeds(self) -> Iterable[dict[str, Array]]:
        """Yield the inputs of one inference at a time."""
        return ({name: array[i] for name, array in self.arrays.items()} for i in range(len(self)))


def of_images(images: ImageSet, inputs: Sequence[TensorSpec], name: str) -> Samples:
    """Return images as samples of a model's single input, in its batch size. Raises ModelError."""
    if (
        len(inputs) != 1
        or inputs[0].dtype != images.inputs.dtype.name
        or inputs[0].shape[1:] != images.inputs.shape[1:]
    ):
        raise ModelError(
            f"the inputs of {name} are {described(inputs)}, not one of {images.inputs.dtype} images "
            f"{images.inputs.shape[1:]}",
            hint="give an .npz with an array for each input by its name, or package.module:samples",
        )
    shape = inputs[0].shape
    samples = len(images) // shape[0]
    if samples == 0 and len(images) > 0:
        raise ModelError(f"{name} takes {shape[0]} images at a time and there are {len(images)}")
    whole = samples * shape[0]
    return Samples(
        arrays={inputs[0].name: images.inputs[:whole].reshape(samples, *shape)},
        labels=None if images.labels is None else images.labels[:whole],
        truth={name: array[:whole] for name, array in images.truth.items()},
    )


def described(inputs: Sequence[TensorSpec]) -> str:
    return ", ".join(f"{tensor.name}: {tensor.dtype} {tensor.shape}" for tensor in inputs)


def read_samples(
    source: Path, inputs: Sequence[TensorSpec], *, split: Split, whole: bool, limit: int | None
) -> Samples | None:
    """Read inputs by name from an .npz or a user's function. Return None for a source of pictures.

    An .npz holds an array for each input, by its name or by `<split>_<name>`, of shape (samples, *the input's shape)
    or, where the input's first axis is a batch, (n, *the rest); `labels` and `truth_NAME` are optional. A function
    gives a mapping of input names to arrays of an input's own shape for each sample, and of `truth_NAME` to what is
    right.
    Every fifth sample is held out unless `whole`.
    Raises ConfigError for arrays that do not fit.
    """
    if is_function_name(str(source)):
        (arrays, truth), labels, divided = _from_function(str(source), inputs), None, False
    elif source.suffix == ".npz" and (found := _from_npz(source, inputs, split)) is not None:
        arrays, truth, labels, divided = found
    else:
        return None
    grouped = {tensor.name: _group(source, tensor, arrays[tensor.name]) for tensor in inputs}
    counts = {len(array) for array in grouped.values()}
    if len(counts) != 1 or 0 in counts:
        raise ConfigError(
            f"{source}: inputs of different numbers of samples: "
            + ", ".join(f"{name} {len(array)}" for name, array in grouped.items())
        )
    chosen = slice(None) if divided or whole else split.choose(counts.pop())
    return Samples(
        arrays={name: array[chosen][:limit] for name, array in grouped.items()},
        labels=None if labels is None else labels[chosen][:limit].astype(np.int64),
        truth={name: array[chosen][:limit] for name, array in truth.items()},
    )


def read_only_input(name: str, *, split: Split, whole: bool, limit: int | None) -> Array | None:
    """Read a user's samples for a model whose inputs aren't known yet: (samples × batch, *the rest).

    Return None unless they are of a single float32 input. Raises ConfigError for samples that differ in form.
    """
    inputs = {key: array for key, array in _call(name)[0].items() if not key.startswith(TRUTH)}
    if [array.dtype.name for array in inputs.values()] != ["float32"]:
        return None
    ((key, array),) = inputs.items()
    tensor = TensorSpec(name=key, dtype="float32", shape=array.shape)
    samples = read_samples(Path(name), (tensor,), split=split, whole=whole, limit=limit)
    return None if samples is None or not array.ndim else np.concatenate(samples.arrays[key])


def function_digest(name: str) -> str:
    """Return a digest of all samples that a user's function yields."""
    digest = hashlib.sha256()
    for sample in _call(name):
        for key, array in sorted(sample.items()):
            digest.update(f"{key}\0{array.dtype}\0{array.shape}\0".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _call(name: str) -> list[dict[str, Array]]:
    function = find_function(name)
    try:
        with from_here():
            samples = list(islice(iter(function()), MOST_SAMPLES))
    except Exception as error:  # the user's own code may raise anything
        raise ConfigError(f"{name} raised {type(error).__name__}: {error}") from error
    if not samples or not all(isinstance(sample, Mapping) for sample in samples):
        raise ConfigError(
            f"{name} gave {f'a {type(samples[0]).__name__}' if samples else 'nothing'}",
            hint="it must give, for each sample, a dict of input names to NumPy arrays",
        )
    return [{str(key): np.asarray(array) for key, array in sample.items()} for sample in samples]


def _from_function(name: str, inputs: Sequence[TensorSpec]) -> tuple[dict[str, Array], dict[str, Array]]:
    samples = _call(name)
    for i, sample in enumerate(samples):
        for tensor in inputs:
            if tensor.name not in sample or sample[tensor.name].shape != tensor.shape:
                found = ", ".join(f"{key} {array.shape}" for key, array in sample.items())
                raise ConfigError(f"{name}: sample {i} is {found}", hint=f"the model's inputs: {described(inputs)}")
    arrays = {tensor.name: np.stack([sample[tensor.name] for sample in samples]) for tensor in inputs}
    truth = sorted({key for sample in samples for key in sample if key.startswith(TRUTH)})
    try:
        return arrays, {key.removeprefix(TRUTH): np.stack([sample[key] for sample in samples]) for key in truth}
    except (KeyError, ValueError) as error:
        raise ConfigError(f"{name}: the truth of its samples differs in names or shapes: {error}") from error


def _from_npz(
    file: Path, inputs: Sequence[TensorSpec], split: Split
) -> tuple[dict[str, Array], dict[str, Array], Array | None, bool] | None:
    """Return the arrays, the truth, the labels, and whether the file itself defines the splits."""
    if [tensor.name for tensor in inputs] == [PICTURES]:  # YOLO's name for its input is that of pictures, too
        return None
    held = read_npz(file, error=ConfigError)
    for prefix in (f"{split}_", ""):
        if all(prefix + tensor.name in held for tensor in inputs):
            arrays = {tensor.name: held[prefix + tensor.name] for tensor in inputs}
            count = len(next(iter(arrays.values())))
            return arrays, truth_of(file, held, prefix, count), held.get(prefix + LABELS), bool(prefix)
    if len(inputs) == 1:
        return None  # `images` of the only input
    raise ConfigError(
        f"{file} holds {', '.join(list(held)[:8]) or 'nothing'}, and not an array for each of the model's inputs",
        hint=f"the model's inputs: {described(inputs)}",
    )


def _group(source: Path, tensor: TensorSpec, array: Array) -> Array:
    """Reshape to (samples, *input shape) and convert to the input's type."""
    if array.shape[1:] != tensor.shape:
        if not tensor.shape or array.shape[1:] != tensor.shape[1:]:
            raise ConfigError(
                f"{source}: {tensor.name} has shape {array.shape}",
                hint=f"wanted (samples, {', '.join(map(str, tensor.shape))})",
            )
        count = len(array) // tensor.shape[0]
        array = array[: count * tensor.shape[0]].reshape(count, *tensor.shape)
    if not np.can_cast(array.dtype, tensor.dtype, "same_kind"):
        raise ConfigError(f"{source}: {tensor.name} is {array.dtype}, the model takes {tensor.dtype}")
    return array.astype(tensor.dtype, copy=False)
