"""Fetch, verify and unpack the sources that edgetool builds, from a Debian archive."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from edgetool.errors import BuildError, ConfigError, FileGone
from edgetool.platform.catalog import data_folder
from edgetool.platform.debian.packages import fetch_from_debian
from edgetool.platform.documents import read_document
from edgetool.platform.files import FileEntry, digest_entries, file_entry, is_inside
from edgetool.platform.progress import Note, Progress, unheard
from edgetool.platform.store import Store, key_of
from edgetool.platform.unpack import unpack
from edgetool.platform.values import Name, value

RECIPE = 2  # increment when the sources are assembled differently


@value
class Source(FileEntry):
    """A source archive: a tarball, or a package of headers. `path` is its path in a Debian archive."""

    name: Name  # the folder it is unpacked to
    version: Name
    suite: Name  # the Debian release that has it
    licence: Name | None = None  # SPDX expression; None if nothing of it is in a library
    notices: tuple[Name, ...] = ()  # files that must travel with the library
    # If only some of its folders are unpacked: where each goes → its path in the archive.
    parts: dict[Name, Name] = field(default_factory=dict)


@value
class SourceList:
    """The sources listed in `toolchain/onnxruntime/sources.toml`."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    source: tuple[Source, ...]


@dataclass(frozen=True, kw_only=True)
class SourceTree:
    """All sources, unpacked."""

    onnxruntime: Path
    dependencies: Path  # one folder for each name
    version: str  # ONNX Runtime's
    key: str  # of their contents
    pinned: bool  # edgetool's patches apply, since this isn't the user's own tree


def read_sources(folder: Path | None = None) -> tuple[Source, ...]:
    """Read the sources of a recipe, by default ONNX Runtime's.

    Raises ConfigError when the list is invalid or names a file outside its folder.
    """
    path = (folder or recipe_folder()) / "sources.toml"
    listed = read_document(path, SourceList)
    if listed.schema != SourceList.SCHEMA:
        raise ConfigError(f"{path}: schema: {listed.schema}, this edgetool reads {SourceList.SCHEMA}")
    for source in listed.source:
        for name in (source.path, *source.notices, *source.parts, *source.parts.values()):
            if not is_inside(name) or not is_inside(source.name) or "/" in source.name:
                raise ConfigError(f"{path}: {source.name}: {name!r} is not a plain path")
    return listed.source


def recipe_folder() -> Path:
    """Return the folder of the cross build's recipe."""
    return data_folder("toolchain") / "onnxruntime"


def find_source(name: str) -> Source:
    return next(source for source in read_sources() if source.name == name)


def source_tree(store: Store, progress: Progress, *, own: Path | None = None, mirror: Path | None = None) -> SourceTree:
    """Fetch and unpack the sources once. `own` replaces the pinned ONNX Runtime with the user's tree.

    Raises BuildError when a file can't be fetched or differs from the pinned one, ConfigError when `own` isn't a source
    tree.
    """
    if own is not None and not (own / "cmake" / "CMakeLists.txt").is_file():
        raise ConfigError(
            f"{own} is not a source tree of ONNX Runtime", hint="give the folder that contains cmake/CMakeLists.txt"
        )
    sources = read_sources()
    inputs: dict[str, object] = {
        "recipe": RECIPE,
        "sources": {source.name: source.sha256 for source in sources},
    }

    def make(folder: Path) -> None:
        for source, path in zip(sources, fetch_sources(sources, store, mirror=mirror, note=step.note), strict=True):
            step.note(source.name)
            unpack(path, folder / source.name)
        step.note(f"{len(sources)} archives")

    with progress.step("sources of ONNX Runtime") as step:
        entry = store.entry("sources", inputs, make)
        tree, key = entry.path / "onnxruntime", key_of(inputs)
        if own is not None:
            tree = own.resolve()
            key = key_of({**inputs, "own": _digest_tree(tree)})
    version = (tree / "VERSION_NUMBER").read_text().strip()
    return SourceTree(onnxruntime=tree, dependencies=entry.path, version=version, key=key, pinned=own is None)


def fetch(source: Source, store: Store, *, mirror: Path | None = None, note: Note = unheard) -> Path:
    """Fetch an archive and verify its SHA-256. `mirror` is a folder of such files, for use without a network."""
    return fetch_sources([source], store, mirror=mirror, note=note)[0]


def fetch_sources(
    sources: Sequence[Source],
    store: Store,
    *,
    mirror: Path | None = None,
    note: Note = unheard,
) -> tuple[Path, ...]:
    """Fetch archives in parallel. Raises BuildError when a file can't be fetched or differs from the pinned one."""
    if mirror is None:
        return fetch_from_debian(sources, store.root, note=note)
    try:
        return fetch_from_debian(sources, store.root, note=note, mirror=str(mirror.resolve()))
    except FileGone as gone:
        places = ((source, (mirror / source.path, mirror / source.file_name)) for source in sources)
        wanted = next(source.file_name for source, paths in places if not any(map(Path.is_file, paths)))
        raise BuildError(gone.message, hint=f"give --mirror a folder that contains {wanted}") from gone


def _digest_tree(root: Path) -> str:
    """Hash the path and content of every file outside .git."""
    return digest_entries(file_entry(root, path) for path in _files(root))


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name != ".git")
        yield from (path for name in sorted(names) if (path := Path(folder) / name).is_file())
