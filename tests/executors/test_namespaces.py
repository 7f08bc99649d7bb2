"""Boards in networks of their own: no way leads there but through a jump host, or by a command in its place."""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

from edgetool.errors import BoardBusy, ConnectError, HostKeyError, LinkLost
from edgetool.platform.process import run_process
from edgetool.targets.registry import open_executor
from edgetool.targets.spec import Target
from tests.executors.servers import SSHD, make_key, sshd_command
from tests.support.waiting import within

pytestmark = pytest.mark.xdist_group("namespaces")  # two of these networks would have the same addresses
PORT = 2222


def ip(*words: str) -> None:
    done = run_process(["ip", *words], timeout_s=30)
    assert done.exit_code == 0, done.stderr.decode()


@dataclass(frozen=True)
class Network:
    """`here` reaches the jump host, which reaches the board; each has a name of its own in the configuration."""

    folder: Path
    jump: subprocess.Popen[bytes]
    near: str  # our device of the link to the jump host

    @property
    def config(self) -> Path:
        return self.folder / "config"

    def target(self, host: str) -> Target:
        executor = {"kind": "ssh", "host": host, "config": str(self.config), "folder": str(self.folder / "there")}
        settings = {"connect_timeout_s": 5.0, "lease_s": 2.0}
        return Target(schema=1, name=host, description="", triple="native", executor={**executor, **settings})


@contextlib.contextmanager
def served(namespace: str, folder: Path, address: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """An OpenSSH in a namespace, and its key."""
    folder.mkdir()
    key = make_key(folder / "host")
    shutil.copy2(folder.parent / "user.pub", folder / "authorized_keys")
    command = sshd_command(folder, PORT, {})
    config = folder / "sshd_config"
    config.write_text(config.read_text().replace("ListenAddress 127.0.0.1", f"ListenAddress {address}"))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["ip", "netns", "exec", namespace, *command], stderr=log, start_new_session=True)
    try:
        end_s = time.monotonic() + 30
        while b"Server listening" not in (folder / "log").read_bytes():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end_s, "it does not listen"
            threading.Event().wait(0.05)
        yield process, key
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    if os.geteuid() != 0 or shutil.which("ip") is None or not Path(SSHD).exists():
        pytest.skip("needs root, iproute2 and openssh-server")
    mark = secrets.token_hex(3)
    jump, board = f"edgetool-jump-{mark}", f"edgetool-board-{mark}"
    if run_process(["ip", "netns", "add", jump], timeout_s=30).exit_code != 0:
        pytest.skip("no network namespaces may be made here")
    folder = tmp_path_factory.mktemp("network")
    near, far = f"ej{mark}", f"eb{mark}"
    try:
        ip("netns", "add", board)
        # 198.51.100.0/24 and 203.0.113.0/24 are for documentation: no machine has them
        ip("link", "add", near, "type", "veth", "peer", "name", "near", "netns", jump)
        ip("address", "add", "198.51.100.1/24", "dev", near)
        ip("link", "set", near, "up")
        ip("-n", jump, "address", "add", "198.51.100.2/24", "dev", "near")
        ip("-n", jump, "link", "set", "near", "up")
        ip("-n", jump, "link", "add", far, "type", "veth", "peer", "name", "far", "netns", board)
        ip("-n", jump, "address", "add", "203.0.113.1/24", "dev", far)
        ip("-n", jump, "link", "set", far, "up")
        ip("-n", board, "address", "add", "203.0.113.2/24", "dev", "far")
        ip("-n", board, "link", "set", "far", "up")
        make_key(folder / "user")
        with (
            served(jump, folder / "jump", "198.51.100.2") as (process, jump_key),
            served(board, folder / "board", "203.0.113.2") as (_, board_key),
        ):
            known = folder / "known_hosts"
            known.write_text(f"[198.51.100.2]:{PORT} {jump_key}\n[203.0.113.2]:{PORT} {board_key}\n")
            common = (
                f"  Port {PORT}\n  User {getpass.getuser()}\n  IdentityFile {folder}/user\n  IdentitiesOnly yes\n"
                f"  UserKnownHostsFile {known}\n  GlobalKnownHostsFile /dev/null\n"
            )
            at = {"jump": "198.51.100.2", "direct": "203.0.113.2", "behind": "203.0.113.2", "by-command": "203.0.113.2"}
            ways = {
                "behind": "  ProxyJump jump\n",
                "by-command": f"  ProxyCommand ssh -F {folder}/config -W %h:%p jump\n",
            }
            text = "".join(
                f"Host {name}\n  HostName {where}\n{ways.get(name, '')}{common}" for name, where in at.items()
            )
            (folder / "config").write_text(text)
            yield Network(folder, process, near)
    finally:
        for namespace in (jump, board):
            run_process(["ip", "netns", "delete", namespace], timeout_s=30)
        run_process(["ip", "link", "delete", near], timeout_s=30)


def test_no_way_leads_there_directly(network: Network) -> None:
    with within(60), pytest.raises(ConnectError, match="cannot connect to direct"):
        open_executor(network.target("direct")).__enter__()


@pytest.mark.parametrize("way", ["behind", "by-command"])
def test_a_board_is_reached_by_its_way(network: Network, way: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 300_000)
    with within(120), open_executor(network.target(way)) as executor:
        executor.put(tmp_path / "file", PurePosixPath("there"))
        said = executor.run(["sh", "-c", "ip -brief address || cat /proc/net/fib_trie"], timeout_s=30).stdout
        executor.get(PurePosixPath("there"), tmp_path / "back")
    assert b"203.0.113.2" in said
    assert b"198.51.100" not in said
    assert (tmp_path / "back").read_bytes() == (tmp_path / "file").read_bytes()


@pytest.mark.parametrize("host", ["198.51.100.2", "203.0.113.2"])
def test_each_key_on_the_way_is_checked(network: Network, host: str) -> None:
    known = network.folder / "known_hosts"
    kept = known.read_text()
    known.write_text("".join(line for line in kept.splitlines(keepends=True) if host not in line))
    try:
        with within(60), pytest.raises(HostKeyError):
            open_executor(network.target("behind")).__enter__()
    finally:
        known.write_text(kept)


@contextlib.contextmanager
def narrow(device: str, bytes_per_s: int) -> Iterator[None]:
    """A device that sends so much, and keeps all the rest in a buffer."""
    options = ["tbf", "limit", "100mb", "burst", "5kb", "rate", f"{8 * bytes_per_s}bit"]
    if run_process(["tc", "qdisc", "add", "dev", device, "root", *options], timeout_s=30).exit_code != 0:
        pytest.skip("no link can be made narrow here")
    try:
        yield
    finally:
        run_process(["tc", "qdisc", "delete", "dev", device, "root"], timeout_s=30)


@pytest.mark.parametrize("way", ["jump", "behind"])
def test_an_upload_over_a_narrow_link_keeps_the_board(network: Network, way: str, tmp_path: Path) -> None:
    """It takes ten leases, and whatever is sent meanwhile comes after what is on its way already."""
    (tmp_path / "files").mkdir()
    for number in range(4):
        (tmp_path / "files" / str(number)).write_bytes(os.urandom(300_000))
    with within(200), open_executor(network.target(way)) as executor:
        with narrow(network.near, 60_000):
            executor.put(tmp_path / "files", PurePosixPath("files"))
        with pytest.raises(BoardBusy):
            open_executor(network.target(way)).__enter__()
        executor.get(PurePosixPath("files"), tmp_path / "back")
    for path in (tmp_path / "files").iterdir():
        assert (tmp_path / "back" / path.name).read_bytes() == path.read_bytes()


def test_a_jump_host_that_goes_away_ends_what_waits_for_the_board(network: Network) -> None:
    """The last test of the module: its jump host does not come back."""
    with within(120), pytest.raises(LinkLost):
        _wait_for_the_board(network)


def _wait_for_the_board(network: Network) -> None:
    with open_executor(network.target("behind")) as executor:
        threading.Timer(1.0, _end, [network.jump]).start()
        executor.run(["sleep", "1000"], timeout_s=1000)


def _end(server: subprocess.Popen[bytes]) -> None:
    """With the processes that serve its connections."""
    found = run_process(["pgrep", "-P", str(server.pid)], timeout_s=30).stdout.split()
    for pid in found:
        run_process(["pkill", "-KILL", "-P", pid.decode()], timeout_s=30)
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), 9)
    server.kill()
