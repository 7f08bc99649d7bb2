"""Build PyTorch models by name, from torchvision, timm, Hugging Face or a user's factory."""

from __future__ import annotations

import contextlib
import importlib
import os
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

from edgetool.errors import ConfigError, ExportError, ModelError
from edgetool.models.functions import find_function, from_here
from edgetool.models.images import ImageSet
from edgetool.models.onnxfile import load_graph
from edgetool.models.outputs import Example, example_of
from edgetool.models.preprocessing import as_asked, from_metadata
from edgetool.models.spec import DETECTORS, SEGMENTERS, ModelRequest, Preprocessing, Resize, SourceKind, StatedBy
from edgetool.models.weights import download_pretrained, load_weights
from edgetool.platform.catalog import data_folder
from edgetool.platform.names import name_hint
from edgetool.platform.store import cache_root

if TYPE_CHECKING:
    import torch

DIGITS_CLASSES = 10
SEED = 20


def digits_checkpoint() -> Path:
    return data_folder("examples") / "digits" / "mobilenet_v2_digits.safetensors"


def digits_gates() -> Path:
    return data_folder("examples") / "digits" / "gates.toml"


def digits_images() -> Path:
    return data_folder("examples") / "digits" / "digits.npz"


def preprocessing_of(request: ModelRequest) -> Preprocessing:
    """Return a source's preprocessing: the user's, or the model's or its library's, or ImageNet's.

    Raises ConfigError for options that don't fit.
    """
    return as_asked(request.preprocessing, _stated(request))


def _stated(request: ModelRequest) -> Preprocessing:
    own = Preprocessing(stated_by=StatedBy.MODEL)
    match request.kind:
        case SourceKind.TORCHVISION if (detector := DETECTORS.get(request.source)) is not None:
            return replace(own, mean=detector.mean, std=detector.std, resize=Resize.STRETCH)
        case SourceKind.TORCHVISION if request.source in SEGMENTERS:
            return replace(own, resize=Resize.STRETCH)
        case SourceKind.ONNX:
            return from_metadata(load_graph(Path(request.source))) or Preprocessing()
        case SourceKind.TORCHVISION if request.origin == "imagenet":
            import torchvision

            with contextlib.suppress(ValueError, AttributeError):  # a model without such weights or such a transform
                transform = torchvision.models.get_model_weights(request.source).DEFAULT.transforms()
                crop = transform.crop_size[0] / transform.resize_size[0]
                return replace(own, mean=tuple(transform.mean), std=tuple(transform.std), crop=min(1.0, crop))
        case SourceKind.TORCHVISION if request.origin == "digits":
            return own
        case SourceKind.TIMM:
            settings = _library("timm", request.source).get_pretrained_cfg(request.name)
            if settings is not None:
                return replace(own, mean=settings.mean, std=settings.std, crop=min(1.0, settings.crop_pct or 1.0))
        case SourceKind.HUGGING_FACE:
            library = _library("transformers", request.source)
            with contextlib.suppress(OSError, ValueError, AttributeError):  # without a description of its images
                made = library.AutoImageProcessor.from_pretrained(request.source.partition(":")[2])
                mean, std = tuple(made.image_mean), tuple(made.image_std)
                return replace(own, mean=mean, std=std, scale=made.rescale_factor, resize=Resize.STRETCH)
    return Preprocessing()


@dataclass(frozen=True, kw_only=True, eq=False)
class BuiltModel:
    """A PyTorch model in evaluation mode with its weights, and what its source states about its inputs."""

    module: torch.nn.Module
    example: Example | None = None  # the factory's own
    input_shape: tuple[int, ...] | None = None  # (n, c, h, w), where the library knows it
    keyword: str | None = None  # of the only input, where it must be named


def build_model(
    request: ModelRequest, *, calibration: ImageSet | None, weights_cache: Path, mirror: str | None
) -> BuiltModel:
    """Build a model.

    Raises ConfigError for an unknown name or a missing extra, ModelError for a checkpoint that doesn't fit."""
    torch = import_torch()
    torch.manual_seed(SEED)
    built = _build(request, weights_cache, mirror)
    if request.checkpoint is not None:
        load_weights(built.module, Path(request.checkpoint))
    if request.origin == "random":
        settle_batch_norm(built.module, _batches(calibration))
    if request.kind is not SourceKind.PROGRAM:  # which was exported in evaluation mode and has no other
        built.module.eval()
    return built


def _build(request: ModelRequest, weights_cache: Path, mirror: str | None) -> BuiltModel:
    """Build a source's model, with the source's weights if it has any."""
    match request.kind:
        case SourceKind.TORCHVISION:
            return BuiltModel(module=_torchvision_with_weights(request, weights_cache, mirror))
        case SourceKind.FACTORY:
            return _factory(request.source)
        case SourceKind.PROGRAM:
            return _program(Path(request.source))
        case SourceKind.TIMM:
            return _timm(request)
        case SourceKind.HUGGING_FACE:
            return _hugging_face(request)
        case SourceKind.ONNX:
            raise AssertionError("an ONNX file is not built")
        case _:
            assert_never(request.kind)


def _torchvision_with_weights(request: ModelRequest, weights_cache: Path, mirror: str | None) -> torch.nn.Module:
    match request.origin:
        case "digits" if request.source == "mobilenet_v2":
            model = _torchvision(request.source, num_classes=DIGITS_CLASSES)
            load_weights(model, digits_checkpoint())
        case "digits":
            raise ConfigError(
                f"there are no digits weights for {request.source}",
                hint="they are mobilenet_v2's; use --weights random",
            )
        case "imagenet" | "coco":
            model = _torchvision(request.source)
            load_weights(model, download_pretrained(request.source, weights_cache, mirror))
        case _:
            model = _torchvision(request.source)
    if request.source in SEGMENTERS:
        setattr(model, "aux_classifier", None)  # noqa: B010 - typed as a module; only training uses it
    if request.source in DETECTORS:
        from edgetool.models.detectors import with_boxes

        return with_boxes(model)
    return model


def _program(path: Path) -> BuiltModel:
    """Load a program saved by torch.export, with its example inputs. Raises ModelError."""
    import torch

    try:
        with warnings.catch_warnings():
            # The oldest supported release warns about every buffer that it reads from the archive.
            warnings.filterwarnings("ignore", message="The given buffer is not writable")
            program = torch.export.load(path)
        args, kwargs = program.example_inputs
        example = Example(args=tuple(args), kwargs=dict(kwargs))
        return BuiltModel(module=program.module(), example=example)
    except Exception as error:  # a file that is no archive makes torch.export raise anything
        raise ModelError(
            f"cannot read the program {path}: {(str(error).strip().splitlines() or [type(error).__name__])[0]}",
            hint="save it with torch.export.save(torch.export.export(model, args), path)",
        ) from error


def _timm(request: ModelRequest) -> BuiltModel:
    timm = _library("timm", request.source)
    name = request.name
    if not timm.is_model(name):
        raise ConfigError(f"timm has no model {name!r}", hint=name_hint(name, timm.list_models(), what="known models"))
    pretrained = request.origin == "pretrained"
    try:
        model = timm.create_model(name, pretrained=pretrained)
    except Exception as error:  # what its hub client raises when there is no network
        raise ConfigError(
            f"cannot get the weights of {request.source}: {_first_line(error)}",
            hint="without a network use --weights random or --checkpoint FILE",
        ) from error
    settings = timm.data.resolve_model_data_config(model)
    return BuiltModel(module=model, input_shape=(1, *settings["input_size"]))


def _hugging_face(request: ModelRequest) -> BuiltModel:
    """Load an image classifier by hub id or folder. Raises ConfigError when neither network nor cache has it."""
    transformers = _library("transformers", request.source)
    place = request.source.partition(":")[2]
    try:
        if request.origin == "random":
            config = transformers.AutoConfig.from_pretrained(place)
            model = transformers.AutoModelForImageClassification.from_config(config)
        else:
            model = transformers.AutoModelForImageClassification.from_pretrained(place)
    except Exception as error:  # OSError, ValueError and what its hub client raises
        raise ConfigError(
            f"cannot load {request.source}: {_first_line(error)}",
            hint="without a network give the folder that save_pretrained wrote: hf:PATH",
        ) from error
    size = getattr(model.config, "image_size", None) or 224
    height, width = size if isinstance(size, list | tuple) else (size, size)
    shape = (1, getattr(model.config, "num_channels", 3), height, width)
    return BuiltModel(module=model, input_shape=shape, keyword=model.main_input_name)


def _library(name: str, source: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(f"{source} needs the package {name} ({error})", hint=f"pip install {name}") from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def import_torch() -> Any:
    """Import torch. Raises ConfigError with the command that installs it."""
    # Otherwise torch's compiler, which is unused here, leaves a folder among the temporary files.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_root() / "torch"))
    try:
        torch, *_ = map(importlib.import_module, ("torch", "torchvision", "onnxscript", "safetensors"))
    except ImportError as error:
        raise ConfigError(
            f"exporting needs PyTorch, torchvision, onnxscript and safetensors ({error})",
            hint='pip install "edgetool[export]"',
        ) from error
    return torch


def _torchvision(name: str, **options: Any) -> torch.nn.Module:
    import torchvision

    known = [*torchvision.models.list_models(module=torchvision.models), *DETECTORS, *SEGMENTERS]
    if name not in known:
        raise ConfigError(
            f"torchvision has no model {name!r} with outputs of fixed shapes",
            hint=f"{name_hint(name, known, what='known models')}; or give package.module:factory",
        )
    if name in DETECTORS or name in SEGMENTERS:
        options["weights_backbone"] = None
    if name in SEGMENTERS and not name.startswith("lraspp"):
        options["aux_loss"] = True  # as in the published weights
    model: torch.nn.Module = torchvision.models.get_model(name, weights=None, **options)
    return model


def _factory(source: str) -> BuiltModel:
    """Call the user's factory, which returns a model, or a model with example inputs."""
    import torch

    factory = find_function(source)
    try:
        with from_here():
            made = factory()
    except Exception as error:  # the user's own code may raise anything
        raise ModelError(f"{source} raised {type(error).__name__}: {error}") from error
    model, example = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if isinstance(model, torch.jit.ScriptModule):
        raise ExportError(
            f"{source} made a TorchScript module, which the exporter does not take",
            hint="return the torch.nn.Module that it was scripted from",
        )
    if not isinstance(model, torch.nn.Module):
        raise ModelError(f"{source} made a {type(model).__name__}, not a torch.nn.Module")
    return BuiltModel(module=model, example=None if example is None else example_of(example, source))


def settle_batch_norm(model: torch.nn.Module, batches: Iterable[torch.Tensor]) -> None:
    """Compute batch-norm statistics from inputs. Without them a random network's outputs nearly vanish."""
    import torch

    for layer in model.modules():
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            layer.reset_running_stats()
            layer.momentum = None  # a plain average over the batches
    model.train()
    with torch.inference_mode():
        for batch in batches:
            model(batch)


def _batches(calibration: ImageSet | None) -> Iterator[torch.Tensor]:
    """Yield batches of calibration images. Raises ConfigError when there are none."""
    import torch

    if calibration is None:
        raise ConfigError("--weights random needs images for batch-norm statistics", hint="give --calibration DIR")
    for i in range(0, min(len(calibration), 64), 16):
        yield torch.from_numpy(calibration.inputs[i : i + 16])
