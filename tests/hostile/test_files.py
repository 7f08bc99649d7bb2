"""Files that are not what they are taken for: each ends in an error with its exit code, none in a traceback."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from edgetool.archives import unpack_bundle
from edgetool.boards.facts import BoardFacts
from edgetool.boards.probe import Probe
from edgetool.commands.targets import _describe
from edgetool.console.progress import LiveProgress
from edgetool.console.table import print_table
from edgetool.errors import BuildError, CompareError, ConfigError, EdgetoolError
from edgetool.executors.local import LocalExecutor
from edgetool.models.artifacts import read_artifact
from edgetool.models.spec import ModelRequest
from edgetool.models.zoo import build_model
from edgetool.platform.arrays import read_npz
from edgetool.platform.documents import to_plain
from edgetool.platform.files import remove_tree, scratch_folder
from edgetool.platform.tar import tarfile
from edgetool.records.results import read_recorded, read_run
from edgetool.targets.registry import read_target, write_target
from edgetool.targets.spec import Target
from tests.support.commands import run_cli
from tests.support.records import record, recorded, stored_run
from tests.support.waiting import within

TOO_DEEP = 1200  # folders within each other: Python's stack ends at a thousand
DEEP = f"import os\nfor _ in range({TOO_DEEP}): os.mkdir('d'); os.chdir('d')"


def deep(folder: Path) -> None:
    """Fill a folder with others, each in the one before."""
    subprocess.run([sys.executable, "-c", DEEP], cwd=folder, check=True)


# Readers of files


def _checkpoint(path: Path) -> object:
    request = ModelRequest(source="mobilenet_v2", checkpoint=str(path))
    return build_model(request, calibration=None, weights_cache=path.parent, mirror=None)


READERS: dict[str, Callable[[Path], object]] = {
    "archive.tar.zst": lambda path: unpack_bundle(path, path.with_name("unpacked")),
    "images.npz": lambda path: read_npz(path, error=CompareError),
    "model.onnx": read_artifact,
    "record.json": read_recorded,
    "target.toml": read_target,
    "checkpoint.pt": lambda path: _checkpoint(path),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", ["fifo", "device", "folder", "link to itself", "nothing"])
def test_what_is_no_file_is_not_read(name: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / name
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
        case "link to itself":
            path.symlink_to(path)
    with within(60), pytest.raises(EdgetoolError):
        READERS[name](path)


@pytest.mark.parametrize("name", READERS)
def test_random_bytes_are_not_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    with within(60), pytest.raises(EdgetoolError):
        READERS[name](path)


# Arrays


def npz(path: Path, header: str, *, claims: int | None = None) -> Path:
    """An .npz of one array whose header says `header`, and whose directory claims so many bytes."""
    text = header.encode().ljust(117) + b"\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
        archive.getinfo("images.npy").file_size = claims or 128
    return path


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = npz(
        tmp_path / "x.npz", "{'descr': '|u1', 'fortran_order': False, 'shape': (2200000000,), }", claims=2_200_000_000
    )
    with pytest.raises(CompareError, match="holds more than 2 GiB"):
        read_npz(path, error=CompareError)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (" + "1," * 40 + "), }",
        "{" * 100,
        "'" * 99,
        "(" * 100,
        "",
    ],
)
def test_a_header_that_lies_is_an_error(header: str, tmp_path: Path) -> None:
    with within(60), pytest.raises(CompareError, match="cannot read"):
        read_npz(npz(tmp_path / "x.npz", header), error=CompareError)


# Folders without an end


def test_a_folder_of_any_depth_and_permissions_is_removed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    with scratch_folder() as folder:
        deep(folder)
        (folder / "link").symlink_to(kept)
        (folder / "closed").mkdir(mode=0o000)
        (folder / "d" / "file").touch(mode=0o000)
    assert not folder.exists()
    assert kept.is_dir()


def test_a_work_folder_that_was_replaced_by_a_link_costs_nobody_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with scratch_folder() as folder:
        folder.rmdir()
        folder.symlink_to(tmp_path)
    assert not folder.is_symlink()
    assert (tmp_path / "mine").exists()


def test_a_program_that_leaves_deep_folders_costs_only_its_own_results(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with LocalExecutor() as executor:
        executor.put(tmp_path / "there", PurePosixPath("outputs"))
        executor.run([sys.executable, "-c", f"import os\nos.chdir('outputs')\n{DEEP}"]).check()
        with pytest.raises(EdgetoolError, match="64 levels"):
            executor.get(PurePosixPath("outputs"), tmp_path / "back")
        work = executor._there(PurePosixPath("."))
    assert not work.exists()
    remove_tree(tmp_path / "back")


# Archives


def archive(path: Path, *members: tuple[str, dict[str, str]]) -> Path:
    """A .tar.zst of files of one byte with headers of their own."""
    import zstandard

    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, headers in members:
            member = tarfile.TarInfo(name)
            member.size, member.pax_headers = 1, headers
            tar.addfile(member, io.BytesIO(b"x"))
    path.write_bytes(zstandard.compress(data.getvalue()))
    return path


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("manifest.json", {"mtime": "nan"}),
        ("manifest.json", {"mtime": "inf"}),
        ("manifest.json", {"mtime": "1e300"}),
        ("manifest.json", {"mtime": "yesterday"}),
        ("manifest.json", {"size": "-1"}),
        ("manifest.json", {"size": "9" * 30}),
        ("manifest.json", {"uid": "9" * 30}),
        ("manifest.json", {"path": "\0"}),
        ("manifest.json", {"path": "../outside"}),
        ("manifest.json", {"path": "x" * 5000}),
        ("manifest.json", {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}),
        ("manifest.json", {"GNU.sparse.map": "a,b"}),
        ("manifest.json", {"hdrcharset": "BINARY"}),
        ("d/" * 2000 + "f", {}),
        ("d/" * 60 + "f", {}),
    ],
)
def test_an_archive_with_odd_headers_is_refused(name: str, headers: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(BuildError):
        unpack_bundle(archive(tmp_path / "x.tar.zst", (name, headers)), tmp_path / "unpacked")
    assert [path.name for path in tmp_path.iterdir()] == ["x.tar.zst"]


# Records


def changed_record(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    document = to_plain(record())
    change(document)
    folder.mkdir(exist_ok=True)
    path = folder / "record.json"
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda doc: doc["accuracy"]["labels"].append(1), "201 labels of 200 images"),
        (lambda doc: doc["accuracy"]["predictions"].append(1), "201 predictions of 200 images"),
        (lambda doc: doc["accuracy"].update(images=3), "200 predictions of 3 images"),
        (lambda doc: doc["timing"].update(samples_ns=[]), "timing.samples_ns: "),
        (lambda doc: doc["timing"].update(samples_ns=[0] * 30), "timing.samples_ns.0: "),
        (lambda doc: doc["subject"]["model"].update(size_bytes=0), "size_bytes"),
        (lambda doc: doc.update(outputs_file="../x.npz"), "outputs_file"),
    ],
)
def test_a_record_that_cannot_be_is_refused(
    change: Callable[[dict[str, Any]], object], key: str, tmp_path: Path
) -> None:
    with pytest.raises(CompareError, match=key):
        read_recorded(changed_record(tmp_path, change))


def test_a_run_without_records_has_a_report_and_nothing_to_compare(tmp_path: Path) -> None:
    folder = stored_run(tmp_path / "run", recorded(record()))
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**run, "results": []}))
    assert run_cli("report", folder).exit_code == 0
    assert run_cli("compare", folder, folder).exit_code == CompareError.exit_code
    old = {"schema": 1, "id": "x", "created_at": run["created_at"], "edgetool": "0.1.0", "target": "host"}
    (folder / "run.json").write_text(json.dumps({**old, "models": [], "records": []}))
    assert read_run(folder).recorded == ()
    assert run_cli("report", folder).exit_code == 0


# Targets


def test_one_broken_target_file_is_left_out_and_named(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("schema = ")
    (tmp_path / "[red]\x1b.toml").write_text("schema = 1")
    (tmp_path / "pipe.toml").symlink_to("/dev/zero")
    (tmp_path / "folder.toml").mkdir()
    listed = run_cli("targets", "list", env={"EDGETOOL_TARGETS": str(tmp_path)})
    assert listed.exit_code == 0
    assert b"qemu-riscv64" in listed.stdout
    said = listed.stderr.decode().splitlines()
    assert len(said) == 4
    assert all(line.startswith("left out: ") and line.isprintable() for line in said)
    as_json = json.loads(run_cli("targets", "list", "--json", env={"EDGETOOL_TARGETS": str(tmp_path)}).stdout)
    assert len(as_json["broken"]) == 4


MODELS = (
    "😀 board",
    'a "quoted" \\ one',
    "tab\tand\nline",
    "\x7f",
    "\x00\x1b[2J",
    "é",
    "'''",
    '"""',
    "\u202e",
    "\ud800",
    "x" * 400,
)


@pytest.mark.parametrize("model", MODELS)
def test_a_target_of_any_board_is_read_back_as_it_was_written(model: str, tmp_path: Path) -> None:
    facts = BoardFacts(model=model)
    probe = Probe(machine="riscv64", kernel="6.1", cores=4, free_bytes=None, facts=facts)
    executor = {"kind": "ssh", "host": "me@board😀", "accept_new": True}
    target = Target(schema=1, name="board", description=_describe(probe), triple=probe.triple, executor=executor)
    write_target(tmp_path / "board.toml", target)
    assert read_target(tmp_path / "board.toml") == target


@pytest.mark.parametrize("host", ["", "a\nb", "\ud800", "x" * 9000])
def test_a_target_that_would_not_be_read_is_not_kept(host: str, tmp_path: Path) -> None:
    target = Target(schema=1, name="b", description="", triple="native", executor={"kind": "ssh", "host": host})
    with pytest.raises(ConfigError):
        write_target(tmp_path / "b.toml", target)
    assert list(tmp_path.iterdir()) == []


# Streams and markup

LIST = [sys.executable, "-m", "edgetool.cli", "targets", "list"]


@pytest.mark.parametrize(
    ("redirection", "exit_code", "says"),
    [
        (">&-", 0, ""),
        (">&- 2>&- <&-", 0, ""),
        ("2>&-", 0, ""),
        (">/dev/full", 1, "error: No space left on device"),
        (">/dev/full 2>/dev/full", 1, ""),
        ("--json >&-", 0, ""),
        ("--json >/dev/full", 1, '"error": "No space left on device"'),
    ],
)
def test_a_stream_that_is_closed_or_full_is_no_traceback(redirection: str, exit_code: int, says: str) -> None:
    done = subprocess.run(["sh", "-c", f'"$0" "$@" {redirection}', *LIST], capture_output=True, text=True)
    assert done.returncode == exit_code
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_who_reads_no_further_is_no_error() -> None:
    with subprocess.Popen(LIST, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


MARKUP = "[/red] [bold]x[/] :smile: \x1b[2J"


def test_markup_is_shown_as_it_is() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=200)
    progress = LiveProgress()
    progress._console = console
    with progress.step(MARKUP) as step:
        step.note(MARKUP)
    print_table(("[/red]",), [(MARKUP,)], console=console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert shown.count("[/red] [bold]x[/] :smile:") >= 2
    assert "\x1b[2J" not in shown


@pytest.mark.parametrize(
    "words", [["[/red]"], ["bench", "[/red]"], ["report", "[/red]"], ["targets", "show", "[/red]"]]
)
def test_markup_in_a_word_is_no_traceback(words: list[str]) -> None:
    done = run_cli(*words)
    assert done.exit_code == 2 or done.exit_code in range(3, 9)
    assert b"[/red]" in done.stderr
    assert b"Traceback" not in done.stderr
