"""The sources: every byte is known before it is used, and nothing leaves its folder."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from edgetool.errors import BuildError, ConfigError
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store
from edgetool.runtimes.onnxruntime.sources import Source, fetch, read_sources, source_tree, unpack

CONTENT = b"int answer = 42;\n"


def tarball(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def package(path: Path, members: dict[str, bytes]) -> Path:
    """A .deb: an `ar` archive of debian-binary and data.tar.gz, each padded to an even length."""
    data = tarball(path.with_suffix(".tar.gz"), members).read_bytes()
    with path.open("wb") as file:
        file.write(b"!<arch>\n")
        for name, content in (("debian-binary", b"2.0\n"), ("odd", b"x"), ("data.tar.gz", data)):
            file.write(f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode())
            file.write(content + b"\n" * (len(content) % 2))
    return path


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


def test_a_tarball_is_unpacked_without_its_top_folder(tmp_path: Path) -> None:
    unpack(tarball(tmp_path / "a.tar.gz", {"sample-1.0/src/a.c": CONTENT}), tmp_path / "sample")
    assert (tmp_path / "sample/src/a.c").read_bytes() == CONTENT


def test_a_package_is_unpacked_whole(tmp_path: Path) -> None:
    unpack(package(tmp_path / "a.deb", {"usr/include/a.h": CONTENT}), tmp_path / "sample")
    assert (tmp_path / "sample/usr/include/a.h").read_bytes() == CONTENT


@pytest.mark.parametrize("name", ["sample/../../escaped", "/escaped"])
def test_an_archive_cannot_write_outside_its_folder(tmp_path: Path, name: str) -> None:
    archive = tarball(tmp_path / "a.tar.gz", {"sample/a.c": CONTENT, name: CONTENT})
    with pytest.raises(BuildError):
        unpack(archive, tmp_path / "inside" / "sample")
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.parametrize("data", [b"", b"not an archive", b"!<arch>\n"])
def test_a_broken_archive_is_an_error_that_names_it(tmp_path: Path, data: bytes) -> None:
    for name in ("a.deb", "a.tar.gz"):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(BuildError, match=name):
            unpack(tmp_path / name, tmp_path / f"from-{name}")


def test_a_mirror_is_a_folder_of_the_files(tmp_path: Path) -> None:
    archive = tarball(tmp_path / "a.tar.gz", {"sample/a.c": CONTENT})
    assert fetch(source_of(archive), Store(tmp_path / "cache"), mirror=tmp_path) == archive


@pytest.mark.parametrize("changed", [{"sha256": "0" * 64}, {"size_bytes": 1}])
def test_a_file_that_is_not_the_pinned_one_is_refused(tmp_path: Path, changed: dict[str, object]) -> None:
    archive = tarball(tmp_path / "a.tar.gz", {"sample/a.c": CONTENT})
    with pytest.raises(BuildError, match=r"is not the sample 1\.0"):
        fetch(source_of(archive, **changed), Store(tmp_path / "cache"), mirror=tmp_path)


def test_a_file_that_the_mirror_lacks_is_named(tmp_path: Path) -> None:
    archive = tarball(tmp_path / "a.tar.gz", {"sample/a.c": CONTENT})
    with pytest.raises(BuildError, match="is missing"):
        fetch(source_of(archive), Store(tmp_path / "cache"), mirror=tmp_path / "elsewhere")


def test_a_folder_without_onnxruntime_is_no_source_tree(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no source tree"):
        source_tree(Store(tmp_path / "cache"), Silent(), own=tmp_path)
