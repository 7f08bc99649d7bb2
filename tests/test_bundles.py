"""Bundles: what is packaged is what runs, and what was tampered with is refused."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import onnx
import pytest

from edgetool.bundles import HARNESS, MANIFEST, Bundle, build_bundle, copy_bundle, inputs_by_name, open_bundle
from edgetool.errors import BuildError, ConfigError, EdgetoolError, ModelError, WrongMachine
from edgetool.models.artifacts import read_artifact
from edgetool.models.evaluate import open_session
from edgetool.models.images import ImageSet
from edgetool.models.spec import ModelArtifact
from edgetool.pipeline.steps import Kit
from edgetool.platform.files import is_inside
from edgetool.runtimes.toolchains import load_toolchain
from tests.support.bundles import script, stub_bundle, stub_runtime
from tests.support.models import tiny_inputs


@pytest.fixture
def stub(tmp_path: Path) -> Bundle:
    return stub_bundle(tmp_path / "bundle", script(tmp_path / "harness", "exit 0"), images=2)


def rewrite(bundle: Bundle, change: Callable[[dict[str, object]], object]) -> None:
    """Change the manifest, with an id that fits its list of files."""
    path = bundle.root / MANIFEST
    manifest = json.loads(path.read_text())
    change(manifest)
    listing = "".join(f"{entry['path']}\0{entry['sha256']}\n" for entry in manifest["files"])
    path.write_text(json.dumps({**manifest, "id": hashlib.sha256(listing.encode()).hexdigest()}))


def test_a_bundle_read_back_is_the_one_that_was_built(stub: Bundle) -> None:
    assert open_bundle(stub.root) == stub
    assert {MANIFEST, *(entry.path for entry in stub.manifest.files)} == {
        path.relative_to(stub.root).as_posix() for path in stub.root.rglob("*") if path.is_file()
    }


def test_the_inputs_are_the_images_one_after_the_other(stub: Bundle) -> None:
    (entry,) = stub.manifest.inputs
    assert entry.samples == 2
    assert (stub.root / entry.path).read_bytes() == tiny_inputs(2).tobytes()
    assert inputs_by_name(stub) == {"input": entry.path}


def test_a_bundle_with_its_own_libc_is_started_through_its_own_loader(riscv_bundle: Bundle) -> None:
    command = riscv_bundle.command(PurePosixPath("there"))
    assert command[0].startswith("there/lib/ld-linux-riscv64")
    assert command[1:] == ("--library-path", "there/lib", f"there/{HARNESS}")


def test_a_bundle_without_libc_names_the_glibc_it_needs(host_bundle: Bundle) -> None:
    assert host_bundle.command(PurePosixPath("there")) == (f"there/{HARNESS}",)
    assert host_bundle.manifest.runtime.glibc is not None


@pytest.mark.parametrize("name", ["models/tiny.fp32.onnx", "lib/libonnxruntime.so.1.21.0", HARNESS, "inputs/0.bin"])
def test_a_file_that_was_changed_is_named(stub: Bundle, name: str) -> None:
    path = stub.root / name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(BuildError, match=f"{name} was changed after packaging"):
        open_bundle(stub.root)


def test_a_file_that_grew_is_named(stub: Bundle) -> None:
    with (stub.root / "inputs/0.bin").open("ab") as file:
        file.write(b"x")
    with pytest.raises(BuildError, match=r"inputs/0\.bin was changed"):
        open_bundle(stub.root)


def test_a_file_that_is_missing_is_named(stub: Bundle) -> None:
    (stub.root / "inputs/0.bin").unlink()
    with pytest.raises(BuildError, match=r"inputs/0\.bin is missing"):
        open_bundle(stub.root)


def test_a_link_in_a_files_place_is_refused(stub: Bundle, tmp_path: Path) -> None:
    path = stub.root / "inputs/0.bin"
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BuildError, match=r"inputs/0\.bin is missing"):
        open_bundle(stub.root)


def test_a_link_in_a_folders_place_is_refused(stub: Bundle, tmp_path: Path) -> None:
    (stub.root / "inputs").rename(tmp_path / "elsewhere")
    (stub.root / "inputs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BuildError, match=r"inputs/0\.bin is missing"):
        open_bundle(stub.root)


def test_a_pipe_in_a_files_place_is_refused(stub: Bundle) -> None:
    path = stub.root / "inputs/0.bin"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(BuildError, match=r"inputs/0\.bin is missing"):
        open_bundle(stub.root)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/../../b"])
def test_a_file_outside_the_bundle_is_refused(stub: Bundle, name: str) -> None:
    rewrite(stub, lambda manifest: manifest["files"].append({"path": name, "sha256": "0" * 64, "size_bytes": 0}))  # type: ignore[attr-defined]
    with pytest.raises(BuildError, match="is not a file of the bundle"):
        open_bundle(stub.root)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "absent"])
@pytest.mark.parametrize("what", ["model", "input", "library", "loader"])
def test_what_the_manifest_names_must_be_among_its_files(stub: Bundle, what: str, name: str) -> None:
    def change(manifest: dict[str, object]) -> None:
        place = {
            "model": lambda: manifest["models"][0],  # type: ignore[index]
            "input": lambda: manifest["inputs"][0],  # type: ignore[index]
        }.get(what, lambda: manifest["runtime"])()
        place[{"model": "path", "input": "path"}.get(what, what)] = name

    rewrite(stub, change)
    with pytest.raises(BuildError, match="is not a file of the bundle"):
        open_bundle(stub.root)


def test_a_manifest_whose_list_was_changed_is_refused(stub: Bundle) -> None:
    path = stub.root / MANIFEST
    manifest = json.loads(path.read_text())
    manifest["files"][0]["sha256"] = "1" * 64
    path.write_text(json.dumps(manifest))
    with pytest.raises(BuildError, match="id: does not match its list of files"):
        open_bundle(stub.root)


@pytest.mark.parametrize(
    ("key", "value"), [("schema", 2), ("models", []), ("files", []), ("colour", "red"), ("labels", ["1"])]
)
def test_a_manifest_that_does_not_fit_names_file_and_key(stub: Bundle, key: str, value: object) -> None:
    path = stub.root / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(BuildError, match=rf"{path}: {key}"):
        open_bundle(stub.root)


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BuildError):
        open_bundle(tmp_path)


def test_a_harness_for_another_machine_is_refused(tiny: ModelArtifact, riscv: Kit, tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    with pytest.raises(WrongMachine, match="edgetool-harness is RISCV"):
        build_bundle(
            tmp_path / "bundle",
            models=[tiny],
            runtime=stub_runtime(tmp_path / "runtime"),
            harness=riscv.harness,
            toolchain=load_toolchain("native"),
            images=None,
        )


def test_a_bundle_that_says_it_is_for_another_machine_is_refused(host_bundle: Bundle, tmp_path: Path) -> None:
    copy = copy_bundle(host_bundle, tmp_path / "copy")
    rewrite(copy, lambda manifest: manifest.update(elf_machine="EM_RISCV", triple="riscv64-linux-gnu"))
    with pytest.raises(WrongMachine, match="riscv64-linux-gnu wants RISCV"):
        open_bundle(copy.root)


def test_weights_in_a_file_of_their_own_are_packaged(host: Kit, tiny_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "in" / "tiny.onnx"
    save_in_parts(onnx.load(tiny_path), path)
    artifact = read_artifact(path)
    bundle = build_bundle(
        tmp_path / "out",
        models=[artifact],
        runtime=host.runtime,
        harness=host.harness,
        toolchain=host.toolchain,
        images=None,
    )
    (model,) = bundle.manifest.models
    packaged = {file.path for file in bundle.manifest.files if file.path.startswith("models/")}
    assert packaged == {model.path, "models/fp32/weights.bin"}
    assert open_session(bundle.root / model.path)


def save_in_parts(model: onnx.ModelProto, path: Path) -> None:
    path.parent.mkdir()
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)


def build(models: list[ModelArtifact], folder: Path, images: ImageSet | None) -> Bundle:
    (folder / "bundle").mkdir()
    return build_bundle(
        folder / "bundle",
        models=models,
        runtime=stub_runtime(folder / "runtime"),
        harness=script(folder / "harness", "exit 0"),
        toolchain=load_toolchain("native"),
        images=images,
    )


def test_two_models_of_one_name_and_precision_are_refused(tiny: ModelArtifact, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="same name and precision"):
        build([tiny, tiny], tmp_path, None)


def test_models_of_different_inputs_are_refused(tiny: ModelArtifact, tmp_path: Path) -> None:
    other = replace(tiny, spec=replace(tiny.spec, name="other", inputs=()))
    with pytest.raises(ModelError, match="different inputs"):
        build([tiny, other], tmp_path, None)


def test_images_of_another_shape_are_refused(tiny: ModelArtifact, tmp_path: Path) -> None:
    images = ImageSet(inputs=np.zeros((4, 3, 8, 8), dtype=np.float32))
    with pytest.raises(ModelError, match="the inputs of tiny are"):
        build([tiny], tmp_path, images)


def test_fewer_images_than_the_model_takes_at_a_time_are_refused(tiny: ModelArtifact, tmp_path: Path) -> None:
    shape = (4, *tiny.spec.inputs[0].shape[1:])
    inputs = (replace(tiny.spec.inputs[0], shape=shape),)
    with pytest.raises(ModelError, match="takes 4 images at a time and there are 3"):
        build([replace(tiny, spec=replace(tiny.spec, inputs=inputs))], tmp_path, ImageSet(inputs=tiny_inputs(3)))


def test_a_bundle_without_images_holds_noise_and_says_so(tiny: ModelArtifact, tmp_path: Path) -> None:
    bundle = build([tiny], tmp_path, None)
    assert bundle.manifest.noise
    assert [entry.samples for entry in bundle.manifest.inputs] == [1]


@pytest.mark.parametrize("name", ["../../outside", "/outside", "a/b", ".."])
def test_a_models_name_never_leads_out_of_a_folder(tiny: ModelArtifact, tmp_path: Path, name: str) -> None:
    try:
        bundle = build([replace(tiny, spec=replace(tiny.spec, name=name))], tmp_path, None)
    except EdgetoolError:
        return
    assert all(is_inside(entry.path) for entry in bundle.manifest.files)
    assert open_bundle(bundle.root) == bundle
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "harness", "runtime"]


@pytest.mark.parametrize("name", ["../../outside", "/outside", "a/b"])
def test_a_bundle_whose_models_name_is_a_path_is_refused(stub: Bundle, name: str) -> None:
    rewrite(stub, lambda manifest: manifest["models"][0]["spec"].update(name=name))  # type: ignore[index]
    with pytest.raises(BuildError, match="name"):
        open_bundle(stub.root)


def test_a_copy_replaces_an_older_bundle_and_nothing_else(stub: Bundle, tmp_path: Path) -> None:
    copy = copy_bundle(stub, tmp_path / "out" / "copy")
    (copy.root / "stale").touch()
    assert open_bundle(copy_bundle(stub, copy.root).root).manifest == stub.manifest
    assert not (copy.root / "stale").exists()
    assert list(copy.root.parent.iterdir()) == [copy.root]


def test_a_folder_that_is_no_bundle_is_not_replaced(stub: Bundle, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious").touch()
    with pytest.raises(ConfigError, match="exists and is not a bundle"):
        copy_bundle(stub, tmp_path / "mine")
    assert (tmp_path / "mine" / "precious").exists()


def test_a_bundle_can_be_copied_onto_itself(stub: Bundle) -> None:
    copy_bundle(stub, stub.root)
    assert open_bundle(stub.root) == stub


def test_a_bundle_that_moves_is_still_whole(stub: Bundle, tmp_path: Path) -> None:
    shutil.move(stub.root, tmp_path / "moved")
    assert open_bundle(tmp_path / "moved").manifest == stub.manifest


def test_a_bundle_names_the_licences_of_what_it_carries(bundle: Bundle) -> None:
    text = (bundle.root / "NOTICE").read_text()
    assert "ONNX Runtime\n  MIT\n" in text
    assert "licence not known" not in text
