"""PyTorch models: from a name, a factory or a checkpoint to ONNX that equals PyTorch."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import numpy as np
import pytest

from edgetool.errors import ConfigError, EdgetoolError, ExportError, ModelError
from edgetool.models.evaluate import open_session, run_session
from edgetool.models.export import TOLERANCE, export_model
from edgetool.models.images import ImageSet, Split, read_images
from edgetool.models.opsets import DEFAULT_OPSET
from edgetool.models.preprocessing import PictureInput
from edgetool.models.quantize import Quantization
from edgetool.models.spec import ModelArtifact, ModelRequest
from edgetool.models.weights import download_weights
from edgetool.models.zoo import build_model, digits_checkpoint, digits_images, preprocessing_of
from edgetool.pipeline.images import ImageSource
from edgetool.pipeline.steps import export, quantize
from edgetool.platform.context import StepContext
from tests.support.models import SHAPE

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")

FACTORY = """
import torch

def small():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, stride=2), torch.nn.BatchNorm2d(8), torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(8, 10),
    )

def text():
    return "no module"

def failing():
    raise RuntimeError("a factory of mine failed")

class Loud(torch.nn.Module):
    def forward(self, x):
        return x.sum(dim=(1, 2, 3)) if x.sum() > 0 else x

def untraceable():
    return Loud()
"""


@pytest.fixture
def factories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of the user's, importable from the current folder."""
    name = f"models_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(FACTORY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return name


def exported(request: ModelRequest, folder: Path, **options: Any) -> tuple[ModelArtifact, float | None]:
    folder.mkdir(parents=True)
    made = export_model(request, folder, opset=DEFAULT_OPSET, **options)
    return made.artifact, made.difference


def small(factories: str, **options: Any) -> ModelRequest:
    return ModelRequest(source=f"{factories}:small", input_shape=SHAPE, **options)


def test_a_factorys_model_equals_pytorch(factories: str, tmp_path: Path) -> None:
    artifact, difference = exported(small(factories), tmp_path / "out")
    assert difference is not None
    assert difference <= TOLERANCE
    assert (artifact.spec.name, artifact.spec.weights, artifact.spec.inputs[0].shape) == ("small", "factory", SHAPE)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_checkpoints_weights_are_used(factories: str, tmp_path: Path, suffix: str) -> None:
    import importlib

    from safetensors.torch import save_file

    model = importlib.import_module(factories).small()
    with torch.no_grad():
        model[5].bias.fill_(100.0)
    path = tmp_path / f"weights{suffix}"
    torch.save(model.state_dict(), path) if suffix == ".pt" else save_file(model.state_dict(), path)
    artifact, _ = exported(small(factories, checkpoint=str(path)), tmp_path / "out")
    assert run_session(open_session(artifact.path), np.zeros(SHAPE, np.float32))[0].min() > 50
    assert artifact.spec.weights == path.name


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("data", [b"", b"nonsense", b"\x80\x02}q\x00."])
def test_a_file_that_is_no_checkpoint_is_named(factories: str, tmp_path: Path, suffix: str, data: bytes) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=f"weights{suffix}"):
        exported(small(factories, checkpoint=str(path)), tmp_path / "out")


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_checkpoint_that_is_not_there_is_named(factories: str, tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ModelError, match=f"absent{suffix}"):
        exported(small(factories, checkpoint=str(tmp_path / f"absent{suffix}")), tmp_path / "out")


def test_a_checkpoint_of_another_model_is_refused(factories: str, tmp_path: Path) -> None:
    request = small(factories, checkpoint=str(digits_checkpoint()))
    with pytest.raises(ModelError, match="does not fit Sequential"):
        exported(request, tmp_path / "out")


def test_a_checkpoint_with_code_in_it_is_not_run(factories: str, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (str(tmp_path / "run"),)

    torch.save({"0.weight": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(ModelError, match=r"evil\.pt"):
        exported(small(factories, checkpoint=str(tmp_path / "evil.pt")), tmp_path / "out")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("factory", "error"),
    [("absent", ConfigError), ("text", ModelError), ("failing", EdgetoolError), ("untraceable", ExportError)],
)
def test_a_factory_that_makes_no_model_is_a_clear_error(
    factories: str, tmp_path: Path, factory: str, error: type[EdgetoolError]
) -> None:
    with pytest.raises(error):
        exported(ModelRequest(source=f"{factories}:{factory}", input_shape=SHAPE), tmp_path / "out")


def test_a_module_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no_such_module:model"):
        exported(ModelRequest(source="no_such_module:model"), tmp_path / "out")


def test_a_shape_that_the_model_cannot_take_is_an_export_error(factories: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="does not run on an input of shape"):
        exported(ModelRequest(source=f"{factories}:small", input_shape=(1, 5, 16, 16)), tmp_path / "out")


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match="torchvision has no model 'mobilenet_v9' with outputs of fixed shapes"
    ) as caught:
        exported(ModelRequest(source="mobilenet_v9"), tmp_path / "out")
    assert caught.value.hint is not None
    assert "mobilenet_v2" in caught.value.hint
    assert "package.module:factory" in caught.value.hint


def test_digits_weights_are_mobilenets_only(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no digits weights for resnet18"):
        exported(ModelRequest(source="resnet18", weights="digits"), tmp_path / "out")


def test_random_weights_ask_for_images(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs images") as caught:
        exported(ModelRequest(source="squeezenet1_1", weights="random"), tmp_path / "out")
    assert caught.value.hint is not None
    assert "--calibration" in caught.value.hint


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        del format, args


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address at which a real server of this machine offers it."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_weights_are_downloaded_once_and_checked(mirror: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = mirror
    name = f"net-{hashlib.sha256(b'weights').hexdigest()[:8]}.pth"
    (folder / name).write_bytes(b"weights")
    path = download_weights(f"{address}/{name}", tmp_path / "cache")
    assert path.read_bytes() == b"weights"
    (folder / name).unlink()
    assert download_weights(f"{address}/{name}", tmp_path / "cache") == path


def test_weights_of_another_hash_are_refused_and_not_kept(mirror: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = mirror
    (folder / "net-00000000.pth").write_bytes(b"other")
    with pytest.raises(ConfigError, match=r"cannot download net-00000000\.pth: invalid hash"):
        download_weights(f"{address}/net-00000000.pth", tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def close(error: BaseException) -> None:
    """The answer that an HTTP error holds; PyTorch leaves it open."""
    assert isinstance(error.__cause__, HTTPError)
    error.__cause__.close()


def test_weights_that_are_not_there_are_an_error_with_a_way_out(mirror: tuple[Path, str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot download net-12345678\.pth.*404") as caught:
        download_weights(f"{mirror[1]}/net-12345678.pth", tmp_path / "cache")
    close(caught.value)
    assert caught.value.hint is not None
    assert "--weights-mirror" in caught.value.hint


def test_no_network_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot download") as caught:
        download_weights("http://127.0.0.1:9/net-12345678.pth", tmp_path / "cache")
    assert caught.value.hint is not None
    assert "--weights digits" in caught.value.hint


def test_imagenet_weights_come_from_the_mirror_given(mirror: tuple[Path, str], tmp_path: Path) -> None:
    request = ModelRequest(source="squeezenet1_1", weights="imagenet")
    with pytest.raises(ConfigError, match=r"cannot download squeezenet1_1-\w+\.pth.*404") as caught:
        exported(request, tmp_path / "out", mirror=mirror[1], weights_cache=tmp_path / "cache")
    close(caught.value)


@pytest.fixture(scope="session")
def digits(context: StepContext) -> dict[str, ModelArtifact]:
    """The shipped checkpoint in fp32 and int8, exported once for the whole cache."""
    request = ModelRequest()
    source = ImageSource.choose(request, None, None)
    fp32 = export(request, source, context, opset=DEFAULT_OPSET)
    return {"fp32": fp32, "int8": quantize(fp32, request, source, context, quantization=Quantization.STATIC)}


@pytest.mark.xdist_group("digits")
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_shipped_weights_classify_97_percent_of_the_held_out_digits(
    digits: dict[str, ModelArtifact], precision: str
) -> None:
    artifact = digits[precision]
    held_out = read_held_out(artifact)
    assert len(held_out) == 360
    assert held_out.labels is not None
    logits = np.asarray(run_session(open_session(artifact.path), held_out.inputs)[0])
    assert (logits.argmax(axis=1) == held_out.labels).mean() >= 0.97


def read_held_out(artifact: ModelArtifact) -> ImageSet:
    to_input = PictureInput(preprocessing=preprocessing_of(ModelRequest()), shape=artifact.spec.inputs[0].shape[1:])
    return read_images(digits_images(), to_input, split=Split.HELD_OUT)


@pytest.mark.xdist_group("digits")
def test_the_shipped_model_equals_pytorch_on_real_digits(digits: dict[str, ModelArtifact], tmp_path: Path) -> None:
    held_out = read_held_out(digits["fp32"]).take(4)
    model = build_model(ModelRequest(), calibration=None, weights_cache=tmp_path, mirror=None).module
    with torch.inference_mode():
        expected = model(torch.from_numpy(held_out.inputs)).numpy()
    found = np.asarray(run_session(open_session(digits["fp32"].path), held_out.inputs)[0])
    assert np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max()


@pytest.mark.xdist_group("digits")
def test_batch_norm_is_folded_and_names_are_kept(digits: dict[str, ModelArtifact]) -> None:
    import onnx

    model = onnx.load(digits["fp32"].path)
    assert "BatchNormalization" not in {node.op_type for node in model.graph.node}
    spec = digits["fp32"].spec
    assert (spec.inputs[0].name, spec.outputs[0].name, spec.opset) == ("input", "logits", DEFAULT_OPSET)
    assert digits["int8"].spec.size_bytes < 0.35 * spec.size_bytes


@pytest.mark.xdist_group("digits")
def test_calibration_and_held_out_digits_share_no_picture() -> None:
    with np.load(digits_images()) as archive:
        parts = [{image.tobytes() for image in archive[f"{split}_images"]} for split in Split]
    assert not parts[0] & parts[1]
