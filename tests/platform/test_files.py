"""Files: names that stay in their folder, writing whole or not at all."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetool.platform.files import file_entries, is_inside, link_or_copy, sha256_file, staged, write_atomically
from edgetool.platform.process import run_process
from tests.support.commands import start_python

PARTS = st.sampled_from(["..", ".", "", "a", "b", "...", "..a", "\0", "~", "\\", "a\nb"]) | st.text(max_size=5)


@given(st.lists(PARTS, max_size=6).map("/".join))
def test_no_accepted_path_leaves_its_folder(relative: str) -> None:
    if is_inside(relative):
        assert os.path.normpath(f"/folder/{relative}").startswith("/folder")


@pytest.mark.parametrize("relative", ["", "/etc/passwd", "..", "a/../..", "a/..", "../a", "a\0b", "//a"])
def test_a_path_that_leaves_its_folder_is_refused(relative: str) -> None:
    assert not is_inside(relative)


@pytest.mark.parametrize("relative", ["a", "a/b", "..a", "a..", "...", " ", "a b/c'd", "lib/libc.so.6"])
def test_a_path_that_stays_in_its_folder_is_accepted(relative: str) -> None:
    assert is_inside(relative)


def test_writing_replaces_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write_atomically(path, b"long old text")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from edgetool.platform.files import write_atomically\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "write_atomically(Path(sys.argv[1]), b'x' * 5000)\n"
    )
    assert b"File too large" in run_process([sys.executable, "-c", program, path]).stderr
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(OSError, match="folder"):
        write_atomically(folder, b"text")
    assert list(tmp_path.iterdir()) == [folder]


def test_entries_are_of_all_regular_files_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for name in ("b", "a/c", "a/b"):
        write_atomically(tmp_path / name, name.encode())
    entries = file_entries(tmp_path)
    assert [entry.path for entry in entries] == ["a/b", "a/c", "b"]
    assert entries[2].sha256 == sha256_file(tmp_path / "b")
    assert [entry.size_bytes for entry in entries] == [3, 3, 1]


def test_a_file_gets_a_second_name_or_is_copied_to_another_file_system(tmp_path: Path, elsewhere: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    link_or_copy(program, tmp_path / "linked")
    assert (tmp_path / "linked").samefile(program)
    link_or_copy(program, elsewhere / "copied")
    assert (elsewhere / "copied").read_bytes() == program.read_bytes()
    assert (elsewhere / "copied").stat().st_mode == program.stat().st_mode
    with pytest.raises(FileExistsError):
        link_or_copy(program, tmp_path / "linked")


LOOKS = """
import os, sys
away = 0
print("looking", flush=True)
while not os.path.exists(sys.argv[2]):
    away += not os.path.exists(sys.argv[1])
print(away)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux exchanges two names at once")
def test_a_folder_that_is_replaced_is_never_away(tmp_path: Path) -> None:
    entry, done = tmp_path / "entry", tmp_path / "done"
    entry.mkdir()
    with start_python("-c", LOOKS, entry, done) as looking:
        assert looking.stdout is not None
        assert looking.stdout.readline() == b"looking\n"
        for number in range(500):
            with staged(entry) as made:
                (made / "number").write_text(str(number))
        done.touch()
        assert looking.stdout.read() == b"0\n"
    assert (entry / "number").read_text() == "499"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["done", "entry"]
