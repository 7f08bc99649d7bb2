"""Run scripts in a shell that stays open, since starting a login shell can take longer than a script."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from edgetool.errors import ExecutorError, TransferError
from edgetool.executors.connection import NEVER, Connection, Remote
from edgetool.executors.shell import SHELL
from edgetool.platform.limits import Deadline, Pace
from edgetool.platform.tail import GRACE_S, Tail

CODE_BYTES = 4  # "255" and a zero byte
SAID_LIMIT_BYTES = 8 * 2**20  # limit for a script's output; the board cuts a job's output below it


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The result of a script. Output is cut to its last 4 MiB."""

    exit_code: int
    stdout: bytes
    stderr: bytes


class Shells:
    """Shells of one connection. Each runs one script at a time."""

    def __init__(self, connection: Connection, ready: int) -> None:
        """Start `ready` shells at once, ahead of their use."""
        self._connection = connection
        self._lock = threading.Lock()
        self._idle = [connection.start(SHELL) for _ in range(ready)]

    def start(self, script: bytes, *, limit_bytes: int = SAID_LIMIT_BYTES) -> Reply:
        """Start a script that reads nothing and prints at most `limit_bytes`. Raises LinkLost, TransferError."""
        token = secrets.token_hex(16)
        end = f"printf '\\000{token} %s\\000' $code"
        whole = b"(\n%b) </dev/null\n{ code=$?; %b; %b >&2; }\n" % (script, end.encode(), end.encode())
        remote = self._take()
        try:
            remote.write(whole)
        except BrokenPipeError:  # it was killed while idle
            remote = self._connection.start(SHELL)
            remote.write(whole)
        return Reply(remote, f"\0{token} ".encode(), limit_bytes, self._give_back)

    def reserve(self, count: int) -> list[Remote]:
        """Return `count` shells for the caller's own use, leaving one for scripts. Raises LinkLost.

        All of them exist before any one ends. dropbear (2022.83, common-channel.c) drops the link when a shell ends
        between the opening of another channel and its start: it closes a channel that has no process yet.
        """
        with self._lock:
            taken, self._idle = self._idle[1:][:count], self._idle[:1] + self._idle[1:][count:]
        return taken + [self._connection.start(SHELL) for _ in range(count - len(taken))]

    def _take(self) -> Remote:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._connection.start(SHELL)

    def _give_back(self, remote: Remote) -> None:
        with self._lock:
            self._idle.append(remote)


class Reply:
    """The output and result of a running script."""

    def __init__(self, remote: Remote, mark: bytes, limit_bytes: int, give_back: Callable[[Remote], None]) -> None:
        self._remote = remote
        self._give_back = give_back
        self._stdout = _Marked(remote.read, mark, limit_bytes, remote.close)
        self._errors = _Marked(remote.read_stderr, mark, SAID_LIMIT_BYTES, remote.close)
        self._stderr = Tail(partial(self._errors.read, NEVER))  # runs until the stream ends or is closed

    def read(self, deadline: Deadline | Pace) -> bytes:
        """Return the next chunk of stdout, or b"" at its end. Raises TransferError after the deadline, LinkLost."""
        try:
            return self._stdout.read(deadline)
        except TimeoutError as error:
            raise self._remote.silent("sent nothing, or almost nothing,") from error

    def collect(self, timeout_s: float | None, *, steps: int = 0) -> Ended | None:
        """Wait for the script's result. Return None and abandon the script after `timeout_s`.

        Output renews the time limit, at most `steps` times. Raises LinkLost, TransferError when the output is too long,
        ExecutorError without an exit code.
        """
        deadline = Deadline(timeout_s, renewals=steps)

        def receive() -> bytes:
            chunk = self._stdout.read(NEVER)
            deadline.renew()
            return chunk

        stdout = Tail(receive)
        while stdout.is_alive() and deadline.left_s > 0:
            stdout.join(None if timeout_s is None else deadline.left_s)
        if stdout.is_alive():
            self.close()
            return None
        return self._ended(stdout.text())

    def end(self) -> Ended:
        """Return the result after stdout has been read to its end. Raises what `collect` raises."""
        return self._ended(b"")

    def _ended(self, stdout: bytes) -> Ended:
        self._stderr.join(GRACE_S)
        code = self._stdout.code
        if self._stdout.overflowed or self._errors.overflowed:
            raise TransferError(f"{self._remote.board} sent more output than allowed; the rest was not read")
        if code is None or self._errors.code is None:
            self.close()
            self._remote.check_alive()
            raise ExecutorError(
                f"{self._remote.board} ended a command without an exit code", hint="was its shell killed?"
            )
        self._give_back(self._remote)
        return Ended(exit_code=code, stdout=stdout, stderr=self._stderr.text())

    def close(self) -> None:
        """Stop reading; close the shell unless the script has ended."""
        if self._stdout.code is None or self._errors.code is None:
            self._remote.close()


class _Marked:
    """A stream that ends with a mark, an exit code and a zero byte. It is closed when it exceeds its limit."""

    def __init__(
        self,
        receive: Callable[[Deadline | Pace], bytes],
        mark: bytes,
        limit_bytes: int,
        close: Callable[[], None],
    ) -> None:
        self.code: int | None = None
        self.overflowed = False
        self._receive = receive
        self._mark = mark
        self._left_bytes = limit_bytes + len(mark) + CODE_BYTES
        self._close = close
        self._held = b""

    def read(self, deadline: Deadline | Pace) -> bytes:
        """Return the next chunk before the mark, or b"" at the end. `code` stays None for a stream without a mark.

        Raises TimeoutError after the deadline.
        """
        while self.code is None:
            before, found, after = self._held.partition(self._mark)
            code, whole, _ = after.partition(b"\0")
            if not found:
                # keep what may be the beginning of the mark, whose only zero byte is its first
                start = self._held.rfind(b"\0")
                before = self._held[:start] if start >= 0 and self._mark.startswith(self._held[start:]) else self._held
            elif whole and not before:
                self.code = int(code) if code.isdigit() and len(code) < 4 else 255
                return b""
            if before:
                self._held = self._held[len(before) :]
                return before
            if self.overflowed or not (chunk := self._receive(deadline)):
                return b""
            self._held += chunk
            self._left_bytes -= len(chunk)
            if self._left_bytes < 0:
                self.overflowed = True
                self._close()
        return b""
