"""What is a link's own: keys, who may come in, the folder there, quoting; nothing is left running or lying about."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from edgetool.errors import (
    ConfigError,
    ConnectError,
    EdgetoolError,
    ExecutorError,
    HostKeyError,
    TransferError,
)
from edgetool.executors.shell import answer_in
from edgetool.executors.ssh import SshExecutor
from edgetool.executors.supervision import enter_script
from edgetool.platform.process import run_process
from edgetool.targets.registry import open_executor
from tests.executors.servers import BOUND_S, HOST, Server, free_port, make_key, openssh, write_config
from tests.support.commands import command_lines
from tests.support.waiting import await_true, unusual_seconds, within


def running(text: str) -> bool:
    return any(text in line for line in command_lines())


def left_there(server: Server) -> list[str]:
    return sorted(path.name for path in (server.folder / "there" / "work").glob("*"))


@contextmanager
def known_hosts(server: Server, text: str) -> Iterator[None]:
    before = server.known_hosts.read_text()
    server.known_hosts.write_text(text)
    try:
        yield
    finally:
        server.known_hosts.write_text(before)


# Host keys


def test_a_changed_host_key_is_refused(server: Server, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other")
    with known_hosts(server, f"[127.0.0.1]:{server.port} {other}\n"):
        with pytest.raises(HostKeyError, match=r"has changed.*SHA256:") as caught, within(BOUND_S):
            open_executor(server.target(accept_new=True)).__enter__()
        assert other in server.known_hosts.read_text()
    assert (caught.value.exit_code, "ssh-keygen -R" in str(caught.value.hint)) == (5, True)


def test_an_unknown_host_key_is_shown_and_refused_without_a_terminal(server: Server) -> None:
    asked = run_process(["ssh-keygen", "-l", "-f", server.folder / "host.pub"], timeout_s=30)
    fingerprint = asked.stdout.decode().split()[1]
    with known_hosts(server, ""), pytest.raises(HostKeyError) as caught, within(BOUND_S):
        open_executor(server.target()).__enter__()
    assert fingerprint in caught.value.message


def test_an_unknown_host_key_is_taken_on_first_sight_when_that_is_asked_for(server: Server) -> None:
    with known_hosts(server, "# mine"):
        with open_executor(server.target(accept_new=True)):
            pass
        assert f"[127.0.0.1]:{server.port} ssh-ed25519 " in server.known_hosts.read_text().splitlines()[1]
        with open_executor(server.target()):
            pass


def test_a_key_of_another_kind_than_the_known_one_is_not_a_new_one(sshd: Server, tmp_path: Path) -> None:
    run_process(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", tmp_path / "other"], timeout_s=30)
    other = " ".join((tmp_path / "other.pub").read_text().split()[:2])
    with known_hosts(sshd, f"[127.0.0.1]:{sshd.port} {other}\n"), pytest.raises(HostKeyError, match="has changed"):
        open_executor(sshd.target(accept_new=True)).__enter__()


def test_a_known_host_may_be_named_by_a_pattern(sshd: Server) -> None:
    host_key = sshd.known_hosts.read_text().split(" ", 1)[1]
    with known_hosts(sshd, f"[127.0.?.1]:*,!other {host_key}"), open_executor(sshd.target()):
        pass
    with known_hosts(sshd, f"[127.0.?.1]:*,!*1]:* {host_key}"), pytest.raises(HostKeyError, match="is not known"):
        open_executor(sshd.target()).__enter__()


def test_a_revoked_key_is_refused(sshd: Server) -> None:
    host_key = sshd.known_hosts.read_text().split(" ", 1)[1]
    with known_hosts(sshd, f"@revoked * {host_key}"), pytest.raises(HostKeyError):
        open_executor(sshd.target(accept_new=True)).__enter__()


def test_an_alias_that_leads_to_another_board_is_another_place(sshd: Server, tmp_path: Path) -> None:
    before = SshExecutor.identity(sshd.target())
    assert SshExecutor.identity(sshd.target(wait_s=5.0)) == before
    other = make_key(tmp_path / "other")
    with known_hosts(sshd, f"[127.0.0.1]:{sshd.port} {other}\n"):
        assert SshExecutor.identity(sshd.target()) != before


# Who may not come in


def test_a_key_the_board_does_not_know_names_the_remedy(server: Server, tmp_path: Path) -> None:
    make_key(tmp_path / "stranger")
    write_config(tmp_path, server.port, identity=tmp_path / "stranger")
    shutil.copy2(server.known_hosts, tmp_path / "known_hosts")
    with pytest.raises(ConnectError, match="refuses the login of") as caught, within(BOUND_S):
        open_executor(server.target(config=str(tmp_path / "config"))).__enter__()
    assert caught.value.hint is not None
    assert "authorized_keys" in caught.value.hint


def test_no_server_at_the_port_is_a_connect_error(sshd: Server, tmp_path: Path) -> None:
    write_config(tmp_path, free_port(), identity=sshd.folder / "user")
    with pytest.raises(ConnectError, match="cannot connect to board"), within(BOUND_S):
        open_executor(sshd.target(config=str(tmp_path / "config"))).__enter__()


@pytest.mark.parametrize("host", ["-oProxyCommand=true", "a b", "a;b", "$(id)", ""])
def test_what_is_no_hosts_name_is_refused_before_anything_is_started(sshd: Server, host: str) -> None:
    with pytest.raises(ConfigError):
        open_executor(sshd.target(host=host)).__enter__()


def test_a_jump_host_is_passed_and_its_key_is_checked_too(server: Server, tmp_path: Path) -> None:
    with openssh(tmp_path / "jump") as jump:
        config = tmp_path / "config"
        known = tmp_path / "known_hosts"
        jump_config = (jump.folder / "config").read_text().replace(f"Host {HOST}", "Host jump")
        config.write_text(jump_config + (server.folder / "config").read_text() + "  ProxyJump jump\n")
        config.write_text(config.read_text().replace(str(jump.known_hosts), str(known)))
        known.write_text(jump.known_hosts.read_text())
        with open_executor(server.target(config=str(config))) as executor:
            assert executor.run(["echo", "there"], timeout_s=30).stdout == b"there\n"
        known.write_text("")
        with pytest.raises(HostKeyError, match="of jump"):
            open_executor(server.target(config=str(config))).__enter__()


def test_a_proxy_command_is_the_way_to_the_board(server: Server, tmp_path: Path) -> None:
    port = server.port
    command = f'bash -c "exec 3<>/dev/tcp/127.0.0.1/{port}; cat <&3 & exec cat >&3"'
    write_config(tmp_path, port, identity=server.folder / "user", more=f"  ProxyCommand {command}\n")
    shutil.copy2(server.known_hosts, tmp_path / "known_hosts")
    with open_executor(server.target(config=str(tmp_path / "config"))) as executor:
        assert executor.run(["echo", "there"], timeout_s=30).stdout == b"there\n"


# Its folder there


def test_a_folder_that_cannot_be_made_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ExecutorError, match=rf"{HOST}: cannot make a work folder: .*file") as caught, within(BOUND_S):
        open_executor(server.target(folder=str(tmp_path / "file" / "there"))).__enter__()
    assert caught.value.hint is not None


def test_what_a_dead_session_left_goes_with_the_next_one(server: Server, tmp_path: Path) -> None:
    work = tmp_path / "there" / "work"
    (work / "old" / "files" / "bundle").mkdir(parents=True)
    (work / "old" / "watcher").symlink_to("4194304.1")
    with open_executor(server.target(folder=str(tmp_path / "there"))):
        assert len(list(work.iterdir())) == 1
        assert not (work / "old").exists()
    assert not list(work.iterdir())


def test_without_a_home_it_works_in_a_folder_that_nobody_else_made(tmp_path: Path) -> None:
    """The script alone: an account's home is not a test's to change."""
    script = enter_script("01234567", None, lease_s=1, holder="me", exclusive=False)
    (tmp_path / "script").write_bytes(script)
    env = {"HOME": "/proc/no-home", "XDG_CACHE_HOME": "", "TMPDIR": str(tmp_path)}
    done = run_process(["sh", "-c", f"echo bye | sh {tmp_path}/script"], env=env, timeout_s=BOUND_S)
    assert done.stdout.startswith(f"edgetool\0ready\0{tmp_path}/edgetool-01234567\0".encode())
    assert [path.name for path in tmp_path.iterdir()] == ["script"]


# Commands


def test_ctrl_c_ends_what_runs_there(server: Server) -> None:
    sleeper = unusual_seconds()

    class Interrupt(BaseException):
        pass

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise Interrupt

    def send() -> None:
        await_true(lambda: running(f"sleep {sleeper}"), "it did not start")
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, interrupt)
    thread = threading.Thread(target=send)
    thread.start()
    try:
        with pytest.raises(Interrupt), open_executor(server.target()) as executor:
            executor.run(["sleep", sleeper], timeout_s=500)
    finally:
        thread.join()
        signal.signal(signal.SIGUSR1, before)
    assert not running(f"sleep {sleeper}")
    assert not left_there(server)


def test_a_process_that_left_its_group_ends_with_the_executor(server: Server) -> None:
    sleeper = unusual_seconds()
    with open_executor(server.target()) as executor:
        executor.run(["sh", "-c", f"setsid sleep {sleeper} >/dev/null 2>&1 </dev/null &"], timeout_s=30)
    await_true(lambda: not running(f"sleep {sleeper}"), "it was left running")


def test_an_environment_variable_is_only_data(server: Server) -> None:
    with open_executor(server.target()) as executor:
        with pytest.raises(ExecutorError, match="not an environment variable's name"):
            executor.run(["true"], env={"A;touch x": "1"}, timeout_s=30)
        assert (
            executor.run(["sh", "-c", 'printf %s "$A"'], env={"A": "'; exit 3\n"}, timeout_s=30).stdout
            == b"'; exit 3\n"
        )


def test_a_login_shell_that_prints_does_not_disturb() -> None:
    """Its words come before ours; what is ours is found after its mark, and only when it is whole."""
    noisy = b"Welcome!\0failed\0\nedgetool\0ready\0/there\0yes\0more"
    assert answer_in(noisy) == (["ready", "/there", "yes"], b"more")
    assert answer_in(noisy[:-6]) is None


def test_the_error_has_exit_code_5() -> None:
    assert {kind.exit_code for kind in (ConnectError, HostKeyError, TransferError)} == {5}
    assert issubclass(HostKeyError, EdgetoolError)
