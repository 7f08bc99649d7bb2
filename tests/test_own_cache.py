"""The tests' own cache has the user's finished work, and nothing that is done there reaches the user's."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.platform.store import Store
from tests import cache


def whole(folder: Path) -> None:
    (folder / "text").write_text("whole")


def other(folder: Path) -> None:
    (folder / "text").write_text("other")


@pytest.fixture
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.delenv(cache.VARIABLE, raising=False)
    monkeypatch.setenv("EDGETOOL_CACHE", str(tmp_path / "edgetool"))
    store = Store(tmp_path / "edgetool")
    for step in ("runtime", "bundle"):
        store.entry(step, {}, whole)
    (store.root / "downloads").mkdir()
    (store.root / "downloads" / "a.deb").write_text("whole")
    (store.root / "downloads" / ".half.part").write_text("ha")
    return store


def test_what_is_finished_is_taken_over_but_nothing_of_the_users_models(users: Store) -> None:
    own = cache.own_cache()
    assert own != users.root
    assert not Store(own).entry("runtime", {}, whole).fresh
    assert [path.name for path in (own / "downloads").iterdir()] == ["a.deb"]
    assert not (own / "bundle").exists()


def test_an_entry_made_anew_leaves_the_users_alone(users: Store) -> None:
    own = cache.own_cache()
    made = Store(own).entry("runtime", {}, other, force=True)
    assert (made.path / "text").read_text() == "other"
    assert (users.entry("runtime", {}, whole).path / "text").read_text() == "whole"
    assert cache.own_cache() == own
    assert (made.path / "text").read_text() == "other"


@pytest.mark.usefixtures("users")
def test_another_folder_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "named"))
    assert cache.own_cache() == tmp_path / "named"
