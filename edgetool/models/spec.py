"""What a model is: its tensors, precision, origin."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from annotated_types import Len

from edgetool.platform.values import FileName, Name, NonNegative, Positive, Sha256, Text, value


class Precision(StrEnum):
    FP32 = "fp32"
    INT8 = "int8"  # static: activation ranges from calibration, QDQ form
    INT8_DYNAMIC = "int8-dynamic"  # activation ranges found anew at each inference

    @property
    def recipe(self) -> str:
        """How a model comes to it."""
        return {"fp32": "export", "int8": "static", "int8-dynamic": "dynamic"}[self.value]


@value
class TensorSpec:
    name: Name
    dtype: Name  # ONNX's name in lower case: "float32", "int8"
    shape: Annotated[tuple[NonNegative, ...], Len(0, 32)]


@value
class ModelSpec:
    """All that is known of an ONNX file but where it lies."""

    name: FileName  # "mobilenet_v2"
    precision: Precision
    sha256: Sha256
    size_bytes: Positive
    opset: Positive
    ir_version: Positive
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    weights: Text  # where they came from: "digits", "imagenet", "random", a file's name
    accuracy_means_something: bool  # False for random weights
    parent: Sha256 | None = None  # the model this one was made from
    signal_to_noise_db: float | None = None  # against the parent, on held-out inputs


@dataclass(frozen=True, kw_only=True)
class ModelArtifact:
    """A model's file and what is known of it."""

    path: Path
    spec: ModelSpec


@value
class ModelRequest:
    """Which model to export."""

    source: Name = "mobilenet_v2"  # a torchvision name, "package.module:factory" or a path ending in .onnx
    weights: Text = ""  # "digits", "imagenet", "random", or "" for the source's default
    checkpoint: Text | None = None  # a .safetensors or .pt file
    input_shape: tuple[Positive, ...] | None = None  # (n, c, h, w)

    @property
    def is_onnx(self) -> bool:
        return self.source.endswith(".onnx")

    @property
    def is_factory(self) -> bool:
        return ":" in self.source and not self.is_onnx

    @property
    def name(self) -> str:
        """A short name for files and tables."""
        if self.is_onnx:
            return Path(self.source).stem
        return self.source.rpartition(":")[2]

    @property
    def origin(self) -> str:
        """Where the weights come from: "digits", "imagenet", "random", or the name of a file."""
        if self.checkpoint is not None:
            return Path(self.checkpoint).name
        if self.is_onnx:
            return Path(self.source).name
        if self.weights:
            return self.weights
        if self.is_factory:
            return "factory"
        return "digits" if self.source == "mobilenet_v2" else "imagenet"
