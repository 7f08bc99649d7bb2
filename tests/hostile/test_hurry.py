"""What a user in a hurry types, and where edgetool is started: it works or ends in an error, never in a traceback."""

from __future__ import annotations

import json
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from edgetool.cli import USAGE_ERROR, app
from edgetool.errors import EdgetoolError
from edgetool.platform.documents import to_json, to_plain
from edgetool.platform.files import FileEntry, digest_entries
from edgetool.platform.process import run_process
from tests.support.bundles import PARSE, script, stub_bundle
from tests.support.commands import run_cli
from tests.support.models import tiny_graph
from tests.support.records import record, recorded, stored_run
from tests.support.waiting import within

NOT_UTF8 = os.fsdecode(b"\xff\xfe")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, a run, a bundle and a pipe."""
    made = tmp_path_factory.mktemp("hurry")
    (made / "model.onnx").write_bytes(tiny_graph().SerializeToString())
    stored_run(made / "run", recorded(record()))
    stub_bundle(made / "bundle", script(made / "harness", PARSE))
    os.mkfifo(made / "pipe")
    return made


@pytest.mark.parametrize(
    "words",
    [
        "package {} --target host",
        "package model.onnx --target host --archive --output {}",
        "package model.onnx --target host --output out --sign {}",
        "quantize {} --dynamic",
        "quantize model.onnx --dynamic --output {}",
        "quantize model.onnx --calibration {}",
        "quantize model.onnx --dynamic --recipe {}",
        "deploy --target host --model {}",
        "bench {} --target host",
        "bench bundle --target {}",
        "bench bundle --target host --require-signature {}",
        "bench bundle --target host --runs {}",
        "sweep {}",
        "report {}",
        "compare {} run",
        "compare run --gate {}",
        "trace {}",
        "diff {} {}",
        "estimate {}",
    ],
)
@pytest.mark.parametrize(
    "word", ["", "bundle/..", "pipe", NOT_UTF8, "x" * 5000], ids=["none", "dots", "pipe", "bytes", "long"]
)
def test_a_word_that_is_no_such_file_is_an_error(
    words: str, word: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    with within(120), suppress(EdgetoolError, OSError, SystemExit, USAGE_ERROR):
        app([each.format(word) for each in words.split()], standalone_mode=False)
    assert stat.S_ISFIFO((folder / "pipe").stat().st_mode)


@pytest.mark.parametrize(
    "words",
    [
        "cache prune --unused-for 99999999999",
        f"cache prune --max-size {'9' * 400}G",
        f"bench bundle --target host --repetitions {'9' * 30}",
        f"bench bundle --target host --threads {'9' * 30}",
        "bench bundle --target host --min-duration nan",
        "bench bundle --target host --max-duration inf",
        "bench bundle --target host --target-error nan",
        "bench bundle --target host --cooldown nan",
    ],
)
def test_a_number_that_cannot_be_is_an_error(words: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    with within(60), pytest.raises((EdgetoolError, USAGE_ERROR)):
        app(words.split(), standalone_mode=False)


# Names and characters


def test_names_of_files_that_are_no_utf8_have_a_digest() -> None:
    entries = [FileEntry(path=name, sha256="0" * 64, size_bytes=1) for name in ("a", "é", NOT_UTF8)]
    assert len({digest_entries([entry]) for entry in entries}) == 3


def test_names_of_files_that_are_no_utf8_are_told_as_json() -> None:
    entry = FileEntry(path=NOT_UTF8, sha256="0" * 64, size_bytes=1)
    told = json.loads(to_json({"path": NOT_UTF8, NOT_UTF8: [1.5, None], "entries": (entry,)}))
    assert told == {"path": NOT_UTF8, NOT_UTF8: [1.5, None], "entries": [to_plain(entry)]}


def test_names_of_files_that_are_no_utf8_are_printed(tmp_path: Path) -> None:
    done = run_cli("new", tmp_path / NOT_UTF8)
    assert done.exit_code == 0, done.stderr.decode()
    assert (tmp_path / NOT_UTF8 / "edgetool.toml").is_file()


# Where it is started

PLACES = {
    "ascii": "PYTHONIOENCODING=ascii",
    "the C locale": "LC_ALL=C PYTHONCOERCECLOCALE=0 PYTHONUTF8=0",
    "a time zone that is none": "TZ=xxxx/yyyy",
    "no width": "COLUMNS=0",
    "no home": "HOME=/nonexistent",
    "an empty home": "HOME=",
    "no temporary folder": "TMPDIR=/nonexistent",
    "a temporary folder of two lines": 'TMPDIR="$2"',
    "a temporary folder of bytes": 'TMPDIR="$3"',
    "streams closed": "exec <&-",
    "few files": "ulimit -n 16",
    "small files": "ulimit -f 1",
    "little memory": "ulimit -v 300000",
    "a little stack": "ulimit -s 256",
    "a folder that is gone": 'mkdir "$4" && cd "$4" && rmdir "$4"',
}


@pytest.mark.parametrize("place", PLACES)
def test_a_report_is_drawn_or_refused_wherever_it_is_started(place: str, folder: Path, tmp_path: Path) -> None:
    two_lines, strange = tmp_path / "edgetool-kept\nx", tmp_path / NOT_UTF8
    two_lines.mkdir()
    strange.mkdir()
    (tmp_path / "edgetool-kept").mkdir()
    does = PLACES[place]
    shell = f"export {does}" if "=" in does.split()[0] else does
    line = f'{shell} && exec "$0" -m edgetool report "$1"'
    given: tuple[str | Path, ...] = (sys.executable, folder / "run", two_lines, strange, tmp_path / "gone")
    done = run_process(["bash", "-c", line, *given], env={"PYTHONPATH": str(Path.cwd())}, timeout_s=120)
    assert done.exit_code in (0, 1), done.stderr.decode()
    assert not done.timed_out
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    assert (done.exit_code == 0) == (b"error: " not in done.stderr)
    assert (tmp_path / "edgetool-kept").is_dir()
