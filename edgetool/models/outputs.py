"""Wrap a PyTorch model for ONNX: tensors in and named tensors out, for any inputs and outputs of the model."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from edgetool.errors import ModelError

if TYPE_CHECKING:
    import torch

INPUT = "input"  # what the only input of a model is called


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Example:
    """Example inputs of a model: positional, then by keyword."""

    args: tuple[torch.Tensor, ...] = ()
    kwargs: Mapping[str, torch.Tensor] = dataclasses.field(default_factory=dict)

    @property
    def tensors(self) -> tuple[torch.Tensor, ...]:
        return (*self.args, *self.kwargs.values())

    def names(self, model: torch.nn.Module) -> list[str]:
        """Return the inputs' names: keywords, or the parameters of `forward`. A single input is called `input`."""
        if len(self.args) == 1 and not self.kwargs:
            return [INPUT]
        parameters = [
            name
            for name, parameter in inspect.signature(model.forward).parameters.items()
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        ]
        positional = [parameters[i] if i < len(parameters) else f"{INPUT}_{i}" for i in range(len(self.args))]
        return [*positional, *self.kwargs]


def example_of(given: object, source: str) -> Example:
    """Read a factory's example: a tensor, a tuple of tensors, or a mapping of keywords. Raises ModelError."""
    import torch

    if isinstance(given, torch.Tensor):
        return Example(args=(given,))
    if isinstance(given, tuple | list) and given and all(isinstance(each, torch.Tensor) for each in given):
        return Example(args=tuple(given))
    if isinstance(given, Mapping) and given and all(isinstance(each, torch.Tensor) for each in given.values()):
        return Example(kwargs=dict(given))
    raise ModelError(
        f"{source}: its example inputs are a {type(given).__name__}",
        hint="return (model, example), where example is a tensor, a tuple of tensors, or a dict of them by keyword",
    )


def name_outputs(outputs: object, name: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """Name all tensors in a model's result by its keys, fields and indices, joined by `_`.

    Raises ModelError for anything but tensors, None, and mappings, dataclasses or sequences of them.
    """
    import torch

    def inner(key: object) -> str:
        return f"{name}_{key}" if name else str(key)

    if isinstance(outputs, torch.Tensor):
        yield name or ("logits" if outputs.ndim == 2 else "output"), outputs
    elif isinstance(outputs, Mapping):
        for key, value in outputs.items():
            yield from name_outputs(value, inner(key))
    elif dataclasses.is_dataclass(outputs) and not isinstance(outputs, type):
        for field in dataclasses.fields(outputs):
            yield from name_outputs(getattr(outputs, field.name), inner(field.name))
    elif isinstance(outputs, tuple | list):
        keys = getattr(outputs, "_fields", [f"output_{i}" if not name else i for i in range(len(outputs))])
        for key, value in zip(keys, outputs, strict=True):
            yield from name_outputs(value, inner(key))
    elif outputs is not None:
        raise ModelError(
            f"the model returned a {type(outputs).__name__}{f' as {name}' if name else ''}, not a tensor",
            hint="ONNX models return tensors: let the factory return a model that does",
        )


def flatten(model: torch.nn.Module, example: Example) -> torch.nn.Module:
    """Return a model that takes tensors and returns a tuple of tensors: `model` itself when it already does."""
    import torch

    if len(example.args) == 1 and not example.kwargs:
        with torch.inference_mode():
            if isinstance(model(*example.args), torch.Tensor):
                return model
    positional, keywords = len(example.args), list(example.kwargs)

    class Flat(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *tensors: torch.Tensor) -> Any:
            by_keyword = dict(zip(keywords, tensors[positional:], strict=True))
            return tuple(tensor for _, tensor in name_outputs(self.model(*tensors[:positional], **by_keyword)))

    return Flat()
