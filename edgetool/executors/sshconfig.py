"""Read a host's settings from the user's SSH configuration.

OpenSSH parses it (`ssh -G`), so Include, Match and all defaults apply. Tokens such as `%h`, `~` and `${HOME}`, which
OpenSSH expands when it connects, are expanded here.
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
# Tokens allowed in each kind of option; see TOKENS in ssh_config(5).
PROXY_TOKENS = "%hnpr"
FILE_TOKENS = "%CdhijkLlnpru"
# Security options that edgetool doesn't support are refused rather than ignored.
REFUSED = {
    "knownhostscommand": "KnownHostsCommand",
    "revokedhostkeys": "RevokedHostKeys",
    "bindinterface": "BindInterface",
}


@dataclass(frozen=True, kw_only=True)
class SshHost:
    """The settings needed to connect to a host."""

    alias: str
    hostname: str
    port: int
    user: str
    identity_files: tuple[Path, ...] = ()
    certificate_files: tuple[Path, ...] = ()
    identity_agent: Path | None = None  # the agent's socket
    identities_only: bool = False
    known_hosts: tuple[Path, ...] = ()  # new keys are added to the first one
    host_key_alias: str | None = None
    proxy_jump: tuple[str, ...] = ()  # in the order they are passed through
    proxy_command: str | None = None


def resolve_host(alias: str, config: Path | None = None) -> SshHost:
    """Return the settings of an alias, as OpenSSH's client would read them from `config` or the user's own file.

    Raises ConfigError for an invalid name, and for a configuration that can't be read or uses an unsupported option.
    """
    if not SAFE_NAME.fullmatch(alias):
        raise ConfigError(f"{alias!r} is not a host's name", hint="give a Host in ~/.ssh/config, or user@host")
    try:
        settings = _ask_openssh(alias, config)
    except FileNotFoundError:
        settings = _read_config(alias, config)
    return _host(alias, settings)


def resolve_jump(jumps: Sequence[str], config: Path | None = None) -> SshHost:
    """Return the last of these jump hosts, reached through the others. Raises ConfigError."""
    *before, last = jumps
    name, port = split_port(last)
    jump = resolve_host(name, config)
    if port is not None:
        jump = replace(jump, port=port)
    return replace(jump, proxy_jump=tuple(before)) if before else jump


def split_port(jump: str) -> tuple[str, int | None]:
    """Split a jump host into its name and port.

    >>> split_port("me@jump:2222"), split_port("jump"), split_port("ssh://me@[::1]:22/")
    (('me@jump', 2222), ('jump', None), ('me@::1', 22))
    """
    text = jump.removeprefix("ssh://").rstrip("/")
    name, _, port = text.rpartition(":")
    given = port.isdigit() and (name.endswith("]") or ":" not in name) and name != ""
    host = name if given else text
    return re.sub(r"\[(.*)\]$", r"\1", host), int(port) if given else None


def _ask_openssh(alias: str, config: Path | None) -> dict[str, list[str]]:
    """Return the settings printed by `ssh -G`. Raises FileNotFoundError when ssh isn't installed, ConfigError."""
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
    """Read the configuration without ssh, which excludes Include and Match exec."""
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
    """Read an SSH configuration with paramiko. Raises ConfigError."""
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
                f"{option} is set for {alias}, which edgetool doesn't support",
                hint="add a Host without it for this board",
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
    """Expand tokens as OpenSSH does. Raises ConfigError for a token that isn't allowed there.

    >>> board = SshHost(alias="desk", hostname="10.0.0.7", port=2222, user="me")
    >>> expand("nc -X 5 %h %p # %r of %n: 100 %%", board, PROXY_TOKENS)
    'nc -X 5 10.0.0.7 2222 # me of desk: 100 %'
    """
    known = _tokens(host)

    def token(found: re.Match[str]) -> str:
        letter = found[1]
        if not letter or letter not in allowed:
            raise ConfigError(f"{found[0]!r} in {text!r} is not a valid token", hint="see TOKENS in `man ssh_config`")
        return known[letter]()

    return re.sub(r"%(.?)", token, text, flags=re.DOTALL)


def _path(text: str, host: SshHost) -> Path:
    """Return a file name with variables, tokens and `~` expanded. Raises ConfigError."""

    def variable(found: re.Match[str]) -> str:
        if found[1] not in os.environ:
            raise ConfigError(f"{text}: the environment has no {found[1]}")
        return os.environ[found[1]]

    filled = re.sub(r"\$\{([^}]*)\}", variable, text)
    return Path(expand(filled, host, FILE_TOKENS)).expanduser()


def _existing(host: SshHost, names: Sequence[str]) -> tuple[Path, ...]:
    """Return the files that exist, or whose public key does."""
    paths = (_path(name.strip().strip('"'), host) for name in names if name.strip() not in ("", "none"))
    return tuple(
        dict.fromkeys(path for path in paths if path.is_file() or path.with_name(f"{path.name}.pub").is_file())
    )


def _agent(host: SshHost, named: str) -> Path | None:
    """Return the agent's socket, given as a path or an environment variable."""
    if named.startswith("$") and not named.startswith("${"):
        named = os.environ.get(named[1:], "none")
    elif named == "SSH_AUTH_SOCK":
        named = os.environ.get("SSH_AUTH_SOCK", "none")
    else:
        named = "none" if named in ("", "none") else str(_path(named.strip('"'), host))
    return None if named in ("", "none") else Path(named)


def _paths(line: str, host: SshHost) -> tuple[Path, ...]:
    """Split a line into file names. OpenSSH prints names with spaces without their quotes.

    >>> board = SshHost(alias="desk", hostname="10.0.0.7", port=22, user="me")
    >>> [str(path) for path in _paths('/etc/known "/a folder/%h" none', board)]
    ['/etc/known', '/a folder/10.0.0.7']
    """
    whole = _path(line, host)
    if whole.is_file():
        return (whole,)
    words = (quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', line))
    return tuple(_path(word, host) for word in words if word not in ("none", "/dev/null"))
