"""Archives from elsewhere: whole, in their folder, or an error that names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.errors import BuildError
from edgetool.platform.unpack import unpack, unpack_package, unpack_parts
from tests.platform.debian.archives import CONTENT, link, package, tarball


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


def test_parts_of_a_tarball_are_unpacked_under_their_new_names(tmp_path: Path) -> None:
    files = {"large-1.0/inner/a/src/a.c": CONTENT, "large-1.0/inner/ab/b.c": CONTENT, "large-1.0/c.c": CONTENT}
    unpack_parts(tarball(tmp_path / "a.tar.gz", files), {"deep/one": "inner/a"}, tmp_path / "root")
    found = [path.relative_to(tmp_path / "root") for path in (tmp_path / "root").rglob("*") if path.is_file()]
    assert found == [Path("deep/one/src/a.c")]


def test_a_part_that_the_tarball_lacks_is_named(tmp_path: Path) -> None:
    archive = tarball(tmp_path / "a.tar.gz", {"large-1.0/inner/a.c": CONTENT})
    with pytest.raises(BuildError, match=r"a\.tar\.gz contains no other/part"):
        unpack_parts(archive, {"one": "inner", "two": "other/part"}, tmp_path / "root")


def test_a_part_cannot_write_outside_its_folder(tmp_path: Path) -> None:
    archive = tarball(tmp_path / "a.tar.gz", {"large/inner/../../../escaped": CONTENT})
    with pytest.raises(BuildError):
        unpack_parts(archive, {"one": "inner"}, tmp_path / "inside" / "root")
    assert not list(tmp_path.rglob("escaped"))


def test_packages_are_unpacked_side_by_side(tmp_path: Path) -> None:
    for name in ("a", "b"):
        unpack_package(package(tmp_path / f"{name}.deb", {f"usr/lib/{name}.so": CONTENT}), tmp_path / "root")
    assert sorted(path.name for path in (tmp_path / "root/usr/lib").iterdir()) == ["a.so", "b.so"]


def test_only_what_is_asked_for_is_unpacked(tmp_path: Path) -> None:
    archive = package(tmp_path / "a.deb", {"boot/vmlinux-6.12": CONTENT, "boot/config-6.12": CONTENT})
    assert unpack_package(archive, tmp_path / "root", only=("boot/vmlinu*", "sbin/init")) == {"boot/vmlinu*"}
    assert [path.name for path in (tmp_path / "root/boot").iterdir()] == ["vmlinux-6.12"]


@pytest.mark.parametrize("to", ["/etc/shadow", "../../../../escaped"])
def test_a_link_that_leads_out_of_a_package_is_left_out(tmp_path: Path, to: str) -> None:
    archive = package(tmp_path / "a.deb", {"usr/lib/a.so": CONTENT}, links=[link("usr/lib/out", to)])
    unpack_package(archive, tmp_path / "root")
    assert [path.name for path in (tmp_path / "root/usr/lib").iterdir()] == ["a.so"]


def test_a_link_within_a_package_is_kept(tmp_path: Path) -> None:
    archive = package(tmp_path / "a.deb", {"usr/lib/a.so.1.2": CONTENT}, links=[link("usr/lib/a.so.1", "a.so.1.2")])
    unpack_package(archive, tmp_path / "root")
    assert (tmp_path / "root/usr/lib/a.so.1").read_bytes() == CONTENT
