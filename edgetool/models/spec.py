"""Describe models: tensors, precision and origin."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from annotated_types import Gt, Le, Len

from edgetool.platform.values import FileName, Name, NonNegative, Positive, Sha256, Text, value


class Precision(StrEnum):
    FP32 = "fp32"
    FP16 = "fp16"  # weights and activations of 16 bits
    INT8 = "int8"  # static: activation ranges from calibration, QDQ form
    INT8_DYNAMIC = "int8-dynamic"  # activation ranges found anew at each inference

    @property
    def recipe(self) -> str:
        """Return the name of the step that makes this precision."""
        return {"fp32": "export", "fp16": "export", "int8": "static", "int8-dynamic": "dynamic"}[self.value]


class Task(StrEnum):
    """The task of a model."""

    CLASSIFICATION = "classification"
    DETECTION = "detection"
    SEGMENTATION = "segmentation"
    REGRESSION = "regression"
    EMBEDDING = "embedding"
    NONE = "none"  # its outputs are tensors and nothing more


class Layout(StrEnum):
    NCHW = "nchw"
    NHWC = "nhwc"


class Resize(StrEnum):
    CROP = "crop"  # fill the input, cut what is over: torchvision's classifiers
    STRETCH = "stretch"  # to the input's size, whatever becomes of the proportions: torchvision's segmenters
    PAD = "pad"  # fit into the input, fill the rest with grey 114: YOLO's letterbox


class Color(StrEnum):
    RGB = "rgb"
    BGR = "bgr"


class StatedBy(StrEnum):
    """The source of a preprocessing."""

    OPTION = "asked for"
    MODEL = "the model's own"
    NOBODY = "assumed"


Numbers = tuple[float, ...]
NORMALISATIONS: dict[str, tuple[Numbers, Numbers, float]] = {  # mean, deviation, scale
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 1 / 255),
    "zero-one": ((0.0,) * 3, (1.0,) * 3, 1 / 255),
    "minus-one-one": ((0.5,) * 3, (0.5,) * 3, 1 / 255),
    "none": ((0.0,) * 3, (1.0,) * 3, 1.0),
}


@value
class Preprocessing:
    """(pixel × scale − mean) ÷ std for each channel, with pixels of 0 to 255.

    `crop` is the share of the resized picture that the centre crop keeps; 224/256 with the mean and standard deviation
    below is torchvision's evaluation transform for its ImageNet classifiers.
    """

    mean: Annotated[Numbers, Len(1, 16)] = NORMALISATIONS["imagenet"][0]
    std: Annotated[tuple[Annotated[float, Gt(0)], ...], Len(1, 16)] = NORMALISATIONS["imagenet"][1]
    scale: Annotated[float, Gt(0)] = 1 / 255
    crop: Annotated[float, Gt(0), Le(1)] = 1.0
    resize: Resize = Resize.CROP
    color: Color = Color.RGB
    layout: Layout | None = None  # None: where the channels are follows from the input's shape
    stated_by: StatedBy = StatedBy.NOBODY

    @property
    def title(self) -> str:
        """
        >>> Preprocessing().title
        'imagenet, rgb, resize crop 1 (assumed)'
        """
        known = {numbers: name for name, numbers in NORMALISATIONS.items()}
        numbers = known.get((self.mean, self.std, self.scale))
        stated = numbers or f"mean {self.mean}, std {self.std}, scale {self.scale:g}"
        return f"{stated}, {self.color}, resize {self.resize} {self.crop:g} ({self.stated_by})"


@value
class PreprocessingRequest:
    """The user's options for preprocessing. None keeps the model's or its library's setting."""

    preset: Name | None = None  # one of NORMALISATIONS
    mean: Numbers | None = None
    std: Numbers | None = None
    scale: float | None = None
    crop: float | None = None
    resize: Resize | None = None
    color: Color | None = None
    layout: Layout | None = None


@value
class TensorSpec:
    name: Name
    dtype: Name  # ONNX's name in lower case: "float32", "int8"
    shape: Annotated[tuple[NonNegative, ...], Len(0, 32)]


@value
class ModelSpec:
    """Everything known about a model except its path. A model from ONNX keeps the file's opset and IR version."""

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
    calibration_samples: NonNegative | None = None  # inferences that ranges were taken from; None without calibration
    quantized: Text | None = None  # by which recipe; None for models of older releases and other precisions
    preprocessing: Preprocessing | None = None  # of pictures; None for models of older releases and foreign files
    task: Task | None = None  # None where nobody said and nothing makes it certain


@dataclass(frozen=True, kw_only=True)
class ModelArtifact:
    """A model's file and its description."""

    path: Path
    spec: ModelSpec
    beside: tuple[Path, ...] = ()  # its other files, in forms that have several: of the same stem

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path, *self.beside)


@dataclass(frozen=True, kw_only=True)
class Detector:
    """What torchvision's single-shot detectors take: pictures stretched to a square, normalised their own way."""

    side: int  # pixels
    mean: Numbers
    std: Numbers


DETECTORS = {
    "ssd300_vgg16": Detector(side=300, mean=(0.48235, 0.45882, 0.40784), std=(1 / 255,) * 3),
    "ssdlite320_mobilenet_v3_large": Detector(side=320, mean=(0.5,) * 3, std=(0.5,) * 3),
}
SEGMENTERS = frozenset(
    {
        *("deeplabv3_mobilenet_v3_large", "deeplabv3_resnet50", "deeplabv3_resnet101"),
        *("fcn_resnet50", "fcn_resnet101", "lraspp_mobilenet_v3_large"),
    }
)


class SourceKind(StrEnum):
    """A kind of model source, told by its form."""

    ONNX = "ONNX file"
    PROGRAM = "torch.export program"
    FACTORY = "factory"
    TIMM = "timm model"
    HUGGING_FACE = "Hugging Face model"
    TORCHVISION = "torchvision model"


PREFIXES = {"timm": SourceKind.TIMM, "hf": SourceKind.HUGGING_FACE}


@value
class ModelRequest:
    """A request for a model to export."""

    # torchvision's name, "timm:NAME", "hf:PATH-OR-ID", "package.module:factory", or a path ending in .onnx or .pt2
    source: Name = "mobilenet_v2"
    weights: Text = ""  # "digits", "imagenet", "random", or "" for the source's default
    checkpoint: Text | None = None  # a .safetensors or .pt file
    input_shape: tuple[Positive, ...] | None = None  # of the only input
    shapes: tuple[tuple[Name, tuple[Positive, ...]], ...] = ()  # of inputs by name
    task: Task | None = None
    preprocessing: PreprocessingRequest | None = None

    @property
    def kind(self) -> SourceKind:
        prefix, colon, _ = self.source.partition(":")
        if self.source.lower().endswith(".onnx"):
            return SourceKind.ONNX
        if self.source.lower().endswith(".pt2"):
            return SourceKind.PROGRAM
        if colon:
            return PREFIXES.get(prefix, SourceKind.FACTORY)
        return SourceKind.TORCHVISION

    @property
    def is_onnx(self) -> bool:
        return self.kind is SourceKind.ONNX

    @property
    def is_file(self) -> bool:
        return self.kind in (SourceKind.ONNX, SourceKind.PROGRAM)

    @property
    def is_factory(self) -> bool:
        return self.kind is SourceKind.FACTORY

    @property
    def name(self) -> str:
        """Return a short name for files and tables."""
        match self.kind:
            case SourceKind.ONNX | SourceKind.PROGRAM:
                return Path(self.source).stem
            case SourceKind.HUGGING_FACE:
                return Path(self.source.partition(":")[2]).name
            case _:
                return self.source.rpartition(":")[2]

    @property
    def origin(self) -> str:
        """Return where the weights come from: "digits", "imagenet", "coco", "random", or the name of a file."""
        if self.checkpoint is not None:
            return Path(self.checkpoint).name
        if self.is_file:
            return Path(self.source).name
        if self.weights:
            return self.weights
        match self.kind:
            case SourceKind.FACTORY:
                return "factory"
            case SourceKind.HUGGING_FACE | SourceKind.TIMM:
                return "pretrained"
            case _:
                trained = "coco" if self.source in DETECTORS or self.source in SEGMENTERS else "imagenet"
                return "digits" if self.source == "mobilenet_v2" else trained

    @property
    def default_shape(self) -> tuple[int, ...]:
        """Return the shape of a picture as input, where nobody asks for another and no library knows better."""
        detector = DETECTORS.get(self.source)
        return (1, 3, 224, 224) if detector is None else (1, 3, detector.side, detector.side)
