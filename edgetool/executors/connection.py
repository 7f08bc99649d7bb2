"""One verified SSH connection."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from edgetool.errors import ConnectError, ExecutorError, LinkLost
from edgetool.executors.hostkeys import changed, known_keys, policy
from edgetool.executors.sshconfig import SshHost, resolve_host
from edgetool.platform.process import talk_to
from edgetool.platform.tail import GRACE_S
from edgetool.platform.terminal import ask_secret

KEEPALIVE_S = 10
LINK_TIMEOUT_S = 30  # without an answer to what was sent, the link counts as lost
WINDOW_BYTES = 2**22  # how much a board may send before it waits for us
READ_BYTES = 2**18
SEND_BYTES = 2**15  # what servers take in one packet


class Remote:
    """A command under way on the board."""

    def __init__(self, channel: Any, board: str) -> None:
        self.board = board
        self._channel = channel

    def write(self, data: bytes) -> None:
        """Raises LinkLost, and BrokenPipeError when the command no longer reads."""
        try:
            offset = 0
            while offset < len(data):
                offset += self._channel.send(data[offset : offset + SEND_BYTES])
        except (OSError, EOFError) as error:
            self.check_alive()
            raise BrokenPipeError from error

    def close_stdin(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            self._channel.shutdown_write()

    def read(self) -> bytes:
        """The next piece of stdout, b"" at its end."""
        return self._received(self._channel.recv)

    def limit_silence(self, timeout_s: float) -> None:
        """From now on a read that waits longer raises TimeoutError."""
        self._channel.settimeout(timeout_s)

    def read_stderr(self) -> bytes:
        return self._received(self._channel.recv_stderr)

    @staticmethod
    def _received(receive: Callable[[int], bytes]) -> bytes:
        try:
            return receive(READ_BYTES)
        except (EOFError, ConnectionError):  # it also tells the board to go on, over a link that may be lost
            return b""

    def await_end(self, timeout_s: float) -> int | None:
        """The exit code, or None without one. Raises LinkLost."""
        if not self._channel.status_event.wait(timeout_s):
            return None
        code: int = self._channel.exit_status
        if code == -1:
            self.check_alive()
            return None
        return code

    def check_alive(self) -> None:
        """After something went wrong: was it the link? Raises LinkLost."""
        transport = self._channel.get_transport()
        transport.join(GRACE_S)  # its thread ends with the link
        if not transport.is_active():
            raise _lost(self.board)

    def close(self) -> None:
        with contextlib.suppress(OSError, EOFError):  # there is no link to say it over
            self._channel.close()


class Connection:
    """A link to one host; in a `with` block."""

    def __init__(self, host: SshHost, *, config: Path | None, accept_new: bool, timeout_s: float) -> None:
        self.host = host
        self._config = config
        self._accept_new = accept_new
        self._timeout_s = timeout_s
        self._client: Any = None
        self._below = contextlib.ExitStack()  # the jump host's connection or the proxy command

    def __enter__(self) -> Self:
        import paramiko

        # Its lines are for its developers; what matters reaches the user as an error of ours.
        logging.getLogger("paramiko").setLevel(logging.CRITICAL)
        try:
            self._open(paramiko)
        except paramiko.BadHostKeyException as error:
            raise changed(self.host, error.key) from error
        except (paramiko.PasswordRequiredException, paramiko.AuthenticationException) as error:
            raise ConnectError(
                f"{self.host.alias} does not let {self.host.user} in: {error}",
                hint=f"`ssh {self.host.alias}` must work without a password: a key in its authorized_keys, "
                "`ssh-add` for a key with a passphrase",
            ) from error
        except (paramiko.SSHException, OSError, EOFError) as error:
            said = str(error) or type(error).__name__
            raise LinkLost(
                f"cannot connect to {self.host.alias} ({self.host.hostname} port {self.host.port}): {said}",
                hint=f"does `ssh {self.host.alias}` work?",
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
        self._below.close()

    def _open(self, paramiko: Any) -> None:
        passphrase: str | None = None
        while True:
            try:
                return self._attempt(paramiko, passphrase)
            except paramiko.PasswordRequiredException:
                self._close()
                if passphrase is not None or (passphrase := ask_secret("passphrase of your SSH key")) is None:
                    raise
            except BaseException:
                self._close()
                raise

    def _attempt(self, paramiko: Any, passphrase: str | None) -> None:
        client = self._client = paramiko.SSHClient()
        client.get_host_keys().update(known_keys(self.host))
        client.set_missing_host_key_policy(policy(self.host, self._accept_new))
        alias = self.host.host_key_alias
        client.connect(
            # the name that known_hosts is searched for; the socket is made here
            hostname=alias or self.host.hostname,
            port=22 if alias else self.host.port,
            username=self.host.user,
            key_filename=[str(path) for path in self.host.identity_files],
            passphrase=passphrase,
            look_for_keys=False,
            allow_agent=not self.host.identities_only,
            sock=self._socket(),
            timeout=self._timeout_s,
            banner_timeout=self._timeout_s,
            auth_timeout=self._timeout_s,
            channel_timeout=self._timeout_s,
            transport_factory=partial(_transport, paramiko),
        )
        client.get_transport().set_keepalive(KEEPALIVE_S)
        self._below.enter_context(_watched(paramiko, client.get_transport(), self._timeout_s))

    def _socket(self) -> Any:
        """A stream to the host's SSH server: direct, through jump hosts, or a command's."""
        if self.host.proxy_jump:
            *before, last = self.host.proxy_jump
            jump = replace(resolve_host(_without_port(last), self._config), **_port_of(last))
            if before:
                jump = replace(jump, proxy_jump=tuple(before))
            link = self._below.enter_context(
                Connection(jump, config=self._config, accept_new=self._accept_new, timeout_s=self._timeout_s)
            )
            return link.forward(self.host.hostname, self.host.port)
        if self.host.proxy_command is not None:
            return self._below.enter_context(talk_to(["/bin/sh", "-c", f"exec {self.host.proxy_command}"]))
        made = socket.create_connection((self.host.hostname, self.host.port), timeout=self._timeout_s)
        self._below.callback(made.close)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A board that lost its power answers nothing: the keepalive is then what the kernel gives up on.
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, LINK_TIMEOUT_S * 1000)
        return made

    def forward(self, hostname: str, port: int) -> Any:
        """A stream from this host on to another."""
        return self._client.get_transport().open_channel("direct-tcpip", (hostname, port), ("127.0.0.1", 0))

    def start(self, command: str) -> Remote:
        """Start a command by the login shell. Raises LinkLost."""
        import paramiko

        try:
            channel = self._client.get_transport().open_session(timeout=LINK_TIMEOUT_S)
            channel.exec_command(command)
        except paramiko.ChannelException as error:
            raise ExecutorError(
                f"{self.host.alias} refuses another session: {error}", hint="raise MaxSessions in its sshd_config"
            ) from error
        except (paramiko.SSHException, OSError, EOFError, AttributeError) as error:
            raise _lost(self.host.alias) from error
        return Remote(channel, self.host.alias)

    @property
    def alive(self) -> bool:
        return self._client is not None and self._client.get_transport() is not None and self._client._transport.active


@contextmanager
def _watched(paramiko: Any, transport: Any, timeout_s: float) -> Iterator[None]:
    """Ask for a sign of life every now and then; without one the link is closed, and all that waits for it ends.

    The kernel does that for a board that is directly reached. Behind a jump host or a proxy command it cannot: what is
    sent is taken, by the one between.
    """
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(timeout_s):
            try:
                # A channel that nothing is started on: every server answers that, and it costs the board no process.
                transport.open_session(timeout=timeout_s).close()
            except paramiko.ChannelException:
                continue  # a refusal is an answer
            except (OSError, EOFError, paramiko.SSHException):
                transport.close()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join(timeout_s + GRACE_S)


def _transport(paramiko: Any, sock: Any, **options: Any) -> Any:
    transport = paramiko.Transport(sock, default_window_size=WINDOW_BYTES, **options)
    # AES-GCM needs no digest beside it: in Python that is half the work.
    preferred = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
    security = transport.get_security_options()
    known = tuple(security.ciphers)
    security.ciphers = tuple(sorted(known, key=lambda name: name not in preferred))
    return transport


def _lost(board: str) -> LinkLost:
    return LinkLost(f"the link to {board} was lost", hint="run it again: what the board has is not sent again")


def _without_port(jump: str) -> str:
    """
    >>> _without_port("me@jump:2222"), _without_port("jump")
    ('me@jump', 'jump')
    """
    name, _, port = jump.rpartition(":")
    return name if name and port.isdigit() else jump


def _port_of(jump: str) -> dict[str, Any]:
    port = jump.rpartition(":")[2]
    return {"port": int(port)} if port.isdigit() and port != jump else {}
