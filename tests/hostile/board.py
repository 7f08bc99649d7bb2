"""A board that lies: a real OpenSSH and a real dropbear whose accounts get a shell of ours.

The shell is a true one but for what the file `lie` says. It runs before each shell's first word and may define
functions in place of programs: `lie` as `cat() { sleep 1000; }` makes a board that stops in every transfer.
"""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgetool.platform.process import run_process
from edgetool.targets.spec import Target
from tests.executors.servers import (
    DROPBEAR,
    SSHD,
    Server,
    dropbear_command,
    prepare,
    serve,
    sshd_command,
)
from tests.support.waiting import await_true


@dataclass(frozen=True, kw_only=True)
class Liar:
    server: Server

    def says(self, lie: str) -> None:
        (self.server.folder / "lie").write_text(lie)

    def end(self) -> None:
        """End what still lies: some of it would not end by itself, and heeds no closed connection."""
        mark = f"BASH_ENV={self.server.folder / 'lie'}".encode()

        def none_lies() -> bool:
            lying = [int(path.name) for path in Path("/proc").glob("[0-9]*") if mark in _environ(path)]
            for pid in lying:
                _kill(pid)
            return not lying

        await_true(none_lies, "a lie does not end")

    def target(self, folder: Path, *, patience_s: float) -> Target:
        return self.server.target(folder=str(folder), connect_timeout_s=patience_s, lease_s=2.0)


def _kill(pid: int) -> None:
    """Kill a process and wait for its end, which a busy machine takes its time for."""
    with contextlib.suppress(ProcessLookupError):
        process = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(process, signal.SIGKILL)
            select.select([process], [], [], 30)
        finally:
            os.close(process)


def _environ(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""


def _shell(folder: Path) -> Path:
    """A bash, for that it reads a file first: functions of the lie then hide programs from what it is told."""
    lie, path = shlex.quote(str(folder / "lie")), folder / "shell"
    path.write_text(f"#!/bin/sh\nBASH_ENV={lie} exec bash\n")
    path.chmod(0o755)
    (folder / "lie").write_text("")
    return path


@contextmanager
def lying_openssh(folder: Path) -> Iterator[Server]:
    if shutil.which("ssh-keygen") is None or not Path(SSHD).exists():
        pytest.skip("needs openssh-server and openssh-client")
    port = prepare(folder)
    command = sshd_command(folder, port, {})
    with (folder / "sshd_config").open("a") as file:
        file.write(f"ForceCommand {_shell(folder)}\n")
    with serve(Server(folder=folder, port=port, command=command)) as server:
        yield server


@contextmanager
def lying_dropbear(folder: Path) -> Iterator[Server]:
    if shutil.which("dropbearconvert") is None or not Path(DROPBEAR).exists():
        pytest.skip("needs dropbear-bin")
    if run_process(["unshare", "--mount", "true"], timeout_s=30).exit_code != 0:
        pytest.skip("dropbear looks for keys in a home folder, and no namespace may be made to give it another")
    port = prepare(folder)
    command = [*dropbear_command(folder, port), "-c", str(_shell(folder))]
    with serve(Server(folder=folder, port=port, command=command)) as server:
        yield server


LIARS: dict[str, Callable[[Path], AbstractContextManager[Server]]] = {
    "openssh": lying_openssh,
    "dropbear": lying_dropbear,
}
