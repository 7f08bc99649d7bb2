"""`edgetool runtime` as a person types it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from edgetool.platform.process import Completed, run_process
from edgetool.platform.store import Store
from tests.runtimes.test_cache import add


def edgetool(cache: Path, *words: str) -> Completed:
    return run_process(
        [sys.executable, "-m", "edgetool.cli", "runtime", *words], env={"EDGETOOL_CACHE": str(cache)}, timeout_s=120
    )


def test_list_and_show_name_the_build_and_its_size(tmp_path: Path) -> None:
    key = add(Store(tmp_path), "a build of ours")
    listed = edgetool(tmp_path, "list").stdout.decode()
    shown = edgetool(tmp_path, "show", key[:8]).stdout.decode()
    assert key in listed
    assert "a build of ours" in listed
    assert "lib/libonnxruntime.so.1.21.0, 15 B" in shown


def test_list_as_json_is_for_machines(tmp_path: Path) -> None:
    key = add(Store(tmp_path), "a build of ours")
    answer = json.loads(edgetool(tmp_path, "list", "--json").stdout)
    assert [entry["key"] for entry in answer["runtimes"]] == [key]
    assert answer["runtimes"][0]["size_bytes"] > 0


def test_remove_takes_one_away(tmp_path: Path) -> None:
    key = add(Store(tmp_path), "a build of ours")
    assert edgetool(tmp_path, "remove", key).exit_code == 0
    assert json.loads(edgetool(tmp_path, "list", "--json").stdout)["runtimes"] == []


@pytest.mark.parametrize("words", [(), ("abcdef", "--builds")])
def test_remove_wants_to_know_what(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = edgetool(tmp_path, "remove", *words)
    assert done.exit_code == 2
    assert b"hint: " in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--triple", "sparc-linux-gnu"), 2, "known triples: aarch64-linux-gnu"),
        (("--compiler", "msvc"), 2, "known compilers: zig, gcc"),
        (("--mirror", "nowhere"), 4, "give --mirror a folder that contains onnxruntime_1.21.0"),
        (("--reduced", "nowhere.onnx"), 3, "nowhere.onnx"),
    ],
)
def test_what_a_build_lacks_is_said_before_any_work(
    tmp_path: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    done = edgetool(tmp_path, "build", *words)
    assert done.exit_code == code
    assert message in done.stderr.decode()
    assert not (tmp_path / "runtime").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--format", "rpm"), "known formats: wheel, tar, deb"),
        (("--python", "3.9"), "pinned: 3.11, 3.12, 3.13, 3.14; --headers DIR takes another's"),
        (("--sign", "me"), "name its folder with --apt"),
        (("--apt", "repository", "--format", "tar"), "add deb to --format"),
        (("--headers", "nowhere"), "unpack one libpython3.X-dev of the board's there"),
        (("abcdef",), "keys of `edgetool runtime list`"),
        (("--triple", "sparc-linux-gnu"), "known triples: aarch64-linux-gnu"),
    ],
)
def test_what_packages_lack_is_said_before_any_work(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    done = edgetool(tmp_path, "dist", *words)
    assert done.exit_code == 2
    assert message in done.stderr.decode()
    assert not (tmp_path / "build").exists()
