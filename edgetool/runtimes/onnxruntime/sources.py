"""The sources of what edgetool builds: fetched from a Debian archive, checked, unpacked."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar

from edgetool.errors import BuildError, ConfigError
from edgetool.platform.catalog import data_folder
from edgetool.platform.documents import read_document
from edgetool.platform.files import is_inside, sha256_file
from edgetool.platform.process import run_tool
from edgetool.platform.progress import Progress
from edgetool.platform.store import Store, key_of
from edgetool.platform.tar import tarfile
from edgetool.platform.values import Name, Positive, Sha256, value
from edgetool.runtimes.onnxruntime.prebuilt import debian_mirror

RECIPE = 2  # raised when the way the sources are put together changes
APT_HELPER = Path("/usr/lib/apt/apt-helper")
AR_MAGIC = b"!<arch>\n"
AR_HEADER_BYTES = 60


@value
class Source:
    """One archive: a tarball, or a package of headers."""

    name: Name  # the folder it is unpacked to
    version: Name
    suite: Name  # which release of Debian holds it
    path: Name  # in a Debian archive
    size_bytes: Positive
    sha256: Sha256

    @property
    def file_name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


@value
class SourceList:
    """`toolchain/onnxruntime/sources.toml`."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    source: tuple[Source, ...]


@dataclass(frozen=True, kw_only=True)
class SourceTree:
    """All sources, unpacked."""

    onnxruntime: Path
    dependencies: Path  # a folder for each name
    version: str  # ONNX Runtime's
    key: str  # of what lies in them
    pinned: bool  # the tree that edgetool's patches were made for, not one of the user's


def read_sources(folder: Path | None = None) -> tuple[Source, ...]:
    """A recipe's sources, by default ONNX Runtime's.

    Raises ConfigError for a list that can't be read or names a file outside its folder.
    """
    path = (folder or recipe_folder()) / "sources.toml"
    listed = read_document(path, SourceList)
    if listed.schema != SourceList.SCHEMA:
        raise ConfigError(f"{path}: schema: {listed.schema}, this edgetool reads {SourceList.SCHEMA}")
    for source in listed.source:
        if not is_inside(source.path) or not is_inside(source.name) or "/" in source.name:
            raise ConfigError(f"{path}: {source.name}: {source.path!r} is not a plain path")
    return listed.source


def recipe_folder() -> Path:
    """Where the recipe of the cross build lies."""
    return data_folder("toolchain") / "onnxruntime"


def find_source(name: str) -> Source:
    return next(source for source in read_sources() if source.name == name)


def source_tree(store: Store, progress: Progress, *, own: Path | None = None, mirror: Path | None = None) -> SourceTree:
    """The sources, fetched and unpacked once; `own` is the user's ONNX Runtime in place of the pinned one.

    Raises BuildError when a file can't be had or is not what it should be, ConfigError for an `own` that is none.
    """
    if own is not None and not (own / "cmake" / "CMakeLists.txt").is_file():
        raise ConfigError(f"{own} is no source tree of ONNX Runtime", hint="its folder holds cmake/CMakeLists.txt")
    sources = read_sources()
    inputs: dict[str, object] = {
        "recipe": RECIPE,
        "sources": {source.name: source.sha256 for source in sources},
    }

    def make(folder: Path) -> None:
        for source in sources:
            step.note(source.name)
            unpack(fetch(source, store, mirror=mirror), folder / source.name)
        step.note(f"{len(sources)} archives")

    with progress.step("sources of ONNX Runtime") as step:
        entry = store.entry("sources", inputs, make)
        tree, key = entry.path / "onnxruntime", key_of(inputs)
        if own is not None:
            tree = own.resolve()
            key = key_of({**inputs, "own": _digest_tree(tree)})
    version = (tree / "VERSION_NUMBER").read_text().strip()
    return SourceTree(onnxruntime=tree, dependencies=entry.path, version=version, key=key, pinned=own is None)


def fetch(source: Source, store: Store, *, mirror: Path | None = None) -> Path:
    """The archive's file, whose sha256 is checked each time. With `mirror`, a folder of such files, no network."""
    if mirror is not None:
        return _check(source, mirror / source.file_name, hint=f"--mirror wants a folder that holds {source.file_name}")
    path = store.root / "downloads" / source.file_name
    if path.is_file() and sha256_file(path) == source.sha256:
        return path
    address = debian_mirror()
    if address is None or not APT_HELPER.is_file():
        raise BuildError(
            f"{source.file_name} can't be fetched: this machine's apt knows no Debian archive",
            hint=f"fetch {source.path} from any Debian mirror and put it at {path}",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".fetch-") as scratch:
        beside = Path(scratch) / "file"
        # apt's own downloader: it knows this machine's proxies and certificates.
        run_tool(
            [APT_HELPER, "download-file", f"{address.rstrip('/')}/{source.path}", beside, f"SHA256:{source.sha256}"],
            log=store.root / "logs" / f"fetch-{source.name}.log",
            timeout_s=1800,
        )
        os.replace(_check(source, beside, hint="the mirror is broken or tampered with"), path)
    return path


def _check(source: Source, path: Path, *, hint: str) -> Path:
    if not path.is_file():
        raise BuildError(f"{path} is missing", hint=hint)
    if path.stat().st_size != source.size_bytes or sha256_file(path) != source.sha256:
        raise BuildError(f"{path} is not the {source.name} {source.version} of sha256 {source.sha256}", hint=hint)
    return path


def unpack(archive: Path, folder: Path) -> None:
    """A package's files, or a tarball's without its single top folder, into the new `folder`."""
    try:
        if archive.suffix == ".deb":
            with archive.open("rb") as file:
                stream = _data_member(file, archive)
                _extract(stream, folder)
            return
        beside = folder.with_name(f".{folder.name}-unpacked")
        with archive.open("rb") as file:
            _extract(file, beside)
        tops = list(beside.iterdir())
        if len(tops) != 1 or not tops[0].is_dir():
            raise BuildError(f"{archive} does not hold one folder")
        tops[0].rename(folder)
        shutil.rmtree(beside, ignore_errors=True)
    except (OSError, tarfile.TarError) as error:
        raise BuildError(f"cannot unpack {archive}: {error}") from error


def _extract(stream: IO[bytes], folder: Path) -> None:
    folder.mkdir()
    with tarfile.open(fileobj=stream, mode="r:*") as tar:
        tar.extractall(folder, filter="data")


def _data_member(file: IO[bytes], archive: Path) -> IO[bytes]:
    """The data.tar of a .deb, which is an `ar` archive."""
    if file.read(len(AR_MAGIC)) != AR_MAGIC:
        raise BuildError(f"{archive} is not a Debian package")
    while len(header := file.read(AR_HEADER_BYTES)) == AR_HEADER_BYTES:
        name, size = header[:16].decode("ascii", "replace").strip().rstrip("/"), int(header[48:58])
        if name.startswith("data.tar"):
            return io.BytesIO(file.read(size))
        file.seek(size + size % 2, os.SEEK_CUR)
    raise BuildError(f"{archive} holds no data.tar")


def _digest_tree(root: Path) -> str:
    """Of every file's path and content, .git apart."""
    digest = hashlib.sha256()
    for path in _files(root):
        digest.update(f"{path.relative_to(root).as_posix()}\0{sha256_file(path)}\n".encode())
    return digest.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name != ".git")
        yield from (path for name in sorted(names) if (path := Path(folder) / name).is_file())
