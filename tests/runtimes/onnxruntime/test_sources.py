"""The sources: every byte is known before it is used, and nothing leaves its folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from edgetool.errors import BuildError, ConfigError
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store
from edgetool.runtimes.onnxruntime.sources import Source, fetch, read_sources, source_tree
from tests.platform.debian.archives import CONTENT, tarball


def source_of(path: Path, **changed: object) -> Source:
    data = path.read_bytes()
    known = {
        "name": "sample",
        "version": "1.0",
        "suite": "trixie",
        "path": f"pool/{path.name}",
        "size_bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    return Source(**{**known, **changed})  # type: ignore[arg-type]


def test_the_list_names_every_source_once_and_onnxruntime_1_21_0() -> None:
    sources = read_sources()
    assert len({source.name for source in sources}) == len(sources)
    assert {source.name: source.version for source in sources}["onnxruntime"] == "1.21.0"


def test_a_mirror_is_a_folder_of_the_files(tmp_path: Path) -> None:
    archive = tarball(tmp_path / "a.tar.gz", {"sample/a.c": CONTENT})
    assert fetch(source_of(archive), Store(tmp_path / "cache"), mirror=tmp_path).read_bytes() == archive.read_bytes()


@pytest.mark.parametrize("changed", [{"sha256": "0" * 64}, {"size_bytes": 1}])
def test_a_file_that_is_not_the_pinned_one_is_refused(tmp_path: Path, changed: dict[str, object]) -> None:
    archive = tarball(tmp_path / "a.tar.gz", {"sample/a.c": CONTENT})
    with pytest.raises(BuildError, match="pinned"):
        fetch(source_of(archive, **changed), Store(tmp_path / "cache"), mirror=tmp_path)


def test_a_file_that_the_mirror_lacks_is_named(tmp_path: Path) -> None:
    archive = tarball(tmp_path / "a.tar.gz", {"sample/a.c": CONTENT})
    with pytest.raises(BuildError, match=r"has no pool/a\.tar\.gz"):
        fetch(source_of(archive), Store(tmp_path / "cache"), mirror=tmp_path / "elsewhere")


def test_a_folder_without_onnxruntime_is_no_source_tree(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a source tree"):
        source_tree(Store(tmp_path / "cache"), Silent(), own=tmp_path)
