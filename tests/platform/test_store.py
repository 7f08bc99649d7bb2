"""The cache of finished steps: made once, whole or absent, whatever happens to the maker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgetool.errors import BuildError, ConfigError
from edgetool.platform.store import Store, cache_root, key_of

INPUTS = {"model": "tiny", "opset": 20}
# Appends a line to the file argv[2] each time it makes the entry in the store argv[1], and prints the entry's text.
MAKER = """
import sys
from pathlib import Path
from edgetool.platform.store import Store

def make(folder):
    with open(sys.argv[2], "a") as log:
        log.write("made\\n")
    (folder / "text").write_text("whole")
    if len(sys.argv) > 3:
        print("half-way", flush=True)
        sys.stdin.read()

print((Store(Path(sys.argv[1])).entry("step", {"model": "tiny", "opset": 20}, make).path / "text").read_text())
"""


def write_text(folder: Path) -> None:
    (folder / "text").write_text("whole")


def never(folder: Path) -> None:
    pytest.fail(f"{folder} was made again")


def fail(folder: Path) -> None:
    write_text(folder)
    raise ValueError("no")


def test_a_second_call_finds_what_the_first_made(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = store.entry("step", INPUTS, write_text)
    second = store.entry("step", dict(reversed(INPUTS.items())), never)
    assert (first.fresh, second.fresh) == (True, False)
    assert (second.path / "text").read_text() == "whole"


def test_other_inputs_are_another_entry(tmp_path: Path) -> None:
    store = Store(tmp_path)
    paths = {store.entry("step", inputs, write_text).path for inputs in (INPUTS, {**INPUTS, "opset": 21}, {})}
    assert len(paths) == 3


def test_force_makes_an_entry_anew_and_leaves_nothing_of_the_old(tmp_path: Path) -> None:
    store = Store(tmp_path)
    old = store.entry("step", INPUTS, lambda folder: (folder / "old").touch())
    new = store.entry("step", INPUTS, write_text, force=True)
    assert new.fresh
    assert new.path == old.path
    assert sorted(path.name for path in new.path.iterdir()) == ["entry.json", "inputs.json", "text"]
    assert [path.name for path in new.path.parent.iterdir() if path.is_dir()] == [new.path.name]


def test_a_maker_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no"):
        Store(tmp_path).entry("step", INPUTS, fail)
    assert [path for path in tmp_path.rglob("*") if path.suffix not in (".lock", ".use")] == [tmp_path / "step"]


def test_a_maker_that_fails_under_force_leaves_the_old_entry(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.entry("step", INPUTS, write_text)
    with pytest.raises(ValueError, match="no"):
        store.entry("step", INPUTS, fail, force=True)
    assert (store.entry("step", INPUTS, never).path / "text").read_text() == "whole"


def test_two_processes_that_want_one_entry_make_it_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MAKER, str(tmp_path / "store"), str(tmp_path / "log")]
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
    assert [racer.communicate(timeout=240)[0] for racer in racers] == [b"whole\n"] * 3
    assert (tmp_path / "log").read_text() == "made\n"


def test_what_a_killed_process_left_is_not_taken_for_done(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MAKER, str(tmp_path / "store"), str(tmp_path / "log"), "wait"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as maker:
        assert maker.stdout is not None
        assert maker.stdout.readline() == b"half-way\n"
        maker.kill()
    entry = Store(tmp_path / "store").entry("step", INPUTS, write_text)
    assert entry.fresh
    assert [path.name for path in entry.path.parent.iterdir() if path.is_dir()] == [entry.path.name]


def test_a_cache_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot write to the cache") as caught:
        Store(tmp_path / "file").entry("step", INPUTS, write_text)
    assert caught.value.hint is not None
    assert "EDGETOOL_CACHE" in caught.value.hint


def test_keys_do_not_depend_on_the_order_of_inputs() -> None:
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1}) != key_of({"a": 2, "b": 1})


def test_the_environment_says_where_the_cache_is(cache: Path) -> None:
    assert os.environ["EDGETOOL_CACHE"] == str(cache_root()) == str(cache)


def test_an_entry_that_is_damaged_is_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = Store(tmp_path).entry("step", INPUTS, write_text).path
    (path / "text").write_text("whale")
    entry = Store(tmp_path).entry("step", INPUTS, write_text)
    assert entry.fresh
    assert (entry.path / "text").read_text() == "whole"
    assert "the cache is damaged, rebuilding" in capsys.readouterr().err


def test_a_damaged_entry_that_is_known_by_its_folder_is_refused(tmp_path: Path) -> None:
    path = Store(tmp_path).entry("step", INPUTS, write_text).path
    assert Store(tmp_path).open_entry(path) == path
    (path / "text").write_text("whale")
    with pytest.raises(BuildError, match="text has changed") as caught:
        Store(tmp_path).open_entry(path)
    assert "edgetool cache verify" in str(caught.value.hint)
