"""Pinned packages straight from the pool; by the signed index where a pinned one is gone; an error that names both."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from edgetool.errors import BuildError, ConfigError, FetchError
from edgetool.platform.debian import index, mirrors, packages, pins
from edgetool.platform.debian.packages import unpack_packages
from edgetool.platform.debian.pins import Packages, PinList, pinned
from edgetool.platform.debian.refresh import refreshed, render
from tests.platform.debian.archives import ARCHITECTURE, SUITE, Archive, Mirror

ASKED = Packages(suite=SUITE, architecture=ARCHITECTURE, packages=("app",))
APT = pytest.mark.skipif(
    None in map(shutil.which, ("apt-get", "gpg")), reason="needs apt, which reads a signed index, and gpg to sign one"
)


@dataclass(frozen=True)
class World:
    """An archive of app, its library and what nobody needs, the first two pinned; a mirror of it; a cache."""

    archive: Archive
    mirror: Mirror
    pins: PinList
    cache: Path

    def unpacked(self) -> set[str]:
        """What lies in usr/share afterwards, with the versions."""
        folder = self.cache / "root"
        unpack_packages(ASKED, self.cache, folder, note=lambda _: None)
        return {f"{path.name} {path.read_text()}" for path in (folder / "usr/share").iterdir()}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    archive = Archive(tmp_path)
    archive.add("other", "1")
    made = tuple(archive.add(name, "1", depends=needs) for name, needs in (("app", ["libapp"]), ("libapp", [])))
    known = PinList(
        schema=PinList.SCHEMA, suite=SUITE, architecture=ARCHITECTURE, wanted=("app",), as_of="2026-11-21", package=made
    )
    monkeypatch.setattr(packages, "read_pins", lambda *_: known)
    monkeypatch.setattr(index, "KEYRING", archive.keyring)
    with Mirror(archive.root) as mirror:
        monkeypatch.setenv(mirrors.VARIABLE, mirror.address)
        yield World(archive, mirror, known, tmp_path / "cache")


def test_a_package_comes_with_what_it_needs_and_nothing_else(world: World) -> None:
    assert world.unpacked() == {"app 1", "libapp 1"}


def test_pinned_packages_need_no_index_no_apt_and_no_root(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    world.unpacked()
    assert not [path for path in world.mirror.requests if path.startswith("dists/")]


@APT
def test_a_stale_index_is_in_nobodys_way(world: World) -> None:
    with world.archive.key():
        world.archive.sign()
        world.archive.spoil_index()
        assert world.unpacked() == {"app 1", "libapp 1"}


@APT
def test_what_the_archive_has_dropped_is_taken_as_it_is_now_by_the_signed_index(world: World) -> None:
    with world.archive.key():
        world.archive.add("libapp", "2")
        world.archive.sign()
        assert world.unpacked() == {"app 1", "libapp 2"}


@APT
def test_with_a_stale_index_too_the_error_names_both_ways_and_what_to_do(world: World) -> None:
    with world.archive.key():
        world.archive.add("libapp", "2")
        world.archive.sign()
        world.archive.spoil_index()
        with pytest.raises(FetchError, match=r"pinned versions: .* has no pool/main/l/libapp") as caught:
            world.unpacked()
    assert "by the signed index: apt-get ended with exit code" in caught.value.message
    assert mirrors.VARIABLE in str(caught.value.hint)
    assert "snapshot of 2026-11-21" in str(caught.value.hint)


@APT
def test_an_index_that_another_has_signed_is_refused(world: World, tmp_path: Path) -> None:
    stranger = Archive(tmp_path / "stranger")
    (tmp_path / "stranger").mkdir()
    with world.archive.key(), stranger.key():
        shutil.copyfile(stranger.keyring, world.archive.keyring)
        world.archive.add("libapp", "2")
        world.archive.sign()
        with pytest.raises(FetchError, match="by the signed index: apt-get ended with exit code"):
            world.unpacked()


def test_without_apt_the_error_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.archive.add("libapp", "2")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FetchError, match="by the signed index: cannot run apt-get"):
        world.unpacked()


def test_one_path_of_each_pattern_is_unpacked(world: World) -> None:
    unpack_packages(ASKED, world.cache, world.cache / "root", note=lambda _: None, only=("usr/share/lib*",))
    assert [path.name for path in (world.cache / "root/usr/share").iterdir()] == ["libapp"]
    with pytest.raises(BuildError, match="hold no usr/share/else"):
        unpack_packages(ASKED, world.cache, world.cache / "other", note=lambda _: None, only=("usr/share/else",))


def test_a_package_that_is_not_pinned_is_named(world: World) -> None:
    with pytest.raises(ConfigError, match=r"trixie-riscv64\.toml has no package 'nothing'"):
        pinned(world.pins, ["nothing"])


@APT
def test_a_list_is_refreshed_from_the_signed_index(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.archive.key():
        current = world.archive.add("libapp", "2")
        world.archive.sign()
        read = index.signed_index(SUITE, ARCHITECTURE, world.mirror.address, log=tmp_path / "log")
    new = refreshed(world.pins, read)
    assert new.package == (world.pins.package[0], current)
    monkeypatch.setattr(pins, "pins_folder", lambda: tmp_path)
    new.path.write_text(render(new))
    assert pins.read_pins.__wrapped__(SUITE, ARCHITECTURE) == new


def test_a_dependency_that_is_not_wanted_is_left_out() -> None:
    stanzas = {
        name: {"Package": name, "Version": "1", "Filename": f"pool/{name}", "Size": "1", "SHA256": "0" * 64, **more}
        for name, more in {
            "app": {"Depends": "scripts (>= 2) | other-scripts, libapp:any (= 1)"},
            "libapp": {"Pre-Depends": "virtual-libc"},
            "libc6": {"Provides": "virtual-libc (= 2)"},
            "scripts": {},
        }.items()
    }
    found = index.Index(stanzas=stanzas, as_of=None).resolve(["app"], without=["scripts"])
    assert {each.name: each.needs for each in found} == {"app": ("libapp",), "libapp": ("libc6",), "libc6": ()}


def test_a_list_without_schema_of_ours_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins, "pins_folder", lambda: tmp_path)
    newer = PinList(schema=PinList.SCHEMA + 1, suite="s", architecture="a", wanted=())
    replace(newer).path.write_text(render(newer))
    with pytest.raises(ConfigError, match="schema: 2"):
        pins.read_pins.__wrapped__("s", "a")
