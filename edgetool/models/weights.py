"""Load a PyTorch model's weights: from a checkpoint of the user's, or torchvision's published ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgetool.errors import ConfigError, ModelError
from edgetool.platform.files import is_regular

if TYPE_CHECKING:
    import torch


def load_weights(model: torch.nn.Module, checkpoint: Path) -> None:
    """Load weights of any float type into the model. Raises ModelError."""
    state = _read_checkpoint(checkpoint)
    try:
        model.load_state_dict({name: t.float() if t.is_floating_point() else t for name, t in state.items()})
    except (RuntimeError, AttributeError) as error:
        # PyTorch's first line only announces the error; the details follow.
        detail = " ".join(line.strip() for line in str(error).splitlines()[1:2])
        raise ModelError(
            f"checkpoint {checkpoint} does not fit {type(model).__name__}: {detail[:300]}",
            hint="it must be a state dict of this very model",
        ) from error


def _read_checkpoint(checkpoint: Path) -> dict[str, Any]:
    import torch
    from safetensors.torch import load_file

    try:
        if not is_regular(checkpoint):
            raise ModelError("it is not a file")
        if checkpoint.suffix == ".safetensors":
            return load_file(checkpoint)
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except Exception as error:  # a file that is no checkpoint makes an unpickler raise anything
        detail = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"cannot read the checkpoint {checkpoint}: {detail[:300]}",
            hint="it must be a state dict, saved as .safetensors or as a weights-only .pt",
        ) from error
    state = state.get("state_dict", state) if isinstance(state, dict) else None
    if not isinstance(state, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in state.values()):
        raise ModelError(f"the checkpoint {checkpoint} is not a state dict", hint="save model.state_dict()")
    return state


def download_pretrained(name: str, cache: Path, mirror: str | None) -> Path:
    """Download torchvision's weights and check them against the sha256 prefix in the file's name."""
    import torchvision

    try:
        weights = torchvision.models.get_model_weights(name).DEFAULT
    except ValueError as error:
        raise ConfigError(f"torchvision has no weights for {name!r}") from error
    url = weights.url if mirror is None else f"{mirror.rstrip('/')}/{weights.url.rpartition('/')[2]}"
    return download_weights(url, cache)


def download_weights(url: str, cache: Path) -> Path:
    """Download `…/name-<sha256 prefix>.pth` once. Raises ConfigError when the download fails or its sha256 differs."""
    import torch

    file_name = url.rpartition("/")[2]
    destination = cache / file_name
    if destination.exists():
        return destination
    cache.mkdir(parents=True, exist_ok=True)
    prefix = Path(file_name).stem.rpartition("-")[2]
    try:
        torch.hub.download_url_to_file(url, str(destination), hash_prefix=prefix, progress=False)
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"cannot download {file_name}: {error}",
            hint="without a network use --weights digits or random, --checkpoint FILE, or --weights-mirror URL",
        ) from error
    return destination
