"""What is read of an SSH configuration, beside what OpenSSH's own client makes of it."""

from __future__ import annotations

import getpass
import hashlib
import os
import re
import shutil
import socket
from pathlib import Path

import pytest

from edgetool.errors import ConfigError, ConnectError, HostKeyError
from edgetool.executors.hostkeys import known_keys
from edgetool.executors.sshconfig import resolve_host, split_port
from edgetool.platform.process import run_process
from edgetool.targets.registry import open_executor
from tests.executors.servers import BOUND_S, HOST, Server, make_key, write_config
from tests.support.waiting import within

needs_ssh = pytest.mark.skipif(shutil.which("ssh") is None, reason="needs openssh-client")


def config(folder: Path, more: str) -> Path:
    path = folder / "config"
    path.write_text(f"Host desk\n  HostName %h.lab\n  Port 2222\n  User me\n{more}")
    return path


@needs_ssh
@pytest.mark.parametrize(
    ("command", "expanded"),
    [
        ("nc -X 5 %h %p", "nc -X 5 desk.lab 2222"),
        ("relay --from %n --as %r", "relay --from desk --as me"),
        ("printf 100%%", "printf 100%"),
    ],
)
def test_a_proxy_commands_tokens_are_expanded(tmp_path: Path, command: str, expanded: str) -> None:
    assert resolve_host("desk", config(tmp_path, f"  ProxyCommand {command}\n")).proxy_command == expanded


@needs_ssh
@pytest.mark.parametrize("command", ["nc %d", "nc %", "nc %Z"])
def test_a_token_that_does_not_stand_there_is_refused(tmp_path: Path, command: str) -> None:
    with pytest.raises(ConfigError, match=r"not a valid token|percent|expand"):
        resolve_host("desk", config(tmp_path, f"  ProxyCommand {command}\n"))


@needs_ssh
@pytest.mark.parametrize(
    "name",
    [f"id_%{letter}" for letter in "hnpruiLl%Ck"] + ["id_${LAB_KEY}"],
)
def test_a_keys_name_is_expanded_as_ssh_does_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("LAB_KEY", "of the lab")
    own = socket.gethostname()
    digest = hashlib.sha1(f"{own}desk.lab2222me".encode()).hexdigest()
    tokens = {
        "%h": "desk.lab",
        "%n": "desk",
        "%p": "2222",
        "%r": "me",
        "%u": getpass.getuser(),
        "%i": str(os.getuid()),
        "%L": own.partition(".")[0],
        "%l": own,
        "%%": "%",
        "%C": digest,
        "%k": "desk",
        "${LAB_KEY}": "of the lab",
    }
    file = tmp_path / re.sub(r"%.|\$\{.*\}", lambda found: tokens[found[0]], name)
    file.write_text("a key")
    assert resolve_host("desk", config(tmp_path, f'  IdentityFile "{tmp_path}/{name}"\n')).identity_files == (file,)


@needs_ssh
@pytest.mark.parametrize(
    "option", ["KnownHostsCommand /bin/true %H", "RevokedHostKeys /etc/revoked", "BindInterface eth0"]
)
def test_what_would_not_be_heeded_is_refused_by_name(tmp_path: Path, option: str) -> None:
    with pytest.raises(ConfigError, match=option.split()[0]):
        resolve_host("desk", config(tmp_path, f"  {option}\n"))


@needs_ssh
def test_match_and_include_are_opensshs_own(tmp_path: Path) -> None:
    (tmp_path / "more").write_text("Match originalhost desk exec true\n  ProxyCommand relay %h\n")
    assert resolve_host("desk", config(tmp_path, f"Include {tmp_path}/more\n")).proxy_command == "relay desk.lab"


@pytest.mark.parametrize(
    ("jump", "parts"),
    [
        ("jump", ("jump", None)),
        ("me@jump:22", ("me@jump", 22)),
        ("ssh://me@jump:2222", ("me@jump", 2222)),
        ("[::1]:2222", ("::1", 2222)),
        ("::1", ("::1", None)),
    ],
)
def test_a_jump_host_is_named_in_any_of_opensshs_ways(jump: str, parts: tuple[str, int | None]) -> None:
    assert split_port(jump) == parts


PATTERNS = (
    "desk.lab",
    "DESK.lab",
    "*.lab",
    "d?sk.lab",
    "!desk.lab,*.lab",
    "!*,desk.lab",
    "*,!*",
    "[desk.lab]:22",
    "[desk.lab]:2222",
    "!*,[desk.lab]:2222",
    "[*]:2222",
    "[d*.lab]:*",
    "desk.[lm]ab",
    "other,desk.lab",
    "|1|AAAA|AAAA",
)


@needs_ssh
@pytest.mark.parametrize("port", [22, 2222])
@pytest.mark.parametrize("patterns", PATTERNS)
def test_known_hosts_is_read_as_openssh_reads_it(tmp_path: Path, patterns: str, port: int) -> None:
    key, known = make_key(tmp_path / "key"), tmp_path / "known_hosts"
    known.write_text(f"{patterns} {key}\n")
    path = config(tmp_path, f"  UserKnownHostsFile {known}\n  GlobalKnownHostsFile none\n")
    path.write_text(path.read_text().replace("2222", str(port)))
    name = "desk.lab" if port == 22 else f"[desk.lab]:{port}"
    theirs = run_process(["ssh-keygen", "-F", name, "-f", known], timeout_s=30).exit_code == 0
    assert bool(list(known_keys(resolve_host("desk", path)))) == theirs


@needs_ssh
def test_a_hashed_name_is_found(tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(f"[desk.lab]:2222 {make_key(tmp_path / 'key')}\n")
    run_process(["ssh-keygen", "-q", "-H", "-f", known], timeout_s=30)
    assert "desk" not in known.read_text()
    path = config(tmp_path, f"  UserKnownHostsFile {known}\n  GlobalKnownHostsFile none\n")
    assert len(list(known_keys(resolve_host("desk", path)))) == 1


def test_a_certificate_authority_is_refused_by_name(sshd: Server, tmp_path: Path) -> None:
    write_config(tmp_path, sshd.port, identity=sshd.folder / "user")
    (tmp_path / "known_hosts").write_text(f"@cert-authority * {make_key(tmp_path / 'authority')}\n")
    with pytest.raises(HostKeyError, match="certificate authority"), within(BOUND_S):
        open_executor(sshd.target(config=str(tmp_path / "config"), accept_new=True)).__enter__()


def test_a_jump_host_that_is_its_own_is_refused(sshd: Server, tmp_path: Path) -> None:
    more = "  ProxyJump loop\nHost loop\n  ProxyJump loop\n"
    write_config(tmp_path, sshd.port, identity=sshd.folder / "user", more=more)
    with pytest.raises((ConfigError, ConnectError)), within(BOUND_S):
        open_executor(sshd.target(config=str(tmp_path / "config"))).__enter__()


def test_a_key_that_only_an_agent_has_lets_us_in(sshd: Server, tmp_path: Path) -> None:
    """With IdentitiesOnly: the public half says which of the agent's it is."""
    address = tmp_path / "agent"
    agent = run_process(["ssh-agent", "-a", address], timeout_s=30, leaves_daemon=True)
    pid = re.search(rb"SSH_AGENT_PID=(\d+)", agent.stdout)
    assert pid is not None
    try:
        run_process(["ssh-add", sshd.folder / "user"], env={"SSH_AUTH_SOCK": str(address)}, timeout_s=30)
        shutil.copy2(sshd.folder / "user.pub", tmp_path / "only.pub")
        write_config(tmp_path, sshd.port, identity=tmp_path / "only", more=f"  IdentityAgent {address}\n")
        shutil.copy2(sshd.known_hosts, tmp_path / "known_hosts")
        with open_executor(sshd.target(config=str(tmp_path / "config"))) as executor:
            assert executor.run(["echo", HOST], timeout_s=30).exit_code == 0
    finally:
        os.kill(int(pid[1]), 15)


def test_a_certificate_lets_us_in(sshd: Server, tmp_path: Path) -> None:
    authority, user = tmp_path / "authority", tmp_path / "user"
    public = make_key(authority)
    make_key(user)
    run_process(["ssh-keygen", "-q", "-s", authority, "-I", "me", "-n", getpass.getuser(), f"{user}.pub"], timeout_s=30)
    certificate = (tmp_path / "user-cert.pub").rename(tmp_path / "elsewhere.pub")
    keys = sshd.folder / "authorized_keys"
    before = keys.read_text()
    keys.write_text(f"cert-authority {public}\n")
    try:
        write_config(tmp_path, sshd.port, identity=user, more=f"  CertificateFile {certificate}\n")
        shutil.copy2(sshd.known_hosts, tmp_path / "known_hosts")
        with open_executor(sshd.target(config=str(tmp_path / "config"))) as executor:
            assert executor.run(["echo", HOST], timeout_s=30).exit_code == 0
    finally:
        keys.write_text(before)
