"""A session on a board: a link that reconnects, and a shell on the board that keeps a work folder for the session."""

from __future__ import annotations

import contextlib
import getpass
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from edgetool.errors import BoardBusy, ConnectError, ExecutorError, JobLost, LinkLost, TransferError
from edgetool.executors.connection import Connection, Remote
from edgetool.executors.scripts import SAID_LIMIT_BYTES, Ended, Reply, Shells
from edgetool.executors.shell import SHELL, answer_in
from edgetool.executors.sshconfig import SshHost
from edgetool.executors.supervision import enter_script, resume_script
from edgetool.platform.foreign import one_line
from edgetool.platform.limits import Deadline
from edgetool.platform.progress import Progress, Step
from edgetool.platform.tail import Tail
from edgetool.platform.text import decoded

T = TypeVar("T")

SLOWEST_DISK_BYTES_PER_S = 2**20  # assumed throughput of a board that hashes or copies
ENDING_S = 8.0  # longest time to end a job: five signals and a check, one second apart
READY_SHELLS = 2  # one for scripts, one for an upload
HEARTBEATS = 4  # per lease
ATTEMPTS = 6  # attempts of one action, with a reconnection before each retry
GREETING_LIMIT_BYTES = 2**20
SUPERVISOR_LIMIT_BYTES = 2**20  # limit for unexpected output of the session's shell


@dataclass(frozen=True, kw_only=True)
class SessionSettings:
    """The settings of a session on a board."""

    target: str  # the target's name
    folder: str | None  # replaces ~/.cache/edgetool
    lease_s: float  # how long the board waits for a lost link to come back
    exclusive: bool  # lock the board against other measurements
    wait_s: float  # how long to wait for another session's lock


class Link:
    """A session, opened by a `with` block. Actions run through `again` survive a lost link."""

    def __init__(
        self,
        host: SshHost,
        settings: SessionSettings,
        *,
        config: Path | None,
        accept_new: bool,
        timeout_s: float,
        progress: Progress,
    ) -> None:
        self.board = host.alias
        self.target = settings.target
        self.identity = secrets.token_hex(4)
        self.root = ""
        self.can_hash = False
        self._host = host
        self._settings = settings
        self._config = config
        self._accept_new = accept_new
        self.timeout_s = timeout_s  # for each request to the board
        self._progress = progress
        self._now = ExitStack()  # the current connection
        self._shells: Shells | None = None
        self._supervisor: Remote | None = None
        self._left = threading.Event()
        self._heart = threading.Thread(target=self._beat, daemon=True)

    @property
    def work(self) -> str:
        return f"{self.root}/work/{self.identity}"

    @property
    def content(self) -> str:
        return f"{self.root}/content"

    def __enter__(self) -> Self:
        settings = self._settings
        self._connect(
            enter_script(
                self.identity,
                settings.folder,
                lease_s=settings.lease_s,
                holder=holder_name(),
                exclusive=settings.exclusive,
            )
        )
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()
        try:
            # Without a link the board ends the session by itself.
            if self._supervisor is not None:
                with contextlib.suppress(BrokenPipeError, ExecutorError):
                    self._supervisor.write(b"bye\n")
                    self._supervisor.close_stdin()
                    self._supervisor.await_end(self.timeout_s)
        finally:
            self._now.close()
            self._heart.join()

    def again(self, action: Callable[[], T]) -> T:
        """Run an idempotent action. Reconnect and run it again when the link is lost.

        Raises LinkLost when the link doesn't come back within the lease, JobLost when the board has ended the session,
        and whatever `action` raises.
        """
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

        attempts = Retrying(
            retry=retry_if_exception_type(LinkLost),
            stop=stop_after_attempt(ATTEMPTS),
            before_sleep=lambda _: self._reconnect(),
            reraise=True,
        )
        return attempts(action)

    @property
    def shells(self) -> Shells:
        if self._shells is None and self.root:
            raise LinkLost(f"the link to {self.board} was lost", hint="run it again")
        if self._shells is None:
            raise ExecutorError("the executor is not open", hint="use it in a `with` block")
        return self._shells

    def start(self, script: bytes, *, limit_bytes: int = SAID_LIMIT_BYTES) -> Reply:
        """Start a script that reads nothing and prints at most `limit_bytes`. Raises LinkLost, TransferError."""
        return self.shells.start(script, limit_bytes=limit_bytes)

    def do(self, script: bytes, what: str, *, on_bytes: int = 0, steps: int = 0) -> Ended:
        """Run a script that must succeed. Its time limit grows with `on_bytes`, the bytes it hashes or copies.

        A script of several `steps` prints something after each of them, which renews the limit: a busy board takes its
        time for many files. Raises TransferError with the shell's last line, LinkLost.
        """
        limit_s = self.timeout_s + on_bytes / SLOWEST_DISK_BYTES_PER_S
        ended = self.start(script).collect(limit_s, steps=steps)
        if ended is None:
            said = "made no progress for" if steps else "took longer than"
            raise TransferError(f"cannot {what}: the board {said} {limit_s:.0f} s", hint="is it overloaded?")
        if ended.exit_code != 0:
            raise refused(what, ended.stderr)
        return ended

    def forget(self, job: int) -> None:
        """Let the board discard a job whose result has been received."""
        with contextlib.suppress(BrokenPipeError, ExecutorError):
            if self._supervisor is not None:
                self._supervisor.write(f"told {job}\n".encode())

    def _beat(self) -> None:
        while not self._left.wait(self._settings.lease_s / HEARTBEATS):
            # A lost link is noticed and restored by the next request.
            with contextlib.suppress(BrokenPipeError, ExecutorError):
                if self._supervisor is not None:
                    self._supervisor.write(b"heartbeat\n")

    def _connect(self, script: bytes) -> None:
        with ExitStack() as stack:
            connection = stack.enter_context(
                Connection(self._host, config=self._config, accept_new=self._accept_new, timeout_s=self.timeout_s)
            )
            supervisor = connection.start(SHELL)
            shells = Shells(connection, ready=READY_SHELLS)  # all start at once
            errors = Tail(supervisor.read_stderr, limit_bytes=GREETING_LIMIT_BYTES)
            with contextlib.suppress(BrokenPipeError):  # its stderr has the reason
                supervisor.write(script)
            with _waiting(self.board, self._progress) as busy:
                self._greet(supervisor, errors, busy)
            # No more output is expected: discard it, and close the shell when there is too much.
            Tail(supervisor.read, limit_bytes=SUPERVISOR_LIMIT_BYTES, at_limit=supervisor.close)
            self._shells, self._supervisor = shells, supervisor
            self._now = stack.pop_all()

    def _reconnect(self) -> None:
        """Reconnect within the lease; afterwards the board may have given the lock to another session."""
        from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

        self._shells = self._supervisor = None
        self._now.close()
        attempts = Retrying(
            retry=retry_if_exception_type(LinkLost),
            stop=stop_after_delay(self._settings.lease_s),
            wait=wait_random_exponential(multiplier=0.2, max=5.0),
            reraise=True,
        )
        try:
            attempts(self._connect, resume_script(self.work, self.identity))
        except LinkLost as error:
            raise LinkLost(
                f"the link to {self.board} was lost and did not come back within {self._settings.lease_s:.0f} s: "
                f"{error.message}",
                hint="run it again: files that the board has are not sent again",
            ) from error

    def _greet(self, supervisor: Remote, errors: Tail, busy: Callable[[str], None]) -> None:
        """Read the shell's answers until it is ready, calling `busy` with whoever has the lock meanwhile.

        Each answer must arrive within the connection timeout, no matter how much other output there is.
        """
        patience = Deadline(self._settings.wait_s)
        answer = Deadline(self.timeout_s)
        said = b""
        while chunk := self._heard(supervisor, answer):
            said = said[-GREETING_LIMIT_BYTES:] + chunk
            while found := answer_in(said):
                (word, first, second), said = found
                answer = Deadline(self.timeout_s)
                match word:
                    case "ready":
                        self.root, self.can_hash = first, second == "yes"
                        return
                    case "busy" if patience.left_s == 0:
                        raise BoardBusy(
                            f"{self.board} is in use by {one_line(first, 100) or 'somebody'}",
                            hint="--wait waits for it; `edgetool jobs` lists what is running there",
                        )
                    case "busy":
                        busy(one_line(first, 100))
                    case "gone":
                        raise JobLost(
                            f"{self.board} ended the session: it rebooted, or the link was lost for too long",
                            hint="run it again",
                        )
                    case _:
                        raise ExecutorError(
                            f"{self.board}: cannot make a work folder: {one_line(first, 300)}",
                            hint="check that its disk is neither full nor read-only nor FAT, which has no links; "
                            "`folder` in the target's [executor] table sets another folder",
                        )
        supervisor.check_alive()
        raise ExecutorError(f"{self.board} has no usable /bin/sh: {decoded(errors.text(), limit=300)}")

    def _heard(self, supervisor: Remote, deadline: Deadline) -> bytes:
        try:
            if deadline.left_s > 0:  # a board that never stops printing must not reset the deadline
                return supervisor.read(deadline)
            raise TimeoutError
        except TimeoutError as error:
            supervisor.close()
            raise ConnectError(
                f"{self.board} accepted the login, but its shell gave no answer within {self.timeout_s:.0f} s",
                hint=f"does `ssh {self.board} /bin/sh -c true` end?",
            ) from error


@contextmanager
def _waiting(board: str, progress: Progress) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows who has the board: at its first call, and then after one minute, two, four, …"""
    with ExitStack() as shown:
        start_s, minutes = time.monotonic(), 1
        step: Step | None = None

        def busy(holder: str) -> None:
            nonlocal minutes, step
            if step is None:
                step = shown.enter_context(progress.step(f"wait for {board}, in use by {holder or 'somebody'}"))
            elif time.monotonic() - start_s >= 60 * minutes:
                step.note(f"after {minutes} min in use by {holder or 'somebody'}")
                minutes *= 2

        yield busy
        if step is not None:
            step.note("")  # only the whole time is left to say


def holder_name() -> str:
    """Return user@machine, shown to others who wait for the board, with safe characters only."""
    return re.sub(r"[^A-Za-z0-9@._-]", "_", f"{getpass.getuser()}@{socket.gethostname()}")[:100]


def refused(what: str, stderr: bytes) -> TransferError:
    last = decoded(stderr, limit=300) or "the board gave no reason"
    return TransferError(f"cannot {what}: {last}", hint="is its disk full?" if "space" in last else None)
