"""Files from mirrors that are slow, broken, or not what they were: each ends with the right file, or says why not."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgetool.errors import FetchError, FileGone
from edgetool.platform import download
from edgetool.platform.download import Patience, fetch_files
from edgetool.platform.files import FileEntry
from tests.platform.debian.archives import Mirror

NAME = "pool/main/a/a.deb"
REMEDY = "ask for another"
QUICK = Patience(stall_s=0.5, first_wait_s=0.01, fruitless_attempts=3)


@pytest.fixture
def content() -> bytes:
    return os.urandom(400_000)


@pytest.fixture
def mirror(tmp_path: Path, content: bytes) -> Iterator[Mirror]:
    root = tmp_path / "mirror"
    (root / NAME).parent.mkdir(parents=True)
    (root / NAME).write_bytes(content)
    with Mirror(root) as running:
        yield running


def entry(content: bytes, name: str = NAME) -> FileEntry:
    return FileEntry(path=name, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def fetch(tmp_path: Path, content: bytes, *mirrors: str) -> bytes:
    return fetch_files([entry(content)], tmp_path / "downloads", mirrors, remedy=REMEDY, patience=QUICK)[0].read_bytes()


@pytest.mark.parametrize(
    "faults",
    [
        [],
        ["503"],
        ["500", "429"],
        ["503", "503", "cut", "503", "503"],
        ["cut"],
        ["cut", "cut"],
        ["slow"],
        ["stall"],
    ],
    ids=",".join,
)
def test_a_fault_that_passes_ends_right(tmp_path: Path, content: bytes, mirror: Mirror, faults: list[str]) -> None:
    mirror.faults[NAME] = faults
    assert fetch(tmp_path, content, mirror.address) == content


def test_what_was_cut_off_is_taken_up_where_it_ended(tmp_path: Path, content: bytes, mirror: Mirror) -> None:
    mirror.faults[NAME] = ["cut"]
    fetch(tmp_path, content, mirror.address)
    assert mirror.ranges == [f"bytes={len(content) // 2}-"]


def test_a_mirror_without_ranges_sends_it_all_again(tmp_path: Path, content: bytes, mirror: Mirror) -> None:
    mirror.faults[NAME] = ["cut", "no ranges"]
    assert fetch(tmp_path, content, mirror.address) == content


def test_the_next_call_takes_up_what_the_last_one_got(tmp_path: Path, content: bytes, mirror: Mirror) -> None:
    mirror.faults[NAME] = ["cut", "503", "503", "503"]
    with pytest.raises(FetchError, match="HTTP status 503"):
        fetch(tmp_path, content, mirror.address)
    assert fetch(tmp_path, content, mirror.address) == content
    assert mirror.ranges[-1] == f"bytes={len(content) // 2}-"


def test_the_beginning_of_another_file_is_thrown_away(tmp_path: Path, content: bytes, mirror: Mirror) -> None:
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / f".{entry(content).sha256[:16]}.part").write_bytes(b"another")
    assert fetch(tmp_path, content, mirror.address) == content


@pytest.mark.parametrize(
    ("fault", "message"), [("wrong", "match the pinned sha256"), ("longer", "more than"), ("403", "status 403")]
)
def test_what_is_not_the_pinned_file_is_refused(
    tmp_path: Path, content: bytes, mirror: Mirror, fault: str, message: str
) -> None:
    mirror.faults[NAME] = [fault] * 9
    with pytest.raises(FetchError, match=message):
        fetch(tmp_path, content, mirror.address)
    assert not (tmp_path / "downloads/a.deb").exists()


def test_a_file_of_another_size_is_refused_before_it_is_sent(tmp_path: Path, content: bytes, mirror: Mirror) -> None:
    (mirror.root / NAME).write_bytes(content + b"more")
    with pytest.raises(FetchError, match=f"has {len(content) + 4} bytes, {len(content)} are pinned"):
        fetch(tmp_path, content, mirror.address)


def test_a_file_that_no_mirror_has_is_gone_and_not_asked_for_again(
    tmp_path: Path, content: bytes, mirror: Mirror
) -> None:
    (mirror.root / NAME).unlink()
    with pytest.raises(FileGone, match=f"has no {NAME}"):
        fetch(tmp_path, content, mirror.address)
    assert mirror.requests[NAME] == 1


@pytest.mark.parametrize("fault", ["404", "wrong", "503"])
def test_another_mirror_is_asked_for_what_one_lacks(tmp_path: Path, content: bytes, mirror: Mirror, fault: str) -> None:
    with Mirror(mirror.root) as first:
        first.faults[NAME] = [fault] * 9
        assert fetch(tmp_path, content, first.address, mirror.address) == content


@dataclass(frozen=True)
class Sizeless:
    """A file whose publisher states its SHA-256 and no size."""

    sha256: str
    path: str = NAME
    file_name: str = "a.deb"
    size_bytes: None = None


def sizeless(content: bytes) -> Sizeless:
    return Sizeless(hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("faults", [[], ["503"], ["cut", "cut"]], ids=",".join)
def test_a_file_of_unknown_size_is_fetched_the_same_way(
    tmp_path: Path, content: bytes, mirror: Mirror, faults: list[str]
) -> None:
    mirror.faults[NAME] = faults
    wanted = sizeless(content)
    for _ in range(2):
        (path,) = fetch_files([wanted], tmp_path / "downloads", [mirror.address], remedy=REMEDY, patience=QUICK)
        assert path.read_bytes() == content


def test_a_part_of_unknown_size_that_is_whole_is_not_fetched_again(
    tmp_path: Path, content: bytes, mirror: Mirror
) -> None:
    wanted = sizeless(content)
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / f".{wanted.sha256[:16]}.part").write_bytes(content)
    (path,) = fetch_files([wanted], tmp_path / "downloads", [mirror.address], remedy=REMEDY, patience=QUICK)
    assert path.read_bytes() == content
    assert not mirror.requests[NAME]


def test_a_file_of_unknown_size_is_bounded(
    tmp_path: Path, content: bytes, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "UNKNOWN_SIZE_LIMIT_BYTES", len(content) - 1)
    with pytest.raises(FetchError, match="more than 399999 bytes"):
        fetch_files([sizeless(content)], tmp_path / "downloads", [mirror.address], remedy=REMEDY, patience=QUICK)


def test_a_mirror_that_does_not_answer_is_named(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FetchError, match=r"http://127\.0\.0\.1:9/\S+: Connection refused") as raised:
        fetch(tmp_path, content, "http://127.0.0.1:9")
    assert (raised.value.hint or "").endswith(f"try again, or {REMEDY}")


def test_a_folder_is_a_mirror_too(tmp_path: Path, content: bytes, mirror: Mirror) -> None:
    assert fetch(tmp_path, content, str(mirror.root)) == content


def test_what_is_there_is_checked_and_not_fetched_again(tmp_path: Path, content: bytes, mirror: Mirror) -> None:
    fetch(tmp_path, content, mirror.address)
    assert fetch(tmp_path, content) == content
    (tmp_path / "downloads/a.deb").write_bytes(bytes(len(content)))
    assert fetch(tmp_path, content, mirror.address) == content
    assert mirror.requests[NAME] == 2


def test_several_files_come_at_a_time(tmp_path: Path, mirror: Mirror) -> None:
    contents = {f"pool/{number}": os.urandom(1000 + number) for number in range(20)}
    for name, data in contents.items():
        (mirror.root / name).write_bytes(data)
    files = [entry(data, name) for name, data in contents.items()]
    paths = fetch_files(files, tmp_path / "downloads", [mirror.address], remedy=REMEDY, patience=QUICK)
    assert [path.read_bytes() for path in paths] == list(contents.values())


def test_progress_says_how_much_and_how_long(tmp_path: Path, content: bytes, mirror: Mirror) -> None:
    notes: list[str] = []
    mirror.faults[NAME] = ["slow"]
    fetch_files(
        [entry(content)], tmp_path / "downloads", [mirror.address], note=notes.append, remedy=REMEDY, patience=QUICK
    )
    assert notes
    assert all("of 0.4 MB" in note and "MB/s" in note and "s left" in note for note in notes)


def test_a_proxy_is_used(tmp_path: Path, content: bytes, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    path = fetch_files(
        [entry(content)],
        tmp_path / "downloads",
        ["http://archive.invalid"],
        proxies={"http": mirror.address},
        remedy=REMEDY,
        patience=QUICK,
    )[0]
    assert path.read_bytes() == content
