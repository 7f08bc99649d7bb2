"""Jobs that outlive who started them, and the lock of a board that is measured on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from edgetool.errors import BoardBusy, CommandTimeout, ConfigError
from edgetool.executors.ssh import SshExecutor
from edgetool.targets.registry import open_executor, read_target, write_target
from tests.executors.servers import BOUND_S, Server, openssh
from tests.support.commands import command_lines, run_cli, start_python
from tests.support.waiting import await_true, unusual_seconds, within

# Starts a job and waits for it; killed, it leaves the job to the board.
WORKER = """
import sys
from pathlib import PurePosixPath
from edgetool.targets.registry import load_target, open_executor
with open_executor(load_target(sys.argv[1])) as executor:
    executor.run(["sh", "-c", sys.argv[2]], timeout_s=500)
"""


@pytest.fixture
def target(server: Server, tmp_path: Path) -> Path:
    """A target's file for a board that has seen nobody."""
    path = tmp_path / "desk.toml"
    write_target(path, replace(server.target(folder=str(tmp_path / "there"), lease_s=1.0), name="desk"))
    return path


@contextmanager
def abandoned(target: Path, command: str) -> Iterator[str]:
    """A job whose edgetool is killed while it waits; yields the job's name."""
    worker = start_python("-c", WORKER, str(target), command)
    try:
        with open_executor(read_target(target), exclusive=False) as executor:
            assert isinstance(executor, SshExecutor)
            await_true(lambda: [job for job in executor.jobs() if command in job.command], "the job did not start")
            (job,) = (job for job in executor.jobs() if command in job.command)
        worker.kill()
        worker.wait(20)
        yield f"{target}/{job.id}"
    finally:
        worker.kill()
        worker.communicate(timeout=20)


def names_of(target: Path) -> list[tuple[str, int | None]]:
    listed = run_cli("jobs", "--target", target, "--json", timeout_s=BOUND_S)
    assert listed.exit_code == 0, listed.stderr.decode()
    return [(job["state"], job["exit_code"]) for job in json.loads(listed.stdout)["jobs"]]


def test_a_job_outlives_who_started_it_and_its_end_is_told_to_who_asks(target: Path, tmp_path: Path) -> None:
    command = f"until [ -e {tmp_path}/go ]; do sleep 0.1; done; echo made >made; echo said; exit 7"
    with abandoned(target, command) as job:
        assert names_of(target) == [("running", None)]
        (tmp_path / "go").touch()
        attached = run_cli("attach", job, "--output", tmp_path / "out", "--json", timeout_s=BOUND_S)
    assert json.loads(attached.stdout)["exit_code"] == 7
    assert attached.exit_code == 5
    assert (tmp_path / "out" / "made").read_text() == "made\n"
    assert (tmp_path / "out" / "stdout").read_text() == "said\n"
    await_true(lambda: not list((tmp_path / "there" / "work").glob("*")), "its work folder was left")


def test_a_job_is_not_fetched_into_a_folder_that_holds_something(target: Path, tmp_path: Path) -> None:
    """The board chooses the names of what it wrote."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "made").write_text("mine")
    with abandoned(target, "echo made >made; sleep 1") as job:
        refused = run_cli("attach", job, "--output", tmp_path / "out", timeout_s=BOUND_S)
        (tmp_path / "empty").mkdir()
        attached = run_cli("attach", job, "--output", tmp_path / "empty", timeout_s=BOUND_S)
    assert refused.exit_code == ConfigError.exit_code
    assert b"is not an empty folder" in refused.stderr
    assert (tmp_path / "out" / "made").read_text() == "mine"
    assert attached.exit_code == 0, attached.stderr.decode()
    assert (tmp_path / "empty" / "made").read_text() == "made\n"
    assert not list(tmp_path.glob(".*"))


def test_a_job_that_ended_unheard_is_kept(target: Path, tmp_path: Path) -> None:
    command = f"until [ -e {tmp_path}/go ]; do sleep 0.1; done; exit 3"
    with abandoned(target, command) as job:
        (tmp_path / "go").touch()
        await_true(lambda: list((tmp_path / "there" / "work").glob("*/kept")), "the session did not end")
        assert names_of(target) == [("ended", 3)]
        assert run_cli("cancel", job, timeout_s=BOUND_S).exit_code == 0
    assert names_of(target) == []


def test_clean_removes_what_nobody_heard(target: Path, tmp_path: Path) -> None:
    with abandoned(target, "sleep 1; exit 3"):
        await_true(lambda: list((tmp_path / "there" / "work").glob("*/kept")), "the session did not end")
        assert run_cli("clean", "--target", target, timeout_s=BOUND_S).exit_code == 0
    assert names_of(target) == []


@pytest.mark.parametrize(("days", "is_there"), [(6, True), (9, False)])
def test_what_nobody_heard_is_kept_for_a_week(days: int, is_there: bool, target: Path, tmp_path: Path) -> None:
    """By the board's clock, when the next session begins."""
    kept = tmp_path / "there" / "work" / "01234567" / "kept"
    kept.parent.mkdir(parents=True)
    kept.touch()
    os.utime(kept, (time.time() - days * 86400,) * 2)
    with open_executor(read_target(target)):
        assert kept.exists() is is_there


def test_a_cancelled_job_leaves_nothing(target: Path) -> None:
    sleeper = unusual_seconds()
    command = f"sleep {sleeper} & setsid sleep {sleeper} & sleep {sleeper}"
    with abandoned(target, command) as job, within(BOUND_S):
        assert run_cli("cancel", job, timeout_s=BOUND_S).exit_code == 0
    await_true(lambda: not [line for line in command_lines() if f"sleep {sleeper}" in line], "a process was left")
    assert names_of(target) == []


def test_what_is_no_job_is_an_error(target: Path) -> None:
    assert run_cli("attach", f"{target}/01234567.1", timeout_s=BOUND_S).exit_code == 5
    assert run_cli("attach", f"{target}/../x", timeout_s=BOUND_S).exit_code == 2
    assert run_cli("cancel", "nowhere", timeout_s=BOUND_S).exit_code == 2
    assert run_cli("jobs", "--target", "host", timeout_s=BOUND_S).exit_code == 2


# The lock


def test_a_second_user_is_told_who_has_the_board(target: Path) -> None:
    with (
        open_executor(read_target(target)),
        pytest.raises(BoardBusy, match=r"in use by .+@.+") as caught,
        within(BOUND_S),
    ):
        open_executor(read_target(target)).__enter__()
    assert caught.value.exit_code == 5
    assert "--wait" in str(caught.value.hint)


def test_who_only_looks_is_let_in(target: Path) -> None:
    with open_executor(read_target(target)), open_executor(read_target(target), exclusive=False) as executor:
        assert executor.run(["echo", "here"], timeout_s=30).stdout == b"here\n"


def test_the_lock_of_who_is_killed_expires(target: Path, tmp_path: Path) -> None:
    """As soon as nothing runs there any more, and not before."""
    command = f"until [ -e {tmp_path}/go ]; do sleep 0.1; done"
    with abandoned(target, command):
        with pytest.raises(BoardBusy):
            open_executor(read_target(target)).__enter__()
        (tmp_path / "go").touch()
        waiting = read_target(target)
        with open_executor(replace(waiting, executor={**waiting.executor, "wait_s": BOUND_S})) as executor:
            assert executor.run(["true"], timeout_s=30).exit_code == 0


@pytest.mark.parametrize("holder", ["4194304.1", "1.1"])
def test_the_lock_of_a_process_that_is_gone_is_nobodys(target: Path, tmp_path: Path, holder: str) -> None:
    """No such process, and one that has another's number, as after a restart of the board."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / f"lock.{os.getuid()}").symlink_to(f"{holder}:01234567:me@there")
    with open_executor(read_target(target)) as executor:
        assert executor.run(["true"], timeout_s=30).exit_code == 0
    assert not list((tmp_path / "there").glob("lock.[0-9]*"))


# A small board


def test_a_board_of_busybox_without_setsid_will_do(tmp_path: Path) -> None:
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("needs busybox")
    tools, sleeper = tmp_path / "bin", unusual_seconds()
    tools.mkdir()
    for name in subprocess.run([busybox, "--list"], check=True, capture_output=True, text=True).stdout.split():
        if name not in ("setsid", "busybox"):
            (tools / name).symlink_to(busybox)
    with openssh(tmp_path / "server", environment={"PATH": str(tools)}) as server, within(2 * BOUND_S):
        with open_executor(server.target()) as executor:
            assert executor.run(["sh", "-c", "exit 7"], timeout_s=30).exit_code == 7
            assert executor.run(["setsid", "true"], timeout_s=30).exit_code == 127
            late = executor.run(["sh", "-c", f"sleep {sleeper} & sleep {sleeper}"], timeout_s=1)
            with pytest.raises(CommandTimeout):
                late.check()
        await_true(lambda: not [line for line in command_lines() if f"sleep {sleeper}" in line], "a process was left")


def test_a_signal_to_a_job_is_its_exit_code(server: Server) -> None:
    with open_executor(server.target()) as executor:
        assert executor.run(["sh", "-c", "kill -KILL $$"], timeout_s=30).exit_code == 128 + signal.SIGKILL
