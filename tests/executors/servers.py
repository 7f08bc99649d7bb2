"""Real SSH servers on loopback, run as ordinary processes, and a link between us and them that breaks on request."""

from __future__ import annotations

import contextlib
import getpass
import os
import pwd
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgetool.platform.process import run_process
from edgetool.targets.spec import Target

SSHD = "/usr/sbin/sshd"
DROPBEAR = "/usr/sbin/dropbear"
HOST = "board"
BOUND_S = 60.0  # every fault ends within it, in the right error, on a busy machine too


@dataclass(kw_only=True)
class Server:
    """A running server; `port` is where a client is to go, which may be a link's."""

    folder: Path
    port: int
    command: list[str]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = self.folder / "log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        await_banner(self.port, self.process, log)

    def stop(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGTERM)
            self.process.wait(20)

    def restart(self) -> None:
        """End it with all its connections, and start it on the same port."""
        self.end_sessions()
        self.stop()
        self.start()

    def end_sessions(self) -> None:
        """Kill the processes that serve the server's connections, found as its children."""
        assert self.process is not None
        found = run_process(["pgrep", "-P", str(self.process.pid)], timeout_s=30).stdout.split()
        for pid in found:
            grandchildren = run_process(["pgrep", "-P", pid.decode(), "sshd"], timeout_s=30).stdout.split()
            for each in (pid, *grandchildren):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(each), signal.SIGKILL)

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def target(self, **settings: Any) -> Target:
        executor = {
            "kind": "ssh",
            "host": HOST,
            "config": str(self.folder / "config"),
            "folder": str(self.folder / "there"),
            "connect_timeout_s": 20.0,
            "lease_s": 3.0,
            **settings,
        }
        return Target(schema=1, name=HOST, description="a server of the tests", triple="native", executor=executor)

    def through(self, port: int, folder: Path) -> Server:
        """The same server reached by another port."""
        folder.mkdir()
        host_key = self.known_hosts.read_text().split(" ", 1)[1]
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}")
        write_config(folder, port, identity=self.folder / "user")
        return Server(folder=folder, port=port, command=[])


def make_key(path: Path) -> str:
    """A key pair at `path`; returns the public half."""
    run_process(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], timeout_s=30)
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])


def write_config(folder: Path, port: int, *, identity: Path, more: str = "") -> None:
    (folder / "config").write_text(
        f"Host {HOST}\n  HostName 127.0.0.1\n  Port {port}\n  User {getpass.getuser()}\n  IdentityFile {identity}\n"
        f"  IdentitiesOnly yes\n  UserKnownHostsFile {folder / 'known_hosts'}\n  GlobalKnownHostsFile /dev/null\n{more}"
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def prepare(folder: Path) -> int:
    folder.mkdir(exist_ok=True)
    port = free_port()
    host_key = make_key(folder / "host")
    (folder / "authorized_keys").write_text(make_key(folder / "user") + "\n")
    (folder / "authorized_keys").chmod(0o600)
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}\n")
    write_config(folder, port, identity=folder / "user")
    return port


def sshd_command(folder: Path, port: int, environment: Mapping[str, str]) -> list[str]:
    options = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "authorized_keys",
        "PidFile": "none",
        "UsePAM": "no",
        "StrictModes": "no",
        "PasswordAuthentication": "no",
        "PermitRootLogin": "yes",
        "AllowTcpForwarding": "yes",
        "Subsystem": "sftp internal-sftp",
        # What the account's own start-up files do is no matter of a test.
        "SetEnv": " ".join(f"{name}={text}" for name, text in {"HOME": folder / "home", **environment}.items()),
    }
    (folder / "home").mkdir(exist_ok=True)
    (folder / "sshd_config").write_text("".join(f"{key} {text}\n" for key, text in options.items()))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # privilege separation wants it when it starts as root
    return [SSHD, "-D", "-e", "-f", str(folder / "sshd_config")]


def dropbear_command(folder: Path, port: int, *options: str) -> list[str]:
    run_process(["dropbearconvert", "openssh", "dropbear", folder / "host", folder / "host.dropbear"], timeout_s=30)
    home = folder / "home"
    (home / ".ssh").mkdir(mode=0o700, parents=True)
    shutil.copy2(folder / "authorized_keys", home / ".ssh/authorized_keys")
    account = pwd.getpwuid(os.geteuid())
    line = f"{account.pw_name}:x:{account.pw_uid}:{account.pw_gid}::{home}:/bin/sh\n"
    (folder / "passwd").write_text(line)
    # It looks for keys in the account's home, which is not a test's to change: for its eyes, that is elsewhere.
    elsewhere = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        'mount --bind "$0" /etc/passwd && exec "$@"',
        str(folder / "passwd"),
    ]
    here = ("-r", str(folder / "host.dropbear"), "-p", f"127.0.0.1:{port}")
    return [*elsewhere, DROPBEAR, "-F", "-E", "-s", *here, *options]


@contextmanager
def serve(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.stop()


def await_banner(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Connect until it answers: refused at once while no one listens, so the wait is short and bounded."""
    ready = threading.Event()
    for _ in range(400):
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            if connection.recv(4) == b"SSH-":
                return
        ready.wait(0.05)
    raise AssertionError(f"no SSH server at port {port}: {log.read_text()}")


@contextmanager
def openssh(
    folder: Path, environment: Mapping[str, str] | None = None, *, before: Sequence[str] = ()
) -> Iterator[Server]:
    """An OpenSSH, started by the words `before` its command."""
    if shutil.which("ssh-keygen") is None or not Path(SSHD).exists():
        pytest.skip("needs openssh-server and openssh-client")
    port = prepare(folder)
    command = [*before, *sshd_command(folder, port, environment or {})]
    with serve(Server(folder=folder, port=port, command=command)) as server:
        yield server


@contextmanager
def dropbear(folder: Path, *options: str) -> Iterator[Server]:
    if shutil.which("dropbearconvert") is None or not Path(DROPBEAR).exists():
        pytest.skip("needs dropbear-bin")
    if run_process(["unshare", "--mount", "true"], timeout_s=30).exit_code != 0:
        pytest.skip("dropbear looks for keys in a home folder, and no namespace may be made to give it another")
    port = prepare(folder)
    with serve(Server(folder=folder, port=port, command=dropbear_command(folder, port, *options))) as server:
        yield server


# Skipped with a plain reason where a server is not installed or not permitted.
SERVERS: dict[str, Callable[[Path], AbstractContextManager[Server]]] = {"openssh": openssh, "dropbear": dropbear}


class Link(threading.Thread):
    """Passes bytes between a client and a server until it is cut, or has passed `limit_bytes` to the server."""

    def __init__(self, to_port: int, limit_bytes: int | None = None) -> None:
        super().__init__(daemon=True)
        self._to_port = to_port
        self.limit_bytes = limit_bytes
        self.passed_bytes = 0  # to the server
        self.returned_bytes = 0  # from it
        self.delay_s = 0.0  # of each piece
        self.piece_bytes = 65536  # at most
        self._break: tuple[bool, int, bool] | None = None  # to the server?, after so many bytes, for good?
        self._frozen = threading.Event()
        self._garbled = threading.Event()
        self._never = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self._pumps: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]
        self.start()

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._to_port))
                except ConnectionRefusedError:  # as long as it is restarted
                    client.close()
                    continue
                self._ends += [client, server]
                for source, sink, counted in ((client, server, True), (server, client, False)):
                    pump = threading.Thread(target=self._pump, args=(source, sink, counted), daemon=True)
                    self._pumps.append(pump)
                    pump.start()

    @property
    def connections(self) -> int:
        """How many there were until now."""
        return len(self._ends) // 2

    def _pump(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(self.piece_bytes):
                if self._frozen.is_set():
                    continue
                if self.delay_s:
                    self._never.wait(self.delay_s)
                if self._garbled.is_set():
                    self._garbled.clear()
                    data = data[:-1]
                if not counted:
                    self.returned_bytes += len(data)
                else:
                    self.passed_bytes += len(data)
                    if self.limit_bytes is not None and self.passed_bytes > self.limit_bytes:
                        break
                if self._breaks(counted):
                    break
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _breaks(self, counted: bool) -> bool:
        if self._break is None or self._break[0] is not counted:
            return False
        _, bytes_before, for_good = self._break
        if (self.passed_bytes if counted else self.returned_bytes) <= bytes_before:
            return False
        self._break = None
        if for_good:
            self._refuse()
        self.cut()
        return True

    def break_after(self, *, passed_bytes: int | None = None, returned_bytes: int = 0, for_good: bool) -> None:
        """Cut by who passes the bytes on: however busy the machine is, not one piece later."""
        self._break = (passed_bytes is not None, passed_bytes or returned_bytes, for_good)

    def garble(self) -> None:
        """Lose a byte of what comes next."""
        self._garbled.set()

    def freeze(self) -> None:
        """Take what is sent and pass none of it on, as when the board behind a jump host loses its power."""
        self._frozen.set()

    def thaw(self) -> None:
        """Pass new connections on again; what was frozen stays so no longer than its ends believe in it."""
        self._frozen.clear()

    def cut(self) -> None:
        """End every connection that goes through it; new ones may be made."""
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _refuse(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def close(self) -> None:
        self.cut()
        self._refuse()
        self.join(10)
        for pump in self._pumps:
            pump.join(10)
        for end in self._ends:
            end.close()


@contextmanager
def linked(server: Server, folder: Path, limit_bytes: int | None = None) -> Iterator[tuple[Server, Link]]:
    link = Link(server.port, limit_bytes)
    try:
        yield server.through(link.port, folder), link
    finally:
        link.close()
