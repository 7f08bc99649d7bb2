"""Bundles: models, runtime, harness and inputs in one folder with a manifest of SHA-256 digests."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
from annotated_types import Len

from edgetool.bill import write_bill
from edgetool.errors import BuildError, ConfigError, ModelError
from edgetool.models.images import ImageSet
from edgetool.models.onnxfile import model_files
from edgetool.models.samples import Samples, of_images
from edgetool.models.spec import ModelArtifact, ModelSpec, TensorSpec
from edgetool.models.tasks.base import Truth
from edgetool.platform.arrays import read_npz
from edgetool.platform.documents import read_document, write_document
from edgetool.platform.elf import check_machine, is_elf
from edgetool.platform.files import FileEntry, digest_entries, file_entries, is_inside, sha256_file, staged
from edgetool.platform.licences import notice
from edgetool.platform.values import Name, NonNegative, Positive, Sha256, Text, plain_name, value
from edgetool.runtimes.spec import Runtime, RuntimeBuild, Toolchain

HARNESS = "bin/edgetool-harness"
MANIFEST = "manifest.json"
SIGNATURE = f"{MANIFEST}.sig"  # present in bundles signed with an SSH key
KEYLESS_SIGNATURE = f"{MANIFEST}.sigstore.json"  # present in bundles signed by sigstore
TRUTH = "truth.npz"  # what outputs are judged by, where that isn't labels
NOTICE = "NOTICE"  # licences of the bundled files
LOADED_FOLDERS = ("bin", "lib")  # folders from which the target's loader loads any file
FILES_LIMIT = 10_000


@value
class BundledModel:
    path: Name
    spec: ModelSpec
    beside: tuple[Name, ...] = ()  # further files of a model format that has several

    @property
    def files(self) -> tuple[str, ...]:
        return (self.path, *self.beside)


@value
class BundledInput:
    """Samples of one input: raw, little-endian and concatenated."""

    path: Name
    tensor: TensorSpec
    samples: Positive
    sha256: Sha256


@value
class Manifest:
    SCHEMA: ClassVar[int] = 1
    schema: int
    id: Sha256  # hash of the files below
    triple: Name
    elf_machine: Name
    runtime: RuntimeBuild
    models: Annotated[tuple[BundledModel, ...], Len(1, 64)]
    inputs: Annotated[tuple[BundledInput, ...], Len(0, 64)]
    noise: bool  # the inputs are seeded noise, usable for timing only
    labels: tuple[int, ...] | None  # of the samples
    data: Text | None = None  # what the samples are called; None in bundles of older releases
    overlap: NonNegative | None = None  # samples that a model was calibrated with, too; None likewise
    truth: Name | None = None  # an .npz: what other tasks judge by; None in bundles of older releases
    files: Annotated[tuple[FileEntry, ...], Len(1, FILES_LIMIT)]


@dataclass(frozen=True, kw_only=True)
class Bundle:
    root: Path
    manifest: Manifest

    @property
    def names(self) -> tuple[str, ...]:
        """The paths of the bundle's files, without any other files in its folder."""
        signatures = (name for name in (SIGNATURE, KEYLESS_SIGNATURE) if (self.root / name).is_file())
        return (MANIFEST, *signatures, *(entry.path for entry in self.manifest.files))

    def command(self, there: PurePosixPath) -> tuple[str, ...]:
        """Return the command that starts the harness of a bundle copied to `there`.

        A bundle with its own libc uses its own loader.
        """
        harness = str(there / HARNESS)
        if self.manifest.runtime.loader is None:
            return (harness,)
        return (str(there / self.manifest.runtime.loader), "--library-path", str(there / "lib"), harness)


def build_bundle(
    folder: Path,
    *,
    models: Sequence[ModelArtifact],
    runtime: Runtime,
    harness: Path,
    toolchain: Toolchain,
    images: ImageSet | Samples | None,
    data: str | None = None,
    overlap: int | None = None,
) -> Bundle:
    """Build a bundle in `folder`.

    Raises WrongMachine for a binary for another machine, ModelError for inputs that don't match the model.
    """
    _check_names(models)
    shutil.copytree(runtime.root / "lib", folder / "lib")
    (folder / "bin").mkdir()
    shutil.copy2(harness, folder / HARNESS)
    (folder / "models").mkdir()
    bundled = []
    for model in models:
        path = f"models/{model.spec.name}.{model.spec.precision}{model.path.suffix}"
        parts = model_files(model.path) if model.path.suffix == ".onnx" else ()
        if len(parts) > 1:  # Weight files keep the names the .onnx refers to, so each precision gets its own folder.
            path = f"models/{model.spec.precision}/{model.spec.name}.{model.spec.precision}.onnx"
        (folder / path).parent.mkdir(exist_ok=True)
        shutil.copyfile(model.path, folder / path)
        for file in parts[1:]:
            shutil.copyfile(file, (folder / path).with_name(file.name))
        beside = [str(PurePosixPath(path).with_suffix(file.suffix)) for file in model.beside]
        for file, name in zip(model.beside, beside, strict=True):
            shutil.copyfile(file, folder / name)
        bundled.append(BundledModel(path=path, spec=model.spec, beside=tuple(beside)))
    carried = [path.name for name in LOADED_FOLDERS for path in sorted((folder / name).iterdir())]
    (folder / NOTICE).write_text(notice(carried))
    (folder / "inputs").mkdir()
    spec = models[0].spec
    samples = of_images(images, spec.inputs, spec.name) if isinstance(images, ImageSet) else images
    inputs = _write_noise(folder, spec) if samples is None else _write_samples(folder, spec, samples)
    truth = None
    if samples is not None and samples.truth:
        truth = TRUTH
        np.savez_compressed(folder / truth, **samples.truth)  # type: ignore[arg-type]  # NumPy's stubs take allow_pickle for any name
    for file in sorted(folder.rglob("*")):
        if file.is_file() and is_elf(file):
            check_machine(file, machine=toolchain.elf_machine, triple=toolchain.triple)
    write_bill(
        folder,
        file_entries(folder),
        runtime=runtime.build,
        models=[(model.path, model.spec) for model in bundled],
        harness=HARNESS,
        kernels=toolchain.crossbuild.kernels if toolchain.crossbuild and runtime.build.flags else None,
    )
    files = file_entries(folder)
    manifest = Manifest(
        schema=Manifest.SCHEMA,
        id=digest_entries(files),
        triple=toolchain.triple,
        elf_machine=toolchain.elf_machine,
        runtime=runtime.build,
        models=tuple(bundled),
        inputs=inputs,
        noise=samples is None,
        labels=None if samples is None or samples.labels is None else tuple(samples.labels.tolist()),
        data=data,
        overlap=overlap,
        truth=truth,
        files=files,
    )
    write_document(folder / MANIFEST, manifest)
    return Bundle(root=folder, manifest=manifest)


def _check_names(models: Sequence[ModelArtifact]) -> None:
    for name in (model.spec.name for model in models):
        if plain_name(name) != name:
            raise ModelError(f"{name!r} is not a valid model name", hint=f"{plain_name(name)!r} would be valid")
    if len({(model.spec.name, model.spec.precision) for model in models}) != len(models):
        raise ConfigError("two of the models have the same name and precision", hint="package them in two bundles")
    if len({model.spec.inputs for model in models}) != 1:
        raise ModelError("the models have different inputs", hint="package them in two bundles")


def _write_samples(folder: Path, spec: ModelSpec, samples: Samples) -> tuple[BundledInput, ...]:
    return tuple(
        _write_input(folder, index, tensor, samples.arrays[tensor.name], len(samples))
        for index, tensor in enumerate(spec.inputs)
    )


def _write_noise(folder: Path, spec: ModelSpec) -> tuple[BundledInput, ...]:
    """Write one sample of seeded noise for each input: standard normal floats, or zero integers."""
    random = np.random.default_rng(0)
    return tuple(
        _write_input(folder, index, tensor, random.standard_normal(tensor.shape) * tensor.dtype.startswith("float"), 1)
        for index, tensor in enumerate(spec.inputs)
    )


def _write_input(folder: Path, index: int, tensor: TensorSpec, data: npt.NDArray[Any], samples: int) -> BundledInput:
    path = f"inputs/{index}.bin"
    data.astype(np.dtype(tensor.dtype).newbyteorder("<")).tofile(folder / path)
    return BundledInput(path=path, tensor=tensor, samples=samples, sha256=sha256_file(folder / path))


def open_bundle(path: Path, *, verify: bool = True) -> Bundle:
    """Open a bundle's folder and check it against its manifest.

    Raises BuildError, naming the file that is missing, changed or unexpected.
    """
    if not (path / MANIFEST).is_file():
        raise BuildError(f"{path} is not a bundle", hint="make one with `edgetool package`")
    manifest = read_document(path / MANIFEST, Manifest, error=BuildError)
    if manifest.id != digest_entries(manifest.files):
        raise BuildError(f"{path / MANIFEST}: id: does not match its list of files")
    listed = {entry.path: entry for entry in manifest.files}
    named = [HARNESS, manifest.runtime.library, manifest.runtime.loader, manifest.truth]
    named += [path for model in manifest.models for path in model.files] + [tensor.path for tensor in manifest.inputs]
    for name in [*listed, *(name for name in named if name is not None)]:
        if not is_inside(name) or name not in listed:
            raise BuildError(f"{path / MANIFEST}: {name!r} is not a file of the bundle")
    if verify:
        for entry in manifest.files:
            _verify(path, entry, manifest)
        for file in sorted(file for name in LOADED_FOLDERS for file in (path / name).rglob("*") if not file.is_dir()):
            if file.relative_to(path).as_posix() not in listed:
                raise BuildError(f"bundle {path}: {file.relative_to(path)} was added after packaging")
    return Bundle(root=path, manifest=manifest)


def _verify(root: Path, entry: FileEntry, manifest: Manifest) -> None:
    file = root / entry.path
    if file.is_symlink() or not file.is_file() or not file.resolve().is_relative_to(root.resolve()):
        raise BuildError(f"bundle {root}: {entry.path} is missing", hint="package it again")
    if file.stat().st_size != entry.size_bytes or sha256_file(file) != entry.sha256:
        raise BuildError(f"bundle {root}: {entry.path} was changed after packaging", hint="package it again")
    if is_elf(file):
        check_machine(file, machine=manifest.elf_machine, triple=manifest.triple)


def copy_bundle(bundle: Bundle, folder: Path) -> Bundle:
    """Copy a bundle to `folder`, replacing an older bundle there. Raises ConfigError when anything else is there."""
    if folder.exists() and not (folder / MANIFEST).is_file():
        raise ConfigError(f"{folder} exists and is not a bundle", hint="choose another with --output")
    try:
        with staged(folder) as beside:
            for name in bundle.names:
                (beside / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(bundle.root / name, beside / name)
    except OSError as error:
        raise ConfigError(f"cannot write {folder}: {error.strerror}") from error
    return Bundle(root=folder, manifest=bundle.manifest)


def truth_of(bundle: Bundle) -> Truth:
    """Read what outputs are judged by besides labels; nothing where there is none. Raises BuildError."""
    name = bundle.manifest.truth
    return {} if name is None else read_npz(bundle.root / name, error=BuildError)


def inputs_by_name(bundle: Bundle) -> Mapping[str, str]:
    """Return the path of each input in the bundle by its name."""
    return {tensor.tensor.name: tensor.path for tensor in bundle.manifest.inputs}
