"""What the cache holds: counted, removed in the order of its use, never from under somebody, and checked."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from edgetool.platform.cache import items, prune, verify
from edgetool.platform.store import MANIFEST, Store

HOLDER = """
import sys
from pathlib import Path
from edgetool.platform.store import Store

store = Store(Path(sys.argv[1]))
store.entry("step", {"name": sys.argv[2]}, lambda folder: None)
print("held", flush=True)
sys.stdin.read()
"""


def add(root: Path, name: str, *, age_days: float = 0, size_bytes: int = 1000) -> Path:
    """An entry that was used last so long ago."""
    make = lambda folder: (folder / "data").write_bytes(bytes(size_bytes))  # noqa: E731
    path = Store(root).entry("step", {"name": name}, make).path
    mark = path / MANIFEST
    used = mark.stat().st_mtime - age_days * 86_400
    os.utime(mark, (used, used))
    return path


def flip(path: Path) -> None:
    """One bit of a file; its time and size stay."""
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def names(root: Path) -> set[Path]:
    return {item.path for item in items(root)}


def test_everything_is_listed_with_its_size_the_least_recently_used_first(tmp_path: Path) -> None:
    new, old = add(tmp_path, "new"), add(tmp_path, "old", age_days=2)
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads/a.deb").write_bytes(b"12345")
    found = items(tmp_path)
    assert [item.path for item in found[:2]] == [old, new]
    assert (found[2].name, found[2].size_bytes) == ("downloads/a.deb", 5)
    assert all(item.size_bytes > 1000 for item in found[:2])


def test_opening_an_entry_is_a_use(tmp_path: Path) -> None:
    add(tmp_path, "a", age_days=50)
    Store(tmp_path).entry("step", {"name": "a"}, lambda _: pytest.fail("made again"))
    assert prune(tmp_path, unused_for=timedelta(days=30)) == ((), ())


def test_what_was_not_used_for_long_goes(tmp_path: Path) -> None:
    new, old = add(tmp_path, "new"), add(tmp_path, "old", age_days=40)
    removed, _ = prune(tmp_path, unused_for=timedelta(days=30))
    assert [item.path for item in removed] == [old]
    assert names(tmp_path) == {new}


def test_the_least_recently_used_goes_until_the_rest_fits(tmp_path: Path) -> None:
    paths = [add(tmp_path, str(age), age_days=age, size_bytes=10_000) for age in (3, 2, 1)]
    prune(tmp_path, max_bytes=25_000)
    assert names(tmp_path) == set(paths[1:])


def test_a_dry_run_removes_nothing(tmp_path: Path) -> None:
    path = add(tmp_path, "old", age_days=40)
    removed, _ = prune(tmp_path, max_bytes=0, dry_run=True)
    assert [item.path for item in removed] == [path]
    assert names(tmp_path) == {path}


def test_what_another_process_uses_stays_until_it_ends(tmp_path: Path) -> None:
    held = add(tmp_path, "held", age_days=40)
    free = add(tmp_path, "free")
    command = [sys.executable, "-c", HOLDER, str(tmp_path), "held"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        removed, kept = prune(tmp_path, max_bytes=0)
        holder.communicate(timeout=60)
    assert ([item.path for item in removed], [item.path for item in kept]) == ([free], [held])
    prune(tmp_path, max_bytes=0)
    assert names(tmp_path) == set()


def test_a_whole_cache_has_no_damage(tmp_path: Path) -> None:
    add(tmp_path, "a")
    assert verify(items(tmp_path)) == ()


@pytest.mark.parametrize(
    ("harm", "message"),
    [(flip, "data has changed"), (Path.unlink, "data is missing")],
    ids=["a flipped bit", "a missing file"],
)
def test_damage_is_found_and_named(tmp_path: Path, harm: object, message: str) -> None:
    path = add(tmp_path, "a")
    assert callable(harm)
    harm(path / "data")
    assert [damage.found for damage in verify(items(tmp_path))] == [(message,)]


def test_an_entry_of_before_there_were_manifests_gets_one(tmp_path: Path) -> None:
    path = add(tmp_path, "a")
    (path / MANIFEST).unlink()
    assert verify(items(tmp_path)) == ()
    flip(path / "data")
    assert len(verify(items(tmp_path))) == 1
