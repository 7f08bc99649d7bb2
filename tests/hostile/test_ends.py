"""How edgetool ends: by a signal, by two, by one that it cannot heed; no process is left, and no temporary file."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.commands import command_lines, start_python
from tests.support.waiting import await_true, unusual_seconds, within

# A command line in small: it unwinds on signals, has scratch of its own and a child that has left its session.
PROGRAM = """
import sys, tempfile
from edgetool.platform.guard import scratch_of_our_own
from edgetool.platform.interrupt import Interrupted, unwind_on_signals
from edgetool.platform.process import run_process, talk_to

unwind_on_signals()
try:
    with scratch_of_our_own(), tempfile.TemporaryDirectory() as folder:
        {body}
except Interrupted:
    sys.exit(130)
"""
RUNS = "run_process(['sh', '-c', '{command}'])"
TALKS = "\n        with talk_to(['sh', '-c', '{command}']) as pipe: pipe.recv(1)"
SLEEPS = "setsid sleep {seconds} & echo started >&2; exec sleep {seconds}"
LOOP = "while :; do sleep {seconds}; done"
DEAF = f'trap : TERM INT HUP; setsid sh -c "trap : TERM; {LOOP}" & {LOOP}'


@contextmanager
def busy(tmp_path: Path, body: str, command: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    seconds = unusual_seconds()
    script = tmp_path / "program.py"
    command = command.format(seconds=seconds).replace('"', '\\"')
    script.write_text(PROGRAM.format(body=body.format(command=command)))
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    with within(60), start_python(script, env={"TMPDIR": str(scratch)}) as running:
        await_true(lambda: len(sleeping(seconds)) >= 2, "it did not start")
        try:
            yield running, seconds
            running.communicate()
        except BaseException:
            running.kill()  # else the end of the block would wait for what hangs
            raise
    await_true(lambda: not sleeping(seconds), "a process was left", timeout_s=20)
    await_true(lambda: not list(scratch.iterdir()), "a temporary folder was left", timeout_s=20)


def sleeping(seconds: str) -> list[str]:
    return [line for line in command_lines() if seconds in line and line.startswith("sleep")]


@pytest.mark.parametrize("body", [RUNS, TALKS], ids=["runs", "talks"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_ends_all_that_was_started(tmp_path: Path, body: str, number: signal.Signals) -> None:
    with busy(tmp_path, body, SLEEPS) as (running, _):
        running.send_signal(number)
    assert running.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 130)


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_second_signal_does_not_end_the_clean_up(tmp_path: Path, second: signal.Signals) -> None:
    with busy(tmp_path, RUNS, DEAF) as (running, _):
        running.send_signal(signal.SIGINT)
        for _ in range(5):
            os.sched_yield()
            running.send_signal(second if second != signal.SIGINT else signal.SIGTERM)
        running.send_signal(second)
    assert running.returncode == 130


def test_who_insists_is_let_go_at_once_and_nothing_is_left_all_the_same(tmp_path: Path) -> None:
    with busy(tmp_path, RUNS, DEAF) as (running, _):
        running.send_signal(signal.SIGINT)
        while running.poll() is None:
            running.send_signal(signal.SIGINT)
    assert running.returncode in (130, -signal.SIGINT)


def test_nohup_is_heeded(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM.format(body="import os, signal; os.kill(os.getpid(), signal.SIGHUP); print('went on')"))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with start_python(script) as running:
            assert running.communicate()[0] == b"went on\n"
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("module", ["edgetool.platform.foreign", "typer", "edgetool.commands.options", "edgetool.cli"])
def test_ctrl_c_while_the_command_line_is_loaded_is_no_traceback(module: str, tmp_path: Path) -> None:
    words = ("-X", "importtime", "-m", "edgetool", "targets", "list")
    with within(60), start_python(*words, cwd=tmp_path, env={"PYTHONPATH": str(Path.cwd())}) as running:
        assert running.stderr is not None
        next(line for line in running.stderr if line.split()[-1] == module.encode())
        running.send_signal(signal.SIGINT)
        said = running.stderr.read().decode()
        running.wait()
    assert "Traceback" not in said
    assert running.returncode in (130, -signal.SIGINT, 0)  # 0: it was done before
