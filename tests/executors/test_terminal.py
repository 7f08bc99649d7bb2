"""What is asked of the person at the terminal: a real one, with a real server and a key that has a passphrase."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgetool.platform.process import run_process
from edgetool.targets.registry import write_target
from tests.executors.servers import Server, openssh
from tests.support.waiting import within

PASSPHRASE = "correct horse"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with openssh(tmp_path_factory.mktemp("sshd")) as running:
        key = running.folder / "user"
        run_process(["ssh-keygen", "-q", "-p", "-P", "", "-N", PASSPHRASE, "-f", key], timeout_s=30)
        yield running


@contextmanager
def at_a_terminal(*words: str) -> Iterator[Terminal]:
    """`edgetool …` with a terminal of its own."""
    pid, end = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-m", "edgetool.cli", *words])
    try:
        yield Terminal(pid, end)
    finally:
        os.close(end)


class Terminal:
    def __init__(self, pid: int, end: int) -> None:
        self._pid = pid
        self._end = end
        self.seen = ""

    def expect(self, text: str) -> None:
        while text not in self.seen:
            try:
                chunk = os.read(self._end, 65536)
            except OSError:  # how Linux tells the end of a terminal
                chunk = b""
            assert chunk, self.seen
            self.seen += chunk.decode(errors="replace")

    def type(self, line: str) -> None:
        os.write(self._end, f"{line}\n".encode())

    def exit_code(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


def test_an_unknown_host_key_is_asked_for_once_and_a_passphrase_unseen(server: Server, tmp_path: Path) -> None:
    write_target(tmp_path / "desk.toml", server.target(folder=str(tmp_path / "there")))
    known = server.known_hosts.read_text()
    server.known_hosts.write_text("")
    fingerprint = run_process(["ssh-keygen", "-l", "-f", server.folder / "host.pub"], timeout_s=30).stdout.split()[1]
    for answers in (("no",), ("yes", PASSPHRASE), (PASSPHRASE,)):
        with within(90), at_a_terminal("targets", "check", str(tmp_path / "desk.toml")) as terminal:
            if answers[0] in ("yes", "no"):
                terminal.expect("[yes/no]")
                assert fingerprint.decode() in terminal.seen
                terminal.type(answers[0])
            if answers[-1] == PASSPHRASE:
                terminal.expect("passphrase of your SSH key")
                terminal.type(PASSPHRASE)
                terminal.expect("kernel:")
            assert terminal.exit_code() == (5 if answers == ("no",) else 0)
        assert PASSPHRASE not in terminal.seen
    assert server.known_hosts.read_text() == known
