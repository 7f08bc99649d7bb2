"""Many boards at once, each a real SSH server: side by side, never twice, and nothing left when it ends."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgetool.bundles import Bundle
from edgetool.targets.spec import Target
from tests.executors.servers import Server, free_port, openssh
from tests.pipeline.harnesses import await_files, await_gone, with_harness
from tests.support.commands import run_cli, start_cli
from tests.support.waiting import within

pytestmark = pytest.mark.xdist_group("sweep-boards")

QUICK_TABLE = "[benchmark]\nwarmup = 1\nmin_repetitions = 3\nmin_duration_s = 0\ntarget_error = 0\n"
MARK = "31.4159"  # of the sleeping harness, to be found among this machine's processes


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with openssh(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def targets(server: Server, tmp_path: Path) -> Path:
    """Boards `a` and `b`, by two names for one server, each with a folder of its own; `gone`, which nobody reaches."""
    folder = tmp_path / "targets"
    folder.mkdir()
    config = (server.folder / "config").read_text()
    for name in ("a", "b", "gone"):
        own = config.replace(f"Port {server.port}", f"Port {free_port()}") if name == "gone" else config
        (tmp_path / f"config-{name}").write_text(own)
        there = server.target(folder=str(tmp_path / "there" / name), config=str(tmp_path / f"config-{name}"))
        write_target_file(folder / f"{name}.toml", there)
    return folder


def write_target_file(path: Path, target: Target) -> None:
    lines = "".join(f"{key} = {json.dumps(setting)}\n" for key, setting in target.executor.items())
    path.write_text(f'schema = 1\ndescription = "a board"\ntriple = "native"\n\n[executor]\n{lines}\n{QUICK_TABLE}')


def bench(bundle: Path, targets: Path, *words: str, cwd: Path) -> tuple[int, dict[str, object], str]:
    done = run_cli("bench", bundle, *words, "--json", cwd=cwd, env={"EDGETOOL_TARGETS": str(targets)}, timeout_s=600)
    return done.exit_code, json.loads(done.stdout or b"{}"), done.stderr.decode()


def test_one_boards_failure_does_not_stop_the_others(host_bundle: Bundle, targets: Path, tmp_path: Path) -> None:
    code, answer, said = bench(host_bundle.root, targets, "-t", "a", "-t", "gone", "-t", "b", cwd=tmp_path)
    assert code == 8
    assert "2 of 6 cases failed, on gone" in said
    rows = answer["cases"]
    assert isinstance(rows, list)
    measured = {(row["case"]["target"], row["case"]["precision"]) for row in rows if row["record"] is not None}
    assert measured == {(board, precision) for board in "ab" for precision in ("fp32", "int8")}
    assert {row["failure"]["error"] for row in rows if row["record"] is None} == {"LinkLost"}


def test_boards_work_side_by_side_and_none_is_used_twice_at_once(
    host_bundle: Bundle, targets: Path, tmp_path: Path
) -> None:
    """Each run of the harness holds its board; the first ones wait until both boards are held."""
    body = f"""here=$(pwd); while [ "$(basename "$here")" != work ]; do here=$(dirname "$here"); done
mkdir "$here/../held" || {{ echo used twice >&2; exit 9; }}
touch "{tmp_path}/met-$(basename "$(dirname "$here")")"
tries=0
while [ "$(ls "{tmp_path}" | grep -c met-)" -lt 2 ] && [ $tries -lt 1000 ]; do sleep 0.1; tries=$((tries + 1)); done
[ $tries -lt 1000 ] || {{ echo alone >&2; exit 9; }}
"$real" "$@"; code=$?
rmdir "$here/../held"
exit $code"""
    bundle = with_harness(host_bundle, tmp_path / "bundle", body)
    code, answer, said = bench(bundle.root, targets, "-t", "a", "-t", "b", cwd=tmp_path)
    assert code == 0, (said, answer)
    assert sorted(path.name for path in tmp_path.glob("met-*")) == ["met-a", "met-b"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_when_it_is_interrupted_or_killed_nothing_is_left_running(
    host_bundle: Bundle, targets: Path, tmp_path: Path, number: signal.Signals
) -> None:
    bundle = with_harness(host_bundle, tmp_path / "bundle", f'touch "{tmp_path}/started-$$"; exec sleep {MARK}')
    words = ("bench", bundle.root, "-t", "a", "-t", "b", "-t", "host")
    with within(600), start_cli(*words, cwd=tmp_path, env={"EDGETOOL_TARGETS": str(targets)}) as running:
        await_files(tmp_path, "started-*", 3)
        os.kill(running.pid, number)
        running.wait()
        assert running.returncode == (130 if number is signal.SIGINT else -signal.SIGKILL)
        await_gone(MARK, "edgetool.pipeline.worker")
    assert not list(tmp_path.glob("runs/*/run.json"))
