"""What the user's SSH configuration says of a host."""

from __future__ import annotations

import getpass
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetool.errors import ConfigError
from edgetool.platform.process import run_process

SAFE_NAME = re.compile(r"[A-Za-z0-9_\[:][A-Za-z0-9_.:@%\[\]-]*")


@dataclass(frozen=True, kw_only=True)
class SshHost:
    """All that a connection needs to know."""

    alias: str
    hostname: str
    port: int
    user: str
    identity_files: tuple[Path, ...] = ()
    identities_only: bool = False
    known_hosts: tuple[Path, ...] = ()  # new keys are added to the first
    host_key_alias: str | None = None
    proxy_jump: tuple[str, ...] = ()  # in the order they are passed
    proxy_command: str | None = None


def resolve_host(alias: str, config: Path | None = None) -> SshHost:
    """The settings of an alias, as OpenSSH's client would take them from `config` or the user's own.

    Raises ConfigError for a name that is none and a configuration that can't be read.
    """
    if not SAFE_NAME.fullmatch(alias):
        raise ConfigError(f"{alias!r} is not a host's name", hint="name a Host of ~/.ssh/config, or user@host")
    try:
        settings = _ask_openssh(alias, config)
    except FileNotFoundError:
        settings = _read_config(alias, config)
    return _host(alias, settings)


def _ask_openssh(alias: str, config: Path | None) -> dict[str, list[str]]:
    """OpenSSH's own answer knows Include, Match and every default. Raises FileNotFoundError without an ssh."""
    own = [] if config is None else ["-F", str(config)]
    asked = run_process(["ssh", *own, "-G", "--", alias], timeout_s=30)
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

    known = [*settings.get("userknownhostsfile", []), *settings.get("globalknownhostsfile", [])]
    jumps = last("proxyjump")
    return SshHost(
        alias=alias,
        hostname=last("hostname") or alias,
        port=int(last("port") or 22),
        user=last("user") or getpass.getuser(),
        identity_files=_existing(settings.get("identityfile", [])),
        identities_only=last("identitiesonly") == "yes",
        known_hosts=tuple(path for line in known for path in _paths(line)),
        host_key_alias=last("hostkeyalias"),
        proxy_jump=() if jumps is None else tuple(jumps.split(",")),
        proxy_command=last("proxycommand"),
    )


def _existing(names: Sequence[str]) -> tuple[Path, ...]:
    paths = (Path(name.strip('"')).expanduser() for name in names)
    return tuple(dict.fromkeys(path for path in paths if path.is_file()))


def _paths(line: str) -> tuple[Path, ...]:
    """The files that a line names. OpenSSH prints a name that holds spaces without the quotes it was given in.

    >>> [str(path) for path in _paths('/etc/known "/a folder/known" none')]
    ['/etc/known', '/a folder/known']
    """
    whole = Path(line).expanduser()
    if whole.is_file():
        return (whole,)
    words = (quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', line))
    return tuple(Path(word).expanduser() for word in words if word not in ("none", "/dev/null"))
