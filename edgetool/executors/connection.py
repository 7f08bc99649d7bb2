"""An SSH connection to a host whose key is verified."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any, Self

from edgetool.errors import ConfigError, ConnectError, ExecutorError, LinkLost, TransferError
from edgetool.executors.hostkeys import check_key, known_kinds
from edgetool.executors.login import log_in
from edgetool.executors.sshconfig import SshHost, resolve_jump
from edgetool.platform.foreign import one_line
from edgetool.platform.limits import Deadline, Flow, Pace, closed_after
from edgetool.platform.process import talk_to
from edgetool.platform.tail import GRACE_S

KEEPALIVE_S = 10
LINK_TIMEOUT_S = 30  # the link counts as lost when sent data gets no answer for this long
WINDOW_BYTES = 2**22  # how much a board may send before it waits for us to read
READ_BYTES = 2**18
SEND_BYTES = 2**15  # the most that servers accept in one packet
HOPS_LIMIT = 8
TICK_S = 0.25  # the precision with which deadlines are checked
NEVER = Deadline(None)


class Remote:
    """A command running on the board. Every wait has a deadline."""

    def __init__(self, channel: Any, board: str, silence_s: float) -> None:
        self.board = board
        self.silence_s = silence_s
        self._channel = channel
        self._flow = Flow()
        self._whole_window_bytes = self._sent_bytes = 0
        channel.settimeout(TICK_S)

    def write(self, data: bytes, pace: Pace | None = None) -> None:
        """Send data to the command's stdin, at a pace that several commands may share.

        Raises TransferError when the board accepts no data, BrokenPipeError when the command has ended, LinkLost.
        """
        pace, offset = pace or Pace(self.silence_s), 0
        while offset < len(data):
            try:
                sent = self._send(data[offset : offset + SEND_BYTES])
            except TimeoutError as error:
                if pace.left_s == 0:
                    raise self.silent("accepted no data") from error
                continue
            except (OSError, EOFError) as error:
                self.check_alive()
                raise BrokenPipeError from error
            if sent == 0:
                self.check_alive()
                raise BrokenPipeError
            offset += sent
            pace.passed(sent)

    def _send(self, data: bytes) -> int:
        """Send some of the data, but not too far ahead of the board. Raises TimeoutError after a tick without room."""
        channel = self._channel
        with channel.out_buffer_cv:
            if not channel.out_buffer_cv.wait_for(lambda: channel.closed or self._has_room(), TICK_S):
                raise TimeoutError
        sent: int = channel.send(data)
        self._sent_bytes += sent
        return sent

    def _has_room(self) -> bool:
        self._whole_window_bytes = max(self._whole_window_bytes, self.window_bytes)
        under_way = self._whole_window_bytes - self.window_bytes
        return under_way < self._flow.most_bytes(self._sent_bytes - under_way)

    @property
    def window_bytes(self) -> int:
        """How much the command may still be sent. It grows whenever the board has taken some of what was sent."""
        return int(self._channel.out_window_size)

    def close_stdin(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            self._channel.shutdown_write()

    def read(self, deadline: Deadline | Pace = NEVER) -> bytes:
        """Return the next chunk of stdout, or b"" at its end. Raises TimeoutError after the deadline."""
        return self._received(self._channel.recv, deadline)

    def read_stderr(self, deadline: Deadline | Pace = NEVER) -> bytes:
        return self._received(self._channel.recv_stderr, deadline)

    @staticmethod
    def _received(receive: Callable[[int], bytes], deadline: Deadline | Pace) -> bytes:
        while True:
            try:
                return receive(READ_BYTES)
            except TimeoutError:  # of a tick
                if deadline.left_s == 0:
                    raise
            except (EOFError, ConnectionError):  # also raised while telling the board to continue over a lost link
                return b""

    def await_end(self, timeout_s: float) -> int | None:
        """Return the exit code, or None when there is none in time. Raises LinkLost."""
        if not self._channel.status_event.wait(timeout_s):
            return None
        code: int = self._channel.exit_status
        if code == -1:
            self.check_alive()
            return None
        return code

    def check_alive(self) -> None:
        """Check after an error whether the link still works. Raises LinkLost when it doesn't."""
        if not _answers(self._channel.get_transport(), self.silence_s):
            raise _lost(self.board)

    def silent(self, what: str) -> TransferError:
        """Close the command and return the error for a board that doesn't react.

        Raises LinkLost when the link is dead too.
        """
        self.close()
        self.check_alive()
        return TransferError(f"{self.board} {what} for {self.silence_s:.0f} s", hint="is it overloaded?")

    def close(self) -> None:
        with contextlib.suppress(OSError, EOFError):  # the link may be gone
            self._channel.close()


class Connection:
    """A link to one host, opened by a `with` block."""

    def __init__(
        self, host: SshHost, *, config: Path | None, accept_new: bool, timeout_s: float, hops: int = 0
    ) -> None:
        self.host = host
        self._config = config
        self._accept_new = accept_new
        self._timeout_s = timeout_s
        self._hops = hops  # how many hosts are reached through this one
        self._transport: Any = None
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        import paramiko

        _count_steadily(paramiko)
        # paramiko's log is for its developers; edgetool reports errors itself.
        logging.getLogger("paramiko").setLevel(logging.CRITICAL)
        host = self.host
        with contextlib.ExitStack() as stack:
            try:
                stream = _Heard(self._socket(stack))
                transport = _transport(paramiko, stream, known_kinds(host), self._timeout_s)
                stack.callback(transport.close)
                _shake_hands(transport, self._timeout_s)
                check_key(host, transport.get_remote_server_key(), accept_new=self._accept_new)
                log_in(transport, host, timeout_s=self._timeout_s)
            except _link_errors() as error:
                said = one_line(str(error) or type(error).__name__, 300)
                raise LinkLost(
                    f"cannot connect to {host.alias} ({host.hostname} port {host.port}): {said}",
                    hint=_how_to_reach(host, error),
                ) from error
            transport.set_keepalive(KEEPALIVE_S)
            stack.enter_context(_watched(transport, stream, self._timeout_s))
            self._transport = transport
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def _socket(self, stack: contextlib.ExitStack) -> Any:
        """Open a stream to the host's SSH server: directly, through jump hosts or through a proxy command."""
        host = self.host
        if host.proxy_jump:
            if self._hops == HOPS_LIMIT:
                raise ConfigError(
                    f"{host.alias} is behind more than {HOPS_LIMIT} jump hosts",
                    hint="check that it isn't its own jump host",
                )
            link = Connection(
                resolve_jump(host.proxy_jump, self._config),
                config=self._config,
                accept_new=self._accept_new,
                timeout_s=self._timeout_s,
                hops=self._hops + 1,
            )
            return stack.enter_context(link).forward(host.hostname, host.port)
        if host.proxy_command is not None:
            # run by the user's shell, as OpenSSH does
            shell = os.environ.get("SHELL") or "/bin/sh"
            return stack.enter_context(talk_to([shell, "-c", f"exec {host.proxy_command}"]))
        made = socket.create_connection((host.hostname, host.port), timeout=self._timeout_s)
        stack.callback(made.close)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A board without power doesn't answer; with this option the kernel gives up on unanswered keepalives.
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, LINK_TIMEOUT_S * 1000)
        return made

    def forward(self, hostname: str, port: int) -> Any:
        """Open a stream from this host to another."""
        address = ("127.0.0.1", 0)
        return self._transport.open_channel("direct-tcpip", (hostname, port), address, timeout=self._timeout_s)

    def start(self, command: str) -> Remote:
        """Start a command in the login shell.

        Raises ConnectError when the shell doesn't start in time, ExecutorError when the server refuses a session,
        LinkLost.
        """
        import paramiko

        late = threading.Event()
        try:
            channel = self._transport.open_session(timeout=self._timeout_s)
            with closed_after(self._timeout_s, channel.close) as late:
                channel.exec_command(command)
        except paramiko.ChannelException as error:
            raise ExecutorError(
                f"{self.host.alias} refuses another session: {one_line(str(error), 300)}",
                hint="raise MaxSessions in its sshd_config",
            ) from error
        except _link_errors() as error:
            if late.is_set():
                raise ConnectError(f"{self.host.alias} started no shell within {self._timeout_s:.0f} s") from error
            raise _lost(self.host.alias) from error
        return Remote(channel, self.host.alias, self._timeout_s)


def _count_steadily(paramiko: Any) -> None:
    """Let paramiko time its waits by the monotonic clock.

    By the wall clock, a wait of a quarter of a second lasts hours when the date is set back, and a connection is given
    up when it is set forward.
    """
    for name in ("auth_handler", "buffered_pipe", "channel", "packet", "transport"):
        getattr(paramiko, name).time = SimpleNamespace(time=time.monotonic, sleep=time.sleep)


def _how_to_reach(host: SshHost, error: Exception) -> str:
    """A name that no resolver knows is an alias that was never written down."""
    if isinstance(error, socket.gaierror):
        return (
            f"write an entry `Host {host.alias}` with its HostName into ~/.ssh/config, or name the board by its "
            "address: edgetool targets add NAME --host USER@ADDRESS"
        )
    return f"does `ssh {host.alias}` work?"


def _shake_hands(transport: Any, timeout_s: float) -> None:
    """Negotiate keys and ciphers. Raises paramiko's exceptions and TimeoutError."""

    with closed_after(timeout_s, transport.close) as late:
        try:
            # paramiko's own timeouts don't catch a server that trickles bytes or never ends a line.
            transport.start_client(timeout=2 * timeout_s)
        except _link_errors() as error:
            if late.is_set():
                raise TimeoutError(f"it didn't complete the handshake within {timeout_s:.0f} s") from error
            raise


class _Heard:
    """A socket, or a channel in its place, that knows how long it has received nothing."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._last_s = time.monotonic()

    @property
    def silent_s(self) -> float:
        return time.monotonic() - self._last_s

    def recv(self, size: int) -> bytes:
        data: bytes = self._stream.recv(size)
        self._last_s = time.monotonic()
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _watched(transport: Any, stream: _Heard, timeout_s: float) -> Iterator[None]:
    """Probe a silent link periodically, and close it when there is no answer so that every wait on it ends.

    A link that brings something is not probed: over a slow one, the answer would be late behind an upload. The kernel
    detects a dead board that is reached directly. Behind a jump host or a proxy command it can't, since the host in
    between accepts the data.
    """
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(timeout_s):
            if stream.silent_s >= timeout_s and not _answers(transport, timeout_s):
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join(timeout_s + GRACE_S)


def _answers(transport: Any, timeout_s: float) -> bool:
    """Return whether the server answers. Close the link when it doesn't."""
    import paramiko

    try:
        # Open a channel without starting anything on it: every server answers, and it costs the board no process.
        transport.open_session(timeout=timeout_s).close()
    except paramiko.ChannelException:
        pass  # a refusal is an answer
    except _link_errors():
        transport.close()
        return False
    return True


def _transport(paramiko: Any, sock: Any, known_kinds: Sequence[str], timeout_s: float) -> Any:
    transport = paramiko.Transport(sock, default_window_size=WINDOW_BYTES)
    transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = timeout_s
    transport.channel_timeout = timeout_s
    security = transport.get_security_options()
    # AES-GCM needs no separate MAC, which takes half of the time in Python.
    security.ciphers = _first(security.ciphers, ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com"))
    # Ask a server with several keys for one of a known kind.
    security.key_types = _first(security.key_types, known_kinds)
    return transport


def _link_errors() -> tuple[type[Exception], ...]:
    """Return what paramiko raises on a dead link: its own errors, and whatever ended its thread.

    That includes the cipher's complaint about a packet that was changed on its way.
    """
    import paramiko
    from cryptography.exceptions import InvalidTag

    return paramiko.SSHException, OSError, EOFError, InvalidTag


def _first(names: Sequence[str], preferred: Sequence[str]) -> tuple[str, ...]:
    """Move the preferred names to the front.

    >>> _first(("a", "b", "c"), ("c", "d"))
    ('c', 'a', 'b')
    """
    return tuple(sorted(names, key=lambda name: name not in preferred))


def _lost(board: str) -> LinkLost:
    return LinkLost(f"the link to {board} was lost", hint="run it again: files that the board has are not sent again")
