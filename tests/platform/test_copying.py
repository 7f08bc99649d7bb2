"""What an untrusted program wrote: files and folders come back, nothing else does, and no more than was asked for."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest

from edgetool.errors import TransferError
from edgetool.platform.copying import copy_untrusted
from edgetool.platform.process import run_process

SECRET = "a secret of this machine"


def to_a_secret(folder: Path) -> None:
    (folder.parent / "secret").write_text(SECRET)
    (folder / "out").symlink_to(folder.parent / "secret")


def through_a_folder(folder: Path) -> None:
    (folder.parent / "out").write_text(SECRET)
    (folder / "folder").rmdir()
    (folder / "folder").symlink_to(folder.parent)


def bound(folder: Path) -> None:
    address = folder / "out"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(address))


def deep(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(2000):
        os.mkdir("out", dir_fd=handle)
        below = os.open("out", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(handle)


def sparse(folder: Path) -> None:
    with (folder / "out").open("wb") as file:
        file.truncate(2**40)


CASES: dict[str, Callable[[Path], object]] = {
    "a link": to_a_secret,
    "a device": lambda work: (work / "out").symlink_to("/dev/zero"),
    "a pipe": lambda work: os.mkfifo(work / "out"),
    "a socket": bound,
    "2000 folders": deep,
    "a terabyte of nothing": sparse,
    "nothing": lambda work: work,
    "a link to itself": lambda work: (work / "out").symlink_to("out"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a folder in it; removed by `rm`, which folders too deep for Python's own recursion do not stop."""
    path = tmp_path / "w"
    (path / "folder").mkdir(parents=True)
    yield path
    run_process(["rm", "-rf", path], timeout_s=60)


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused(folder: Path, tmp_path: Path, case: str) -> None:
    CASES[case](folder)
    with pytest.raises(TransferError):
        copy_untrusted(folder, PurePosixPath("out"), tmp_path / "back", limit_bytes=2**20)
    assert not (tmp_path / "back").is_file()


def test_a_folder_that_is_a_link_is_not_gone_through(tmp_path: Path) -> None:
    work = tmp_path / "w"
    (work / "folder").mkdir(parents=True)
    through_a_folder(work)
    with pytest.raises(TransferError):
        copy_untrusted(work, PurePosixPath("folder/out"), tmp_path / "back", limit_bytes=2**20)
    assert not (tmp_path / "back").exists()


def test_a_folder_comes_without_its_links(tmp_path: Path) -> None:
    work = tmp_path / "w"
    (work / "folder" / "deep").mkdir(parents=True)
    (work / "folder" / "deep" / "a").write_bytes(b"text")
    (work / "folder" / "link").symlink_to("/etc/passwd")
    copy_untrusted(work, PurePosixPath("folder"), tmp_path / "back", limit_bytes=4)
    assert (tmp_path / "back" / "deep" / "a").read_bytes() == b"text"
    assert not (tmp_path / "back" / "link").exists()


def test_one_byte_more_than_was_asked_for_is_too_much(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "out").write_bytes(b"12345")
    with pytest.raises(TransferError, match="larger than the limit of 4 bytes"):
        copy_untrusted(tmp_path / "w", PurePosixPath("out"), tmp_path / "back", limit_bytes=4)
    copy_untrusted(tmp_path / "w", PurePosixPath("out"), tmp_path / "back", limit_bytes=5)
    assert (tmp_path / "back").read_bytes() == b"12345"
