"""Our own wall clock jumps by hours, back and forth, all the while: nothing ends early, hangs or is recorded wrong."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgetool.platform.process import run_process
from edgetool.records.results import read_run
from tests.executors.servers import BOUND_S, Server, openssh
from tests.hostile.test_kills import check, environment, words
from tests.support.commands import start_cli, start_python
from tests.support.waiting import await_true, within

__all__ = ["environment", "words"]

HERE = Path(__file__).parents[1] / "support"
JUMPS_H = (0, -5, 9, -9600, 26)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if (compiler := shutil.which("cc")) is None:
        pytest.skip("needs a C compiler, for the clock that is preloaded")
    made = tmp_path_factory.mktemp("clock") / "clock.so"
    built = run_process([compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-o", made, HERE / "jumping_clock.c"])
    assert built.exit_code == 0, built.stderr.decode()
    return made


@pytest.fixture
def clock(library: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a program whose clock jumps every 20 ms."""
    offset, stop = tmp_path / "offset", threading.Event()
    offset.write_bytes(bytes(8))

    def jump() -> None:
        for hours in itertools.cycle(JUMPS_H):
            with offset.open("r+b") as file:
                file.write(struct.pack("q", 3600 * hours))
            if stop.wait(0.02):
                return

    jumping = threading.Thread(target=jump)
    jumping.start()
    yield {"LD_PRELOAD": str(library), "JUMPING_CLOCK": str(offset)}
    stop.set()
    jumping.join()


def test_the_clock_jumps(clock: dict[str, str]) -> None:
    program = "import time; seen = [time.sleep(0.01) or time.time() for _ in range(100)]; print(max(seen) - min(seen))"
    assert float(run_process([sys.executable, "-c", program], env=clock).stdout) > 3600


def test_a_deployment_is_right(
    words: list[str | Path], environment: dict[str, str], clock: dict[str, str], tmp_path: Path
) -> None:
    start_s = time.monotonic()
    with within(300), start_cli(*words, cwd=tmp_path, env={**environment, **clock}) as running:
        _, stderr = running.communicate()
    taken_s = time.monotonic() - start_s
    assert running.returncode == 0, stderr.decode()
    check(tmp_path, environment)
    (run,) = (path for path in (tmp_path / "runs").iterdir() if path.suffix != ".lock")
    for found in read_run(run).recorded:
        assert found.record.timing is not None
        assert 0 < sum(found.record.timing.samples_ns) < taken_s * 1e9


# Boards

BOARD = """
import json, sys
from edgetool.targets.registry import open_executor
from edgetool.targets.spec import Target

target = Target(schema=1, name="board", description="", triple="native", executor=json.loads(sys.argv[1]))
with open_executor(target) as executor:
    print("open", flush=True)
    for argv, timeout_s in json.loads(sys.argv[2]):
        done = executor.run(argv, timeout_s=timeout_s)
        print(done.exit_code, done.timed_out, flush=True)
"""


@contextmanager
def session(
    sshd: Server, clock: dict[str, str], *commands: tuple[list[str], float]
) -> Iterator[subprocess.Popen[bytes]]:
    script = sshd.folder / "program.py"
    script.write_text(BOARD)
    target = json.dumps(sshd.target(connect_timeout_s=5.0).executor)
    with start_python(script, target, json.dumps(commands), env=clock) as running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline() == b"open\n"
            yield running
        except BaseException:
            running.kill()
            raise


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Server]:
    with openssh(tmp_path / "sshd") as running:
        yield running


def test_a_time_limit_on_a_board_is_kept_and_none_is_invented(sshd: Server, clock: dict[str, str]) -> None:
    quick, slow = (["sh", "-c", "sleep 2; exit 7"], 60.0), (["sleep", "1000"], 2.0)
    with within(2 * BOUND_S), session(sshd, clock, quick, slow) as running:
        said, stderr = running.communicate()
    ended, limited = said.decode().splitlines()
    assert ended == "7 False", stderr.decode()
    assert limited.endswith(" True")


def test_a_board_that_falls_silent_is_noticed(sshd: Server, clock: dict[str, str]) -> None:
    with within(2 * BOUND_S), session(sshd, clock, (["sleep", "1000"], 900.0)) as running:
        await_true(lambda: run_process(["pgrep", "-f", "sleep 1000"]).exit_code == 0, "no job was started")
        stopped = [*sessions_of(sshd), sshd.process.pid] if sshd.process else []
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            _, stderr = running.communicate()
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
    assert b"LinkLost" in stderr


def sessions_of(sshd: Server) -> list[int]:
    assert sshd.process is not None
    children = run_process(["pgrep", "-P", str(sshd.process.pid)]).stdout.split()
    return [int(pid) for pid in children]
