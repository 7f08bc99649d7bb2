"""Running programs: they and all their children end, and their output fills neither pipe nor memory."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import pytest

from edgetool.errors import BuildError
from edgetool.platform.process import run_process, run_tool
from edgetool.platform.tail import OUTPUT_LIMIT_BYTES
from tests.support.commands import command_lines
from tests.support.waiting import StillGoing, unusual_seconds, within


def mark() -> str:
    """A number of seconds that no other sleeper of this machine sleeps."""
    return f"{300 + int.from_bytes(os.urandom(3)) / 2**24:.9f}"


def sleepers(duration: str) -> list[str]:
    """Those left once the killed ones are gone: a signal to a process that is not our child is acted on in its time."""
    deadline = time.monotonic() + 10
    while (left := [line for line in command_lines() if duration in line]) and time.monotonic() < deadline:
        os.sched_yield()
    return left


def test_exit_code_and_both_outputs_come_back() -> None:
    done = run_process(["sh", "-c", "echo out; echo err >&2; exit 7"])
    assert (done.exit_code, done.stdout, done.stderr, done.timed_out) == (7, b"out\n", b"err\n", False)


def test_a_signals_number_comes_back_negative() -> None:
    assert run_process(["sh", "-c", "kill -SEGV $$"]).exit_code == -signal.SIGSEGV


def test_env_is_added_to_the_environment() -> None:
    done = run_process(["sh", "-c", 'echo "$COLOUR $HOME"'], env={"COLOUR": "red"})
    assert done.stdout.decode().split() == ["red", os.environ["HOME"]]


def test_nothing_can_be_read_from_stdin() -> None:
    assert run_process(["cat"], timeout_s=30).stdout == b""


def test_a_program_runs_in_the_folder_given(tmp_path: Path) -> None:
    assert run_process(["pwd"], cwd=tmp_path).stdout.decode().strip() == str(tmp_path.resolve())


def test_a_missing_program_is_a_missing_file() -> None:
    with pytest.raises(FileNotFoundError):
        run_process(["no-such-program"])


def test_a_timeout_ends_grandchildren_too() -> None:
    duration = mark()
    done = run_process(["sh", "-c", f"sh -c 'sleep {duration} & sleep {duration}' & wait"], timeout_s=0.3)
    assert done.timed_out
    assert not sleepers(duration)


def test_a_program_that_ignores_the_polite_signal_is_ended_all_the_same() -> None:
    duration = mark()
    done = run_process(["sh", "-c", f"trap '' TERM; while true; do sleep {duration}; done"], timeout_s=0.3)
    assert (done.timed_out, done.exit_code) == (True, -signal.SIGKILL)
    assert not sleepers(duration)


def test_children_left_behind_by_a_program_that_ended_are_ended() -> None:
    duration = mark()
    assert run_process(["sh", "-c", f"sleep {duration} >/dev/null 2>&1 &"]).exit_code == 0
    assert not sleepers(duration)


def test_an_exception_ends_the_whole_group() -> None:
    duration = mark()
    with pytest.raises(StillGoing), within(0.5):
        run_process(["sh", "-c", f"sh -c 'sleep {duration}' & sleep {duration}"])
    assert not sleepers(duration)


def test_a_child_that_keeps_the_pipe_open_does_not_keep_us() -> None:
    duration = mark()
    with within(30):
        done = run_process(["sh", "-c", f"echo started; setsid sleep {duration} &"])
    assert done.stdout == b"started\n"
    assert not sleepers(duration), "a session of its own hid it"


@pytest.mark.parametrize("stream", ["1", "2"])
def test_output_without_limit_is_cut_to_its_end_and_fills_no_memory(stream: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = run_process(["sh", "-c", f"(head -c 300000000 /dev/zero; echo last) >&{stream}"], timeout_s=120)
    kept = done.stdout if stream == "1" else done.stderr
    assert done.exit_code == 0
    assert len(kept) == OUTPUT_LIMIT_BYTES
    assert kept.endswith(b"last\n")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def test_a_tool_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "tool.log"
    with pytest.raises(BuildError) as caught:
        run_tool(["sh", "-c", "for i in $(seq 100); do echo line $i; done; exit 3"], log=log)
    assert "ended with exit code 3" in caught.value.message
    assert str(log) in caught.value.message
    assert caught.value.message.endswith("line 100")
    assert "line 50\n" not in caught.value.message
    assert log.read_text().startswith("line 1\n")


def test_a_tool_that_takes_too_long_says_so(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="sleep took too long"):
        run_tool(["sleep", mark()], log=tmp_path / "log", timeout_s=0.2)


def test_a_tool_that_is_missing_points_to_the_doctor(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="cannot run no-such-tool") as caught:
        run_tool(["no-such-tool"], log=tmp_path / "log")
    assert caught.value.hint is not None
    assert "edgetool doctor" in caught.value.hint


def test_ctrl_c_in_the_middle_of_a_program_ends_it() -> None:
    duration = mark()
    program = (
        # A shell starts what it sends to the background with SIGINT ignored, and so the tests.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"from edgetool.platform.process import run_process; run_process(['sh', '-c', 'sleep {duration}; true'])"
    )
    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL) as runner:
        with within(30):
            while not any(line.startswith("sleep") for line in sleepers(duration)):
                runner.poll()
        runner.send_signal(signal.SIGINT)
        runner.wait(30)
    assert not sleepers(duration)


def test_lines_are_told_as_they_come() -> None:
    lines: list[str] = []
    run_process(["sh", "-c", r"echo one; printf 'two\nthr'; printf 'ee\n\377\n'; echo err >&2"], on_line=lines.append)
    assert lines == ["one", "two", "three", "�"]


def test_a_line_without_end_is_no_reason_to_hang() -> None:
    lines: list[str] = []
    with within(40):
        done = run_process(["head", "-c", "300000000", "/dev/zero"], on_line=lines.append, timeout_s=30)
    assert (done.exit_code, done.timed_out) == (0, False)


def test_an_interrupt_while_a_program_is_being_started_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = unusual_seconds()
    submit = ThreadPoolExecutor.submit

    def interrupted(pool: ThreadPoolExecutor, *words: Any) -> Future[Any]:
        future = submit(pool, *words)
        wait([future])
        if [line for line in command_lines() if seconds in line]:
            raise KeyboardInterrupt
        return future

    monkeypatch.setattr(ThreadPoolExecutor, "submit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_process(["sleep", seconds])
    assert not [line for line in command_lines() if seconds in line]


def test_an_interrupt_that_a_wait_has_missed_is_heeded_while_a_program_is_being_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Missed on purpose: a signal that another thread takes does not wake the main one, whose handler is to run."""
    heeded, in_time = threading.Event(), []
    start = subprocess.Popen

    def slow(*words: Any, **options: Any) -> subprocess.Popen[bytes]:
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        in_time.append(heeded.wait(20))
        return start(*words, **options)

    def handle(number: int, frame: FrameType | None) -> NoReturn:
        del number, frame
        heeded.set()
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", slow)
    before = signal.signal(signal.SIGUSR1, handle)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_process(["true"])
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert in_time == [True]
