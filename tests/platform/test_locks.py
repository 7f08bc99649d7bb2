"""A lock that a program has too is held until that program has ended."""

from __future__ import annotations

import subprocess
from pathlib import Path

from edgetool.platform.locks import inherited_lock
from tests.support.waiting import is_locked


def test_a_lock_is_held_within_its_block_alone(tmp_path: Path) -> None:
    with inherited_lock(tmp_path / "lock"):
        assert is_locked(tmp_path / "lock")
    assert not is_locked(tmp_path / "lock")


def test_a_program_that_has_inherited_a_lock_holds_it_until_it_ends(tmp_path: Path) -> None:
    with inherited_lock(tmp_path / "lock") as descriptor:
        program = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[descriptor])
    assert is_locked(tmp_path / "lock")
    program.communicate()
    assert not is_locked(tmp_path / "lock")


def test_a_program_that_was_not_given_it_does_not(tmp_path: Path) -> None:
    with inherited_lock(tmp_path / "lock"):
        program = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    assert not is_locked(tmp_path / "lock")
    program.communicate()
