"""Run other programs. Only this module starts processes, and it ends them together with all their children."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, NoReturn

from edgetool.errors import BuildError
from edgetool.platform.files import write_atomically
from edgetool.platform.guard import end_marked, marked, unmarked
from edgetool.platform.tail import GRACE_S, Tail
from edgetool.platform.values import value

LINE_LIMIT_BYTES = 64 * 1024
LOOK_S = 0.5  # between two looks for signals that a wait has missed, as _ends_within says


@value
class Completed:
    """The result of a program.

    `exit_code` is negative for a signal, as in subprocess. Output is cut to its last 4 MiB.
    """

    argv: tuple[str, ...]
    exit_code: int
    stdout: bytes
    stderr: bytes
    duration_s: float
    timed_out: bool


class _Pipe(Tail):
    """Keep the last output of a program and pass each line to `on_line` as it arrives."""

    def __init__(self, pipe: IO[bytes], on_line: Callable[[str], None] | None = None) -> None:
        self._pipe = pipe
        self._on_line = on_line
        self._partial = b""
        super().__init__(partial(os.read, pipe.fileno(), 65536))

    def run(self) -> None:
        with self._pipe:
            super().run()

    def keep(self, chunk: bytes) -> None:
        if self._on_line is not None:
            *lines, rest = (self._partial + chunk).split(b"\n")
            self._partial = rest[-LINE_LIMIT_BYTES:]
            for line in lines:
                self._on_line(line.decode(errors="replace"))
        super().keep(chunk)


def run_process(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
    on_line: Callable[[str], None] | None = None,
    keep_open: Sequence[int] = (),
    leaves_daemon: bool = False,
    stdin: Path | None = None,
) -> Completed:
    """Run a program in a session of its own and wait for it to end.

    `env` extends the environment. `on_line` receives each line of stdout, in another thread. The program inherits the
    descriptors in `keep_open` and reads `stdin`, which is empty by default. Everything it started is ended when it
    ends, on a timeout, an interrupt or any other exception, and when this process is killed, unless `leaves_daemon` is
    set.

    Raises FileNotFoundError or PermissionError when the program can't be started.
    """
    words = tuple(map(str, argv))
    start = time.monotonic()
    whole = {**os.environ, **(env or {})}
    whole = unmarked(whole) if leaves_daemon else marked(whole)
    # Started in a thread that runs no signal handlers: a handler that raises inside Popen would leak the child.
    started: Future[_Child] = Future()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()  # the thread exists from here, so shutdown waits for the next task or cancels it
        try:
            pool.submit(_start, started, words, cwd, whole, on_line, keep_open, stdin)
            while not started.done():
                wait([started], LOOK_S)
            process, stdout, stderr = started.result()
            timed_out = not _ends_within(process, timeout_s)
        finally:
            pool.shutdown(cancel_futures=True)
            if started.done() and started.exception() is None:
                process = started.result()[0]
                if not leaves_daemon:
                    _end_group(process)
                    end_marked(whole)
                elif process.poll() is None:
                    _end_group(process)  # ended before it left its daemon
    return Completed(
        argv=words,
        exit_code=process.returncode,
        stdout=stdout.text(),
        stderr=stderr.text(),
        duration_s=time.monotonic() - start,
        timed_out=timed_out,
    )


_Child = tuple[subprocess.Popen[bytes], _Pipe, _Pipe]  # the process, its stdout and its stderr


def _start(
    started: Future[_Child],
    words: Sequence[str],
    cwd: Path | None,
    env: Mapping[str, str],
    on_line: Callable[[str], None] | None,
    keep_open: Sequence[int],
    stdin: Path | None,
) -> None:
    try:
        with (stdin or Path(os.devnull)).open("rb") as file:
            process = subprocess.Popen(
                words,
                cwd=cwd,
                env=env,
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                pass_fds=keep_open,
            )
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            pipes = _Pipe(process.stdout, on_line), _Pipe(process.stderr)
        except RuntimeError:  # there can be no more threads
            _end_group(process)
            raise
        started.set_result((process, *pipes))
    except BaseException as error:  # noqa: BLE001 - raised again in the calling thread
        started.set_exception(error)


def _ends_within(process: subprocess.Popen[bytes], timeout_s: float | None) -> bool:
    """Wait for a process, and return whether it ended in time.

    A signal that arrives just before a system call is handled only after it, so no call lasts longer than LOOK_S: an
    endless wait would miss a Ctrl-C that arrives while it begins.
    """
    end_s = float("inf") if timeout_s is None else time.monotonic() + timeout_s
    if sys.platform != "linux":
        while process.poll() is None and time.monotonic() < end_s:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, min(LOOK_S, end_s - time.monotonic())))
        return process.poll() is not None
    descriptor = os.pidfd_open(process.pid)
    try:
        ended = select.poll()
        ended.register(descriptor, select.POLLIN)
        while not ended.poll(1000 * max(0.0, min(LOOK_S, end_s - time.monotonic()))):
            if time.monotonic() >= end_s:
                return False
    finally:
        os.close(descriptor)
    process.wait()
    return True


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End the process group: SIGTERM first, then SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def run_tool(
    argv: Sequence[str | Path],
    *,
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
    on_line: Callable[[str], None] | None = None,
    keep_open: Sequence[int] = (),
) -> Completed:
    """Run a build tool that must succeed, and write its output to `log`.

    Raises BuildError with the log's path and its last lines.
    """
    try:
        result = run_process(argv, cwd=cwd, env=env, timeout_s=timeout_s, on_line=on_line, keep_open=keep_open)
    except (FileNotFoundError, PermissionError) as error:
        raise BuildError(
            f"cannot run {argv[0]}: {error.strerror}", hint="`edgetool doctor` lists what is missing"
        ) from error
    write_atomically(log, result.stdout + result.stderr)
    if result.exit_code != 0:
        last = (result.stderr or result.stdout).decode(errors="replace").strip().splitlines()[-12:]
        how = "took too long" if result.timed_out else f"ended with exit code {result.exit_code}"
        raise BuildError("\n  ".join([f"{Path(result.argv[0]).name} {how}; its log is {log}", *last]))
    return result


@contextmanager
def talk_to(argv: Sequence[str | Path]) -> Iterator[socket.socket]:
    """Run a program whose stdin and stdout are a socket; yield the other end.

    The program and its children end with the block.

    Raises FileNotFoundError or PermissionError when the program can't be started.
    """
    ours, theirs = socket.socketpair()
    env = marked(os.environ)
    with ours:
        with theirs:
            process = subprocess.Popen(
                [*map(str, argv)], stdin=theirs.fileno(), stdout=theirs.fileno(), start_new_session=True, env=env
            )
        try:
            yield ours
        finally:
            ours.close()
            _end_group(process)
            end_marked(env)


def become(argv: Sequence[str | Path]) -> NoReturn:
    """Replace this process with another program on the same terminal.

    Raises FileNotFoundError when it can't be started.
    """
    words = list(map(str, argv))
    os.execvpe(words[0], words, unmarked(os.environ))  # this process's scratch folder ends with it
