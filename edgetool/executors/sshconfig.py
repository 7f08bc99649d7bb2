"""What the user's SSH configuration says of a host.

OpenSSH reads it (`ssh -G`), so Include, Match and every default are its own. What it leaves to the moment of the
connection is done here as its client does it: tokens such as `%h`, `~` and `${HOME}`.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgetool.errors import ConfigError
from edgetool.platform.process import run_process

SAFE_NAME = re.compile(r"[A-Za-z0-9_\[:][A-Za-z0-9_.:@%\[\]-]*")
TIMEOUT_S = 30
# Which tokens stand where: ssh_config(5), TOKENS.
PROXY_TOKENS = "%hnpr"
FILE_TOKENS = "%CdhijkLlnpru"
# What a connection of ours would not heed: better refused than left out.
REFUSED = {
    "knownhostscommand": "KnownHostsCommand",
    "revokedhostkeys": "RevokedHostKeys",
    "bindinterface": "BindInterface",
}


@dataclass(frozen=True, kw_only=True)
class SshHost:
    """All that a connection needs to know."""

    alias: str
    hostname: str
    port: int
    user: str
    identity_files: tuple[Path, ...] = ()
    certificate_files: tuple[Path, ...] = ()
    identity_agent: Path | None = None  # the socket of an agent
    identities_only: bool = False
    known_hosts: tuple[Path, ...] = ()  # new keys are added to the first
    host_key_alias: str | None = None
    proxy_jump: tuple[str, ...] = ()  # in the order they are passed
    proxy_command: str | None = None


def resolve_host(alias: str, config: Path | None = None) -> SshHost:
    """The settings of an alias, as OpenSSH's client would take them from `config` or the user's own.

    Raises ConfigError for a name that is none and a configuration that can't be read, or not be done as it says.
    """
    if not SAFE_NAME.fullmatch(alias):
        raise ConfigError(f"{alias!r} is not a host's name", hint="name a Host of ~/.ssh/config, or user@host")
    try:
        settings = _ask_openssh(alias, config)
    except FileNotFoundError:
        settings = _read_config(alias, config)
    return _host(alias, settings)


def resolve_jump(jumps: Sequence[str], config: Path | None = None) -> SshHost:
    """The last of these jump hosts, behind the others. Raises ConfigError."""
    *before, last = jumps
    name, port = split_port(last)
    jump = resolve_host(name, config)
    if port is not None:
        jump = replace(jump, port=port)
    return replace(jump, proxy_jump=tuple(before)) if before else jump


def split_port(jump: str) -> tuple[str, int | None]:
    """
    >>> split_port("me@jump:2222"), split_port("jump"), split_port("ssh://me@[::1]:22/")
    (('me@jump', 2222), ('jump', None), ('me@::1', 22))
    """
    text = jump.removeprefix("ssh://").rstrip("/")
    name, _, port = text.rpartition(":")
    given = port.isdigit() and (name.endswith("]") or ":" not in name) and name != ""
    host = name if given else text
    return re.sub(r"\[(.*)\]$", r"\1", host), int(port) if given else None


def _ask_openssh(alias: str, config: Path | None) -> dict[str, list[str]]:
    """OpenSSH's own answer. Raises FileNotFoundError without an ssh."""
    own = [] if config is None else ["-F", str(config)]
    asked = run_process(["ssh", *own, "-G", "--", alias], timeout_s=TIMEOUT_S)
    if asked.exit_code != 0:
        said = asked.stderr.decode(errors="replace").strip() or "it took too long"
        raise ConfigError(f"ssh cannot read its configuration for {alias}: {said}")
    settings: dict[str, list[str]] = {}
    for line in asked.stdout.decode(errors="replace").splitlines():
        key, _, text = line.partition(" ")
        settings.setdefault(key, []).append(text)
    return settings


def _read_config(alias: str, config: Path | None) -> dict[str, list[str]]:
    """For a machine that has no ssh: without Include and Match exec."""
    user, _, name = alias.rpartition("@")
    path = Path("~/.ssh/config").expanduser() if config is None else config
    found = _parse(path, name) if path.is_file() else {}
    defaults = {
        "hostname": [name],
        "user": [user or getpass.getuser()],
        "port": ["22"],
        "identityfile": [f"~/.ssh/id_{kind}" for kind in ("ed25519", "ecdsa", "rsa")],
        "userknownhostsfile": ["~/.ssh/known_hosts"],
    }
    given = {key: text if isinstance(text, list) else [text] for key, text in found.items()}
    return {**defaults, **given} | ({"user": [user]} if user else {})


def _parse(path: Path, alias: str) -> dict[str, Any]:
    """What paramiko reads from an SSH configuration. Raises ConfigError."""
    import paramiko

    try:
        return dict(paramiko.SSHConfig.from_path(str(path)).lookup(alias))
    except (paramiko.SSHException, OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error


def _host(alias: str, settings: Mapping[str, Sequence[str]]) -> SshHost:
    def last(key: str) -> str | None:
        text = settings.get(key, [""])[-1].strip()
        return None if text in ("", "none") else text

    for key, option in REFUSED.items():
        if last(key) is not None:
            raise ConfigError(
                f"{option} is set for {alias}, which edgetool does not heed", hint="give this board a Host without it"
            )
    host = SshHost(
        alias=alias,
        hostname=last("hostname") or alias.rpartition("@")[2],
        port=int(last("port") or 22),
        user=last("user") or getpass.getuser(),
        identities_only=last("identitiesonly") == "yes",
        host_key_alias=last("hostkeyalias"),
    )
    jumps = last("proxyjump") or ""
    host = replace(host, proxy_jump=tuple(expand(jump, host, PROXY_TOKENS) for jump in jumps.split(",") if jump))
    command = last("proxycommand")
    known = [*settings.get("userknownhostsfile", []), *settings.get("globalknownhostsfile", [])]
    return replace(
        host,
        proxy_command=None if command is None else expand(command, host, PROXY_TOKENS),
        identity_files=_existing(host, settings.get("identityfile", [])),
        certificate_files=_existing(host, settings.get("certificatefile", [])),
        identity_agent=_agent(host, settings.get("identityagent", ["SSH_AUTH_SOCK"])[-1].strip()),
        known_hosts=tuple(path for line in known for path in _paths(line, host)),
    )


def _tokens(host: SshHost) -> dict[str, Callable[[], str]]:
    jump = host.proxy_jump[-1] if host.proxy_jump else ""
    port, own = str(host.port), socket.gethostname()
    return {
        "%": lambda: "%",
        "C": lambda: hashlib.sha1(f"{own}{host.hostname}{port}{host.user}{jump}".encode()).hexdigest(),
        "d": lambda: str(Path.home()),
        "h": lambda: host.hostname,
        "i": lambda: str(os.getuid()),
        "j": lambda: jump,
        "k": lambda: host.host_key_alias or host.alias.rpartition("@")[2],
        "L": lambda: own.partition(".")[0],
        "l": lambda: own,
        "n": lambda: host.alias.rpartition("@")[2],
        "p": lambda: port,
        "r": lambda: host.user,
        "u": getpass.getuser,
    }


def expand(text: str, host: SshHost, allowed: str) -> str:
    """`text` with its tokens replaced as OpenSSH does it. Raises ConfigError for one that does not stand there.

    >>> board = SshHost(alias="desk", hostname="10.0.0.7", port=2222, user="me")
    >>> expand("nc -X 5 %h %p # %r of %n: 100 %%", board, PROXY_TOKENS)
    'nc -X 5 10.0.0.7 2222 # me of desk: 100 %'
    """
    known = _tokens(host)

    def token(found: re.Match[str]) -> str:
        letter = found[1]
        if not letter or letter not in allowed:
            raise ConfigError(f"{found[0]!r} in {text!r} is no token there", hint="`man ssh_config` lists them: TOKENS")
        return known[letter]()

    return re.sub(r"%(.?)", token, text, flags=re.DOTALL)


def _path(text: str, host: SshHost) -> Path:
    """A file's name with its variables, its tokens and `~`. Raises ConfigError."""

    def variable(found: re.Match[str]) -> str:
        if found[1] not in os.environ:
            raise ConfigError(f"{text}: the environment has no {found[1]}")
        return os.environ[found[1]]

    filled = re.sub(r"\$\{([^}]*)\}", variable, text)
    return Path(expand(filled, host, FILE_TOKENS)).expanduser()


def _existing(host: SshHost, names: Sequence[str]) -> tuple[Path, ...]:
    """Those of the files of which a whole key, or its public half, is there."""
    paths = (_path(name.strip().strip('"'), host) for name in names if name.strip() not in ("", "none"))
    return tuple(
        dict.fromkeys(path for path in paths if path.is_file() or path.with_name(f"{path.name}.pub").is_file())
    )


def _agent(host: SshHost, named: str) -> Path | None:
    """The agent's socket: by its path, or by the environment variable that names it."""
    if named.startswith("$") and not named.startswith("${"):
        named = os.environ.get(named[1:], "none")
    elif named == "SSH_AUTH_SOCK":
        named = os.environ.get("SSH_AUTH_SOCK", "none")
    else:
        named = "none" if named in ("", "none") else str(_path(named.strip('"'), host))
    return None if named in ("", "none") else Path(named)


def _paths(line: str, host: SshHost) -> tuple[Path, ...]:
    """The files that a line names. OpenSSH prints a name that holds spaces without the quotes it was given in.

    >>> board = SshHost(alias="desk", hostname="10.0.0.7", port=22, user="me")
    >>> [str(path) for path in _paths('/etc/known "/a folder/%h" none', board)]
    ['/etc/known', '/a folder/10.0.0.7']
    """
    whole = _path(line, host)
    if whole.is_file():
        return (whole,)
    words = (quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', line))
    return tuple(_path(word, host) for word in words if word not in ("none", "/dev/null"))
