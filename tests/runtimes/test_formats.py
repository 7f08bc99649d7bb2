"""Models in the formats of TensorFlow Lite and ncnn on disk, and the runtimes that bundles of them carry."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.errors import ConfigError, ModelError
from edgetool.models.artifacts import read_artifact, save_artifact
from edgetool.models.onnxfile import digest_files
from edgetool.models.spec import ModelArtifact
from edgetool.pipeline.runtimes import kind_named, runtime_for
from edgetool.targets.registry import load_target
from tests.support.records import model_spec


def artifact(folder: Path, *suffixes: str) -> ModelArtifact:
    """A model of a file for each suffix."""
    files = tuple(folder / f"made{suffix}" for suffix in suffixes)
    for file in files:
        file.write_bytes(file.suffix.encode())
    return ModelArtifact(path=files[0], beside=files[1:], spec=model_spec(sha256=digest_files(files)))


@pytest.mark.parametrize("suffixes", [(".tflite",), (".param", ".bin")])
def test_a_saved_model_is_read_again(tmp_path: Path, suffixes: tuple[str, ...]) -> None:
    made = artifact(tmp_path, *suffixes)
    saved = save_artifact(made, tmp_path / "there" / f"model.int8{suffixes[0]}")
    assert read_artifact(saved.path) == saved
    assert [file.name for file in saved.files] == [f"model.int8{suffix}" for suffix in suffixes]
    assert [file.read_bytes() for file in saved.files] == [file.read_bytes() for file in made.files]


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("model.param", b"changed", "was changed after model.param.json was written"),
        ("model.bin", b"changed", "was changed after model.param.json was written"),
        ("model.bin", None, "has no model.bin beside it"),
        ("model.param.json", None, "has no description, model.param.json, beside it"),
    ],
)
def test_a_damaged_model_is_refused(tmp_path: Path, file: str, content: bytes | None, reason: str) -> None:
    saved = save_artifact(artifact(tmp_path, ".param", ".bin"), tmp_path / "model.param")
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(ModelError, match=reason):
        read_artifact(saved.path)


@pytest.mark.parametrize(
    ("suffix", "asked", "kind", "provider"),
    [
        (".onnx", None, "onnxruntime", "auto"),
        (".onnx", "debian", "onnxruntime", "debian"),
        (".tflite", None, "tflite", "auto"),
        (".param", "ncnn", "ncnn", "auto"),
    ],
)
def test_a_bundle_carries_the_runtime_of_its_models(
    tmp_path: Path, suffix: str, asked: str | None, kind: str, provider: str
) -> None:
    found = runtime_for([artifact(tmp_path, suffix)], asked, load_target("qemu-riscv64"))
    assert (found.kind, found.provider) == (kind, provider)


@pytest.mark.parametrize(
    ("suffixes", "asked", "reason"),
    [
        ((".onnx",), "ncnn", "ncnn doesn't run made.onnx"),
        ((".tflite",), "debian", "ONNX Runtime doesn't run made.tflite"),
        ((".onnx",), "scalar", "which no bundle carries"),
        ((".onnx", ".param"), None, "need different runtimes"),
    ],
)
def test_a_runtime_that_does_not_run_the_models_is_refused(
    tmp_path: Path, suffixes: tuple[str, ...], asked: str | None, reason: str
) -> None:
    models = [artifact(tmp_path, suffix) for suffix in suffixes]
    with pytest.raises(ConfigError, match=reason):
        runtime_for(models, asked, load_target("qemu-riscv64"))


def test_an_unknown_kind_of_runtime_is_refused() -> None:
    with pytest.raises(ConfigError, match="no kind of runtime 'ncn'"):
        kind_named("ncn")
