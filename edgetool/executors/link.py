"""A visit to a board: a link to it, made again when it is lost, and the shell there that keeps a work folder for us."""

from __future__ import annotations

import contextlib
import getpass
import re
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
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
from edgetool.platform.tail import Tail
from edgetool.platform.terminal import tell
from edgetool.platform.text import decoded

T = TypeVar("T")

SLOWEST_DISK_BYTES_PER_S = 2**20  # what a board is given time for that hashes or copies
ENDING_S = 8.0  # what a board takes at most to end a job: five signals and a look at it, a second apart
READY_SHELLS = 2  # one for scripts, one for an upload
BEATS = 4  # signs of life in a lease
ATTEMPTS = 6  # of one action, each after another reconnection
GREETING_LIMIT_BYTES = 2**20
KEEPER_LIMIT_BYTES = 2**20  # of what a shell may say that nobody asked anything


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What is asked of a board."""

    target: str  # by which name `edgetool` knows it
    folder: str | None  # in place of ~/.cache/edgetool
    lease_s: float  # how long the board waits for a lost link to come back
    exclusive: bool  # nobody else measures there meanwhile
    wait_s: float  # for who does


class Link:
    """In a `with` block. A lost link comes back by itself in all that is done through `again`."""

    def __init__(self, host: SshHost, visit: Visit, *, config: Path | None, accept_new: bool, timeout_s: float) -> None:
        self.board = host.alias
        self.target = visit.target
        self.identity = secrets.token_hex(4)
        self.root = ""
        self.can_hash = False
        self._host = host
        self._visit = visit
        self._config = config
        self._accept_new = accept_new
        self.timeout_s = timeout_s  # for whatever the board is asked
        self._now = ExitStack()  # the present connection
        self._shells: Shells | None = None
        self._keeper: Remote | None = None
        self._left = threading.Event()
        self._heart = threading.Thread(target=self._beat, daemon=True)

    @property
    def work(self) -> str:
        return f"{self.root}/work/{self.identity}"

    @property
    def content(self) -> str:
        return f"{self.root}/content"

    def __enter__(self) -> Self:
        visit = self._visit
        self._connect(
            enter_script(
                self.identity, visit.folder, lease_s=visit.lease_s, holder=holder_name(), exclusive=visit.exclusive
            )
        )
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()
        try:
            # Without a link there is no one to say it to, and none is needed.
            if self._keeper is not None:
                with contextlib.suppress(BrokenPipeError, ExecutorError):
                    self._keeper.write(b"bye\n")
                    self._keeper.close_stdin()
                    self._keeper.await_end(self.timeout_s)
        finally:
            self._now.close()
            self._heart.join()

    def again(self, action: Callable[[], T]) -> T:
        """Do something that may be done twice; when the link is lost meanwhile, once more over a new one.

        Raises LinkLost when it does not come back within the lease, JobLost when the board forgot us, and what
        `action` raises.
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
        """Start a script that reads nothing and says no more than `limit_bytes`. Raises LinkLost, TransferError."""
        return self.shells.start(script, limit_bytes=limit_bytes)

    def do(self, script: bytes, what: str, *, on_bytes: int = 0) -> Ended:
        """A script that must end well; it has the longer the more bytes it is to hash or to copy.

        Raises TransferError with the shell's last words, LinkLost.
        """
        limit_s = self.timeout_s + on_bytes / SLOWEST_DISK_BYTES_PER_S
        ended = self.start(script).collect(limit_s)
        if ended is None:
            raise TransferError(f"cannot {what}: the board took longer than {limit_s:.0f} s", hint="is it overloaded?")
        if ended.exit_code != 0:
            raise refused(what, ended.stderr)
        return ended

    def forget(self, job: int) -> None:
        """The end of a job has been told: the board need not keep it."""
        with contextlib.suppress(BrokenPipeError, ExecutorError):
            if self._keeper is not None:
                self._keeper.write(f"told {job}\n".encode())

    def _beat(self) -> None:
        while not self._left.wait(self._visit.lease_s / BEATS):
            # A lost link is found, and mended, by who wants something of the board.
            with contextlib.suppress(BrokenPipeError, ExecutorError):
                if self._keeper is not None:
                    self._keeper.write(b"beat\n")

    def _connect(self, script: bytes) -> None:
        with ExitStack() as stack:
            connection = stack.enter_context(
                Connection(self._host, config=self._config, accept_new=self._accept_new, timeout_s=self.timeout_s)
            )
            keeper = connection.start(SHELL)
            shells = Shells(connection, ready=READY_SHELLS)  # all start at once
            errors = Tail(keeper.read_stderr, limit_bytes=GREETING_LIMIT_BYTES)
            with contextlib.suppress(BrokenPipeError):  # then it has last words
                keeper.write(script)
            self._greet(keeper, errors)
            # Nothing is asked of it any more: what it says all the same is not kept, and too much of it ends it.
            Tail(keeper.read, limit_bytes=KEEPER_LIMIT_BYTES, at_limit=keeper.close)
            self._shells, self._keeper = shells, keeper
            self._now = stack.pop_all()

    def _reconnect(self) -> None:
        """Within the lease: after it the board may have given our place to another."""
        from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

        self._shells = self._keeper = None
        self._now.close()
        attempts = Retrying(
            retry=retry_if_exception_type(LinkLost),
            stop=stop_after_delay(self._visit.lease_s),
            wait=wait_random_exponential(multiplier=0.2, max=5.0),
            reraise=True,
        )
        try:
            attempts(self._connect, resume_script(self.work, self.identity))
        except LinkLost as error:
            raise LinkLost(
                f"the link to {self.board} was lost and did not come back within {self._visit.lease_s:.0f} s: "
                f"{error.message}",
                hint="run it again: what the board has is not sent again",
            ) from error

    def _greet(self, keeper: Remote, errors: Tail) -> None:
        """Read the keeper's answers up to the one that all is ready.

        Each must come within the time in which a board is to be reached, however much else is said meanwhile.
        """
        patience = Deadline(self._visit.wait_s)
        answer = Deadline(self.timeout_s)
        told = False
        said = b""
        while chunk := self._heard(keeper, answer):
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
                            hint="--wait waits for it; `edgetool jobs` says what runs there",
                        )
                    case "busy":
                        if not told:
                            tell(f"waiting for {self.board}, in use by {one_line(first, 100)}")
                        told = True
                    case "gone":
                        raise JobLost(
                            f"{self.board} forgot us: it was restarted, or the link was lost for too long",
                            hint="run it again",
                        )
                    case _:
                        raise ExecutorError(
                            f"{self.board}: cannot make a work folder: {one_line(first, 300)}",
                            hint="is its disk full or read-only? "
                            "`folder` in the target's [executor] table names another place",
                        )
        keeper.check_alive()
        raise ExecutorError(f"{self.board} has no usable /bin/sh: {decoded(errors.text(), limit=300)}")

    def _heard(self, keeper: Remote, deadline: Deadline) -> bytes:
        try:
            if deadline.left_s > 0:  # one that babbles is never waited for
                return keeper.read(deadline)
            raise TimeoutError
        except TimeoutError as error:
            keeper.close()
            raise ConnectError(
                f"{self.board} let us in and its shell gave no answer within {self.timeout_s:.0f} s",
                hint=f"does `ssh {self.board} /bin/sh -c true` end?",
            ) from error


def holder_name() -> str:
    """Who we are for others who want the board: user@machine, of harmless letters only."""
    return re.sub(r"[^A-Za-z0-9@._-]", "_", f"{getpass.getuser()}@{socket.gethostname()}")[:100]


def refused(what: str, stderr: bytes) -> TransferError:
    last = decoded(stderr, limit=300) or "the board does not say why"
    return TransferError(f"cannot {what}: {last}", hint="is its disk full?" if "space" in last else None)
