"""A board from its first sight to a report: a real SSH server in its place, on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgetool.runtimes.toolchains import native_triple
from tests.executors.servers import HOST, Server, make_key, openssh
from tests.support.commands import run_cli

pytestmark = pytest.mark.xdist_group("ssh-board")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with openssh(tmp_path_factory.mktemp("board")) as running:
        yield running


@pytest.fixture(scope="module")
def targets(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of target files with one that `targets add` wrote."""
    folder = tmp_path_factory.mktemp("targets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGETOOL_TARGETS", str(folder))
        run_cli("targets", "add", "desk", "--host", HOST, "--config", str(server.folder / "config"))
        # not in the home of the account that runs the tests
        file = folder / "desk.toml"
        file.write_text(file.read_text() + f'folder = "{server.folder / "there"}"\n')
        yield folder


def test_a_board_is_probed_and_gets_a_file(targets: Path) -> None:
    text = (targets / "desk.toml").read_text()
    assert f'triple = "{native_triple()}"' in text
    assert 'kind = "ssh"' in text


@pytest.mark.usefixtures("targets")
def test_a_file_that_is_there_is_not_replaced_unasked(server: Server) -> None:
    again = run_cli("targets", "add", "desk", "--host", HOST, "--config", str(server.folder / "config"))
    assert again.exit_code == 2
    assert b"--force" in again.stderr


@pytest.mark.usefixtures("targets")
def test_a_check_says_what_the_board_is() -> None:
    checked = run_cli("targets", "check", "desk", "--json")
    assert checked.exit_code == 0, checked.stderr.decode()
    assert json.loads(checked.stdout)["probe"]["machine"] == native_triple().partition("-")[0]


@pytest.mark.usefixtures("server")
def test_a_board_of_another_machine_is_refused_before_any_work(targets: Path) -> None:
    text = (targets / "desk.toml").read_text().replace(native_triple(), "riscv64-linux-gnu")
    (targets / "other.toml").write_text(text)
    for words in (["targets", "check", "other"], ["deploy", "--target", "other"]):
        refused = run_cli(*words)
        assert refused.exit_code == 4
        assert b"its target file says riscv64-linux-gnu" in refused.stderr
        assert refused.stdout == b""


def test_deploy_measures_on_the_board_and_names_neither_host_nor_key_in_the_record(
    server: Server, targets: Path, tiny_path: Path, images_path: Path, tmp_path: Path
) -> None:
    text = (targets / "desk.toml").read_text()
    (targets / "quick.toml").write_text(
        f"{text}\n[benchmark]\nwarmup = 1\nmin_repetitions = 3\nmin_duration_s = 0\ntarget_error = 0\n"
    )
    words = ["--model", str(tiny_path), "--calibration", str(images_path), "--images", "8"]
    for _ in range(2):
        done = run_cli("deploy", "--target", "quick", *words, "--runs", str(tmp_path / "runs"), "--json")
        assert done.exit_code == 0, done.stderr.decode()
    run = Path(json.loads(done.stdout)["run"])
    record = json.loads(min((run / "records").rglob("quick-*fp32*.json")).read_text())
    assert record["environment"]["emulator"] is None
    assert record["timing"]["before"]["load_1min"] is not None
    for path in run.rglob("*.json"):
        for secret in ("127.0.0.1", str(server.port), server.known_hosts.read_text().split()[2]):
            assert secret not in path.read_text()


def test_clean_removes_what_is_kept_on_the_board(server: Server, targets: Path) -> None:
    there = server.folder / "kept"
    (there / "content").mkdir(parents=True)
    (there / "content" / ("0" * 64)).write_bytes(b"x" * 4096)
    (targets / "kept.toml").write_text((targets / "desk.toml").read_text().replace("/there", "/kept"))
    cleaned = run_cli("clean", "--target", "kept", "--json")
    assert json.loads(cleaned.stdout)["freed_bytes"] == 4096
    assert not list((there / "content").iterdir())
    assert run_cli("clean", "--target", "host").exit_code == 2


@pytest.mark.usefixtures("targets")
def test_a_changed_host_key_ends_with_exit_code_5_and_two_lines(server: Server, tmp_path: Path) -> None:
    before = server.known_hosts.read_text()
    server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {make_key(tmp_path / 'other')}\n")
    try:
        refused = run_cli("targets", "check", "desk", "--accept-new")
    finally:
        server.known_hosts.write_text(before)
    assert refused.exit_code == 5
    lines = refused.stderr.decode().splitlines()
    assert [line.partition(":")[0] for line in lines] == ["error", "hint"]
