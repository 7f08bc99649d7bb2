"""PyTorch models of every form that users have: outputs, inputs, programs, libraries, and exports that fail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgetool.errors import ConfigError, ExportError, ModelError
from edgetool.models.export import TOLERANCE, Exported, export_model
from edgetool.models.images import ImageSet
from edgetool.models.opsets import DEFAULT_OPSET
from edgetool.models.spec import ModelRequest, StatedBy, Task
from edgetool.models.zoo import build_model

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")

FACTORY = """
from dataclasses import dataclass
from typing import NamedTuple
import torch

class Net(torch.nn.Module):
    def __init__(self, returned):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.returned = torch.nn.Conv2d(3, 4, 3), returned
    def forward(self, x):
        y = self.conv(x)
        return self.returned(y, y.mean(dim=(2, 3)))

@dataclass
class Found:
    masks: torch.Tensor
    scores: torch.Tensor
    nothing: None = None

class Pair(NamedTuple):
    masks: torch.Tensor
    scores: torch.Tensor

def several(): return Net(lambda y, s: (y, s))
def mapping(): return Net(lambda y, s: {"masks": y, "scores": s})
def dataclass_(): return Net(lambda y, s: Found(y, s))
def named(): return Net(lambda y, s: Pair(y, s))
def nested(): return Net(lambda y, s: {"out": [y, None], "aux": {"scores": s}})
def text(): return Net(lambda y, s: (y, "seven"))

class Two(torch.nn.Module):
    def forward(self, image, weight):
        return image.mean(dim=(2, 3)) * weight

def two(): return Two(), (torch.ones(1, 3, 8, 8), torch.full((1, 3), 2.0))
def keywords(): return Two(), {"weight": torch.full((1, 3), 2.0), "image": torch.ones(1, 3, 8, 8)}
def bad_example(): return Two(), "an image"

class Branch(torch.nn.Module):
    def forward(self, x):
        if x.sum() > 0:
            return x
        return x + 1

def branch(): return Branch()
def scripted(): return torch.jit.script(torch.nn.Linear(3, 3))
"""


@pytest.fixture
def factories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of the user's, importable from the current folder."""
    name = f"sources_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(FACTORY)
    monkeypatch.chdir(tmp_path)
    return name


def exported(request: ModelRequest, folder: Path) -> Exported:
    (folder / "out").mkdir()
    return export_model(request, folder / "out", opset=DEFAULT_OPSET, log=folder / "export.log")


@pytest.mark.parametrize(
    ("factory", "names"),
    [
        ("several", ["output_0", "output_1"]),
        ("mapping", ["masks", "scores"]),
        ("dataclass_", ["masks", "scores"]),
        ("named", ["masks", "scores"]),
        ("nested", ["out_0", "aux_scores"]),
    ],
)
def test_outputs_of_every_form_are_named(factories: str, tmp_path: Path, factory: str, names: list[str]) -> None:
    made = exported(ModelRequest(source=f"{factories}:{factory}", input_shape=(1, 3, 8, 8)), tmp_path)
    assert [tensor.name for tensor in made.artifact.spec.outputs] == names
    assert made.difference is not None
    assert made.difference <= TOLERANCE


def test_an_output_that_is_no_tensor_is_named(factories: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="returned a str as output_1"):
        exported(ModelRequest(source=f"{factories}:text", input_shape=(1, 3, 8, 8)), tmp_path)


@pytest.mark.parametrize(("factory", "names"), [("two", ["image", "weight"]), ("keywords", ["weight", "image"])])
def test_several_inputs_come_from_the_factorys_example(
    factories: str, tmp_path: Path, factory: str, names: list[str]
) -> None:
    made = exported(ModelRequest(source=f"{factories}:{factory}"), tmp_path)
    assert [tensor.name for tensor in made.artifact.spec.inputs] == names


def test_an_example_that_is_none_is_refused(factories: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="its example inputs are a str"):
        exported(ModelRequest(source=f"{factories}:bad_example"), tmp_path)


def test_a_saved_program_is_exported(tmp_path: Path) -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU()).eval()
    torch.export.save(torch.export.export(net, (torch.randn(1, 3, 8, 8),)), tmp_path / "net.pt2")
    made = exported(ModelRequest(source=str(tmp_path / "net.pt2")), tmp_path)
    assert (made.artifact.spec.name, made.artifact.spec.inputs[0].shape) == ("net", (1, 3, 8, 8))


def test_a_file_that_is_no_program_is_named(tmp_path: Path) -> None:
    (tmp_path / "net.pt2").write_bytes(b"nonsense")
    with pytest.raises(ModelError, match=r"cannot read the program .*net\.pt2"):
        exported(ModelRequest(source=str(tmp_path / "net.pt2")), tmp_path)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:FutureWarning")
def test_torchscript_is_refused_with_what_to_do(factories: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="TorchScript") as caught:
        exported(ModelRequest(source=f"{factories}:scripted"), tmp_path)
    assert caught.value.hint is not None
    assert "scripted from" in caught.value.hint


def test_a_failed_export_says_why_and_where_in_three_lines(factories: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError) as caught:
        exported(ModelRequest(source=f"{factories}:branch", input_shape=(1, 3, 8, 8)), tmp_path)
    lines = f"{caught.value.message}\nhint: {caught.value.hint}".splitlines()
    assert len(lines) == 3
    assert "\x1b" not in caught.value.message
    assert lines[1].strip().startswith("at ")
    assert f"{factories}.py:42, in forward" in lines[1]
    assert "torch.cond" in lines[2]
    assert "GuardOnDataDependent" in (tmp_path / "export.log").read_text()


def test_timm_models_are_built_by_name(tmp_path: Path) -> None:
    pytest.importorskip("timm")
    built = build_model(
        ModelRequest(source="timm:test_resnet", checkpoint=None, weights="random"),
        calibration=_noise((32, 3, 160, 160)),
        weights_cache=tmp_path,
        mirror=None,
    )
    assert built.input_shape == (1, 3, 160, 160)


def test_a_timm_model_states_its_preprocessing_and_runs_exported(tmp_path: Path) -> None:
    pytest.importorskip("timm")
    request = ModelRequest(source="timm:test_resnet", weights="random")
    (tmp_path / "out").mkdir()
    made = export_model(
        request,
        tmp_path / "out",
        opset=DEFAULT_OPSET,
        calibration=_noise((32, 3, 160, 160)),
    )
    spec = made.artifact.spec
    assert (spec.inputs[0].shape, spec.task) == ((1, 3, 160, 160), Task.CLASSIFICATION)
    assert spec.preprocessing is not None
    assert (spec.preprocessing.mean, spec.preprocessing.stated_by) == ((0.5,) * 3, StatedBy.MODEL)
    assert made.difference is not None
    assert made.difference < TOLERANCE


def test_boxes_of_an_exported_ssdlite_are_those_that_torchvision_finds() -> None:
    from edgetool.models.detectors import with_boxes

    torch.manual_seed(1)
    whole = torchvision.models.detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None).eval()
    whole.score_thresh = 0.0
    images = torch.rand(1, 3, 320, 320)
    with torch.inference_mode():
        ours = with_boxes(whole).eval()((images - 0.5) / 0.5)
        (theirs,) = whole([images[0]])
    assert ours["boxes"].shape == (1, 3234, 4)
    assert ours["scores"].shape == (1, 3234, 91)
    exact = "donot_use_mm_for_euclid_dist"
    apart = torch.cdist(theirs["boxes"], ours["boxes"][0], compute_mode=exact).min(dim=1).values
    assert len(theirs["boxes"])
    assert float(apart.max()) < 0.01


def test_an_unknown_timm_model_names_similar_ones(tmp_path: Path) -> None:
    pytest.importorskip("timm")
    with pytest.raises(ConfigError, match="no model 'mobilenetv9'"):
        exported(ModelRequest(source="timm:mobilenetv9", weights="random"), tmp_path)


def test_a_hugging_face_model_is_read_from_its_folder(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1], layer_type="basic", num_labels=5
    )
    transformers.ResNetForImageClassification(config).save_pretrained(tmp_path / "net")
    request = ModelRequest(source=f"hf:{tmp_path / 'net'}", input_shape=(1, 3, 32, 32))
    spec = exported(request, tmp_path).artifact.spec
    assert (spec.name, spec.inputs[0].name, spec.outputs[0].shape) == ("net", "pixel_values", (1, 5))


def _noise(shape: tuple[int, ...]) -> ImageSet:
    return ImageSet(inputs=np.random.default_rng(0).standard_normal(shape, dtype=np.float32))
