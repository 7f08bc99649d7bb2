"""List, measure, prune and verify the contents of the cache."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edgetool.platform.store import IN_USE, INPUTS, MANIFEST, damage, unused
from edgetool.platform.values import Name, NonNegative, value

DOWNLOADS = "downloads"
BUILDS = ("build", "zig")  # build trees and zig's cache, which speed up the next cross build


@value
class Item:
    """One item in the cache: a finished step, a downloaded file or a build tree."""

    kind: Name  # the step's name, or the folder's
    path: Path
    size_bytes: NonNegative
    used_at: datetime

    @property
    def name(self) -> str:
        return f"{self.kind}/{self.path.name}" if self.path.name != self.kind else self.kind

    @property
    def is_entry(self) -> bool:
        return (self.path / INPUTS).is_file()


@value
class Damage:
    item: Item
    found: tuple[str, ...]


def items(root: Path) -> tuple[Item, ...]:
    """Return every item that can be rebuilt or downloaded again, least recently used first.

    Boards and logs aren't included.
    """
    found = [_item(path.parent.parent.name, path.parent) for path in root.glob(f"*/[0-9a-f]*/{INPUTS}")]
    found += [
        _item(DOWNLOADS, path)
        for path in (root / DOWNLOADS).glob("*")
        if path.is_file() and path.suffix not in (".lock", IN_USE) and path.name[0] != "."
    ]
    found += [_item("build", path) for path in (root / "build").glob("*") if path.is_dir()]
    found += [_item("zig", path) for path in (root / "zig",) if path.is_dir()]
    return tuple(sorted(found, key=lambda item: item.used_at))


def _item(kind: str, path: Path) -> Item:
    mark = path / MANIFEST if (path / MANIFEST).is_file() else path
    return Item(
        kind=kind, path=path, size_bytes=size_of(path), used_at=datetime.fromtimestamp(mark.stat().st_mtime, UTC)
    )


def size_of(path: Path) -> int:
    """Return the size in bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.lstat().st_size for file in files if file.is_file() and not file.is_symlink())


def to_prune(
    found: Iterable[Item], *, max_bytes: int | None, unused_for: timedelta | None, now: datetime
) -> list[Item]:
    """Choose the items to remove.

    These are the items unused for longer than `unused_for`, then the least recently used ones until the rest fits into
    `max_bytes`.
    """
    ordered = sorted(found, key=lambda item: item.used_at)
    left = sum(item.size_bytes for item in ordered)
    chosen = []
    for item in ordered:
        old = unused_for is not None and now - item.used_at > unused_for
        if old or (max_bytes is not None and left > max_bytes):
            chosen.append(item)
            left -= item.size_bytes
    return chosen


def prune(
    root: Path, *, max_bytes: int | None = None, unused_for: timedelta | None = None, dry_run: bool = False
) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """Remove items beyond the limits. Return the removed items and the items kept because they are in use.

    Items in use count towards `max_bytes`, so more of the others are removed.
    """
    removed: list[Item] = []
    kept: list[Item] = []
    remaining = list(items(root))
    while chosen := to_prune(
        remaining,
        max_bytes=None if max_bytes is None else max(max_bytes - sum(item.size_bytes for item in kept), 0),
        unused_for=unused_for,
        now=datetime.now(UTC),
    ):
        item = chosen[0]
        remaining.remove(item)
        (removed if dry_run or remove(root, item) else kept).append(item)
    return tuple(removed), tuple(kept)


def remove(root: Path, item: Item) -> bool:
    """Remove an item unless it is in use. Return whether it was free.

    The item is moved aside before it is deleted, so a reader sees it whole or not at all.
    """
    with _nobody_uses(root, item) as free:
        if free and item.path.exists():
            with tempfile.TemporaryDirectory(dir=item.path.parent, prefix=f".{item.path.name}-old-") as aside:
                item.path.rename(Path(aside) / "old")
        return free


@contextmanager
def _nobody_uses(root: Path, item: Item) -> Iterator[bool]:
    from filelock import FileLock, Timeout

    if item.kind not in BUILDS:
        with unused(item.path) as free:
            yield free
        return
    with ExitStack() as locks:  # a running build holds the lock of its folder and writes to zig's cache
        try:
            for folder in (root / "build").glob("*"):
                if folder.is_dir():
                    locks.enter_context(FileLock(folder.with_name(f"{folder.name}.lock"), timeout=0))
        except Timeout:
            yield False
            return
        yield True


def verify(found: Sequence[Item]) -> tuple[Damage, ...]:
    """Return the finished steps whose files have changed since they were made."""
    return tuple(Damage(item=item, found=wrong) for item in found if item.is_entry and (wrong := damage(item.path)))
