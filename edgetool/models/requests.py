"""Refuse contradictory requests before anything is loaded."""

from __future__ import annotations

from pathlib import Path

from edgetool.errors import ConfigError
from edgetool.models.spec import DETECTORS, SEGMENTERS, ModelRequest, SourceKind

TORCHSCRIPT = frozenset({".pt", ".pth", ".ts", ".torchscript"})
# Other forms of models, by the ending of their files, with what makes ONNX of them.
FOREIGN = {
    ".tflite": "tf2onnx: python -m tf2onnx.convert --tflite FILE --output model.onnx",
    ".pb": "tf2onnx: python -m tf2onnx.convert --graphdef FILE --output model.onnx --inputs … --outputs …",
    ".h5": "tf2onnx: python -m tf2onnx.convert --keras FILE --output model.onnx",
    ".keras": "Keras: model.export('model.onnx', format='onnx')",
    ".safetensors": "these are weights alone: --model package.module:factory --checkpoint FILE",
    ".bin": "these are weights alone: --model package.module:factory --checkpoint FILE",
    ".ort": "give the .onnx file that it was made from",
    ".py": "give package.module:factory, a function of it that returns the model",
}
OWN_WEIGHTS = frozenset({SourceKind.ONNX, SourceKind.PROGRAM})  # weights are part of the source


def check_request(request: ModelRequest) -> None:
    """Check a request. Raises ConfigError for an option that the source would ignore and for an unsupported source."""
    path, kind = Path(request.source), request.kind
    if kind is SourceKind.TORCHVISION and path.suffix in TORCHSCRIPT:
        raise ConfigError(
            f"{request.source} is a checkpoint or a TorchScript archive, not a model that can be exported",
            hint="a checkpoint goes with its model: --model package.module:factory --checkpoint FILE; "
            "in place of TorchScript save torch.export.export(model, args) as .pt2",
        )
    if kind is SourceKind.TORCHVISION and path.suffix.lower() in FOREIGN:
        raise ConfigError(
            f"{request.source} is not a model that can be read: .onnx and .pt2 files are",
            hint=FOREIGN[path.suffix.lower()],
        )
    if kind is SourceKind.TORCHVISION and path.parent.parts:
        raise ConfigError(
            f"{request.source} is a path, and not one of an .onnx or .pt2 file",
            hint="a model is a file, a torchvision name, timm:NAME, hf:PATH or package.module:factory",
        )
    if kind in OWN_WEIGHTS:
        for option, given in (("--checkpoint", request.checkpoint), ("--weights", request.weights)):
            if given:
                raise ConfigError(
                    f"{option} {given} would be ignored: {path.name} holds its own weights", hint=f"leave out {option}"
                )
    if kind is SourceKind.PROGRAM and (request.input_shape or request.shapes):
        raise ConfigError(
            f"--shape would be ignored: {path.name} was exported for the shapes of its example",
            hint="export the program with other shapes",
        )
    if request.weights in ("digits", "imagenet") and (request.source in DETECTORS or request.source in SEGMENTERS):
        raise ConfigError(
            f"there are no {request.weights} weights for {request.source}", hint="leave out --weights for those of COCO"
        )
    if request.checkpoint and request.weights:
        raise ConfigError("--checkpoint and --weights exclude each other", hint="leave one of them out")
    if kind in (SourceKind.FACTORY, SourceKind.HUGGING_FACE) and request.weights in ("digits", "imagenet"):
        raise ConfigError(
            f"--weights {request.weights} is for torchvision's models, and {request.source} is none",
            hint="give --checkpoint FILE, or let the factory load them",
        )
