"""The onnxruntime that a board's own Python has, found and brought by a real SSH server."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import distribution
from pathlib import Path

import pytest

from edgetool.boards.installed import installed_runtime
from edgetool.errors import ConfigError
from edgetool.executors.ssh import SshExecutor
from edgetool.platform.documents import write_document
from edgetool.platform.elf import read_elf
from edgetool.platform.files import sha256_file
from edgetool.platform.store import Store
from edgetool.runtimes.onnxruntime.recipe import PROVIDER
from edgetool.runtimes.spec import Runtime
from edgetool.runtimes.toolchains import load_toolchain
from edgetool.targets.registry import load_target
from tests.executors.servers import Server, openssh
from tests.support.commands import run_cli

HERE = load_toolchain("native")
WHEEL = distribution("onnxruntime")
ONNXRUNTIME = Path(str(WHEEL.locate_file("onnxruntime")))
LIBRARY = ONNXRUNTIME / "capi" / f"libonnxruntime.so.{WHEEL.version}"
Find = Callable[[str], Runtime]

pytestmark = pytest.mark.xdist_group("ssh-board")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with openssh(tmp_path_factory.mktemp("board")) as running:
        yield running


@pytest.fixture
def find(server: Server, tmp_path: Path) -> Find:
    def look(asked: str) -> Runtime:
        with SshExecutor.open(server.target()) as board:
            return installed_runtime(board, asked, HERE, Store(tmp_path / "cache"))

    return look


def python_with(site: Path, path: Path) -> Path:
    """A Python on the board that looks for packages in `site` first."""
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{site}" exec "{sys.executable}" "$@"\n')
    path.chmod(0o755)
    return path


def test_it_is_the_library_that_the_boards_python_has(find: Find) -> None:
    runtime = find(f"installed:{sys.executable}")
    found = runtime.build.installed
    assert found is not None
    assert (found.path, found.build_id) == (str(LIBRARY.resolve()), read_elf(LIBRARY).build_id)
    assert sha256_file(runtime.root / runtime.build.library) == sha256_file(LIBRARY)
    assert (runtime.build.provider, runtime.build.version) == ("installed", WHEEL.version)


def test_one_without_edgetools_record_is_said_not_to_be_edgetools(find: Find) -> None:
    runtime = find(f"installed:{sys.executable}")
    assert runtime.build.installed is not None
    assert not runtime.build.installed.ours
    assert "not edgetool's build" in runtime.build.variant


@pytest.mark.parametrize("same", [True, False])
def test_a_record_of_the_build_makes_it_ours_if_it_is_of_this_library(find: Find, tmp_path: Path, same: bool) -> None:
    site = tmp_path / "site"
    shutil.copytree(ONNXRUNTIME, site / "onnxruntime", ignore=shutil.ignore_patterns("tools", "transformers", "*.pyc"))
    record = replace(find(f"installed:{sys.executable}").build, provider=PROVIDER, installed=None, flags=("zig",))
    if not same:
        with (site / "onnxruntime" / "capi" / LIBRARY.name).open("ab") as library:
            library.write(b"\0")
    sboms = site / f"onnxruntime-{WHEEL.version}.dist-info" / "sboms"
    sboms.mkdir(parents=True)
    write_document(sboms / "runtime.json", record)
    build = find(f"installed:{python_with(site, tmp_path / 'python')}").build
    assert build.installed is not None
    assert build.installed.ours is same
    assert build.flags == (("zig",) if same else ())


def test_no_python_of_that_name_is_an_error_that_names_it(find: Find) -> None:
    with pytest.raises(ConfigError, match="the board has no /opt/none/python"):
        find("installed:/opt/none/python")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise ModuleNotFoundError('No module named onnxruntime')", "No module named onnxruntime"),
        ("raise ImportError('libc.so.6: version `GLIBC_2.99` not found')", "GLIBC_2.99"),
        ("__version__ = '1.21.0'", "contains no libonnxruntime.so"),
    ],
)
def test_an_onnxruntime_that_cannot_be_loaded_is_an_error_that_names_the_wheel_to_take(
    find: Find, tmp_path: Path, code: str, reason: str
) -> None:
    package = tmp_path / "site" / "onnxruntime"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(code)
    with pytest.raises(ConfigError, match=reason) as caught:
        find(f"installed:{python_with(package.parent, tmp_path / 'python')}")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"CPython {python}" in caught.value.message
    assert "runtime dist" in str(caught.value.hint)


def test_an_emulator_has_none() -> None:
    refused = run_cli("runtime", "selftest", "--target", "qemu-riscv64", "--runtime", "installed")
    assert refused.exit_code == 2
    assert b"is for boards" in refused.stderr


def test_a_deployment_measures_it_and_the_record_names_path_and_build_id(
    server: Server, tiny_path: Path, images_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "desk.toml").write_text(
        f'schema = 1\ndescription = "a desk"\ntriple = "native"\nruntime = "installed:{sys.executable}"\n'
        f'[executor]\nkind = "ssh"\nhost = "board"\nconfig = "{server.folder / "config"}"\n'
        f'folder = "{server.folder / "there"}"\n'
        "[benchmark]\nwarmup = 1\nmin_repetitions = 3\nmin_duration_s = 0\ntarget_error = 0\n"
    )
    monkeypatch.setenv("EDGETOOL_TARGETS", str(tmp_path))
    assert load_target("desk").runtime.startswith("installed:")
    words = ["--model", str(tiny_path), "--calibration", str(images_path), "--images", "8"]
    done = run_cli("deploy", "--target", "desk", *words, "--runs", str(tmp_path / "runs"), "--json")
    assert done.exit_code == 0, done.stderr.decode()
    run = Path(json.loads(done.stdout)["run"])
    record = json.loads(min((run / "records").rglob("desk-*fp32*.json")).read_text())
    assert record["subject"]["runtime"]["installed"] == {
        "path": str(LIBRARY.resolve()),
        "build_id": record["environment"]["runtime"]["build_id"],
        "ours": False,
    }
    assert "not edgetool's build" in (run / "report.md").read_text()
