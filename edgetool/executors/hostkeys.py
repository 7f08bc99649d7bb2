"""Host keys: which are known, what is asked about one that is not, and the refusal of one that changed."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from edgetool.errors import HostKeyError
from edgetool.executors.sshconfig import SshHost
from edgetool.platform.terminal import ask


def policy(host: SshHost, accept_new: bool) -> Any:
    """What paramiko is to do with a key that no known_hosts file has for this host."""
    import paramiko

    class Policy(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]  # paramiko's types are not known
        def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
            # A known host with a key of another kind: whoever answers may have chosen the kind for that reason.
            if client.get_host_keys().lookup(hostname) is not None or _is_revoked(host, key.get_base64()):
                raise changed(host, key)
            question = (
                f"the host key of {host.alias} ({host.hostname} port {host.port}) is not known: {key.get_name()} "
                f"{key.fingerprint}\nis it the board's?"
            )
            if not accept_new and not ask(question):
                raise HostKeyError(
                    f"the host key of {host.alias} is not known: {key.get_name()} {key.fingerprint}",
                    hint=f"compare it with the board's, then accept it: ssh {host.alias}, or `edgetool targets check` "
                    "on a terminal; accept_new = true in the target's [executor] table takes any on first sight",
                )
            _remember(host, f"{hostname} {key.get_name()} {key.get_base64()}")

    return Policy()


def _lines(host: SshHost) -> Iterator[str]:
    for path in host.known_hosts:
        if path.is_file():
            yield from path.read_text(errors="replace").splitlines()


def _is_revoked(host: SshHost, key: str) -> bool:
    return any(line.startswith("@revoked") and key in line.split() for line in _lines(host))


def known_keys(host: SshHost) -> Any:
    """paramiko's HostKeys of the known_hosts files; what is marked, such as an authority, is no host's key."""
    import paramiko

    keys, ours = paramiko.HostKeys(), _known_name(host)
    for line in _lines(host):
        if not line.strip() or line.strip()[0] in "#@":
            continue
        with contextlib.suppress(paramiko.SSHException, paramiko.hostkeys.InvalidHostKey):
            entry = paramiko.hostkeys.HostKeyEntry.from_line(line.strip())
            if entry is None or _is_revoked(host, entry.key.get_base64()):
                continue
            names = [ours] if _matches(ours, entry.hostnames) else entry.hostnames  # paramiko knows no wildcards
            for name in names:
                keys.add(name, entry.key.get_name(), entry.key)
    return keys


def _matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a line of known_hosts with these patterns is for a host.

    >>> _matches("a.lab", ["*.lab", "!b.lab"]), _matches("b.lab", ["*.lab", "!b.lab"]), _matches("[a]:22", ["[a]:22"])
    (True, False, True)
    """
    # In OpenSSH's patterns brackets are themselves.
    found = [pattern for pattern in patterns if fnmatchcase(name, pattern.lstrip("!").replace("[", "[[]"))]
    return bool(found) and not any(pattern.startswith("!") for pattern in found)


def _known_name(host: SshHost) -> str:
    """As known_hosts names it."""
    return host.host_key_alias or (host.hostname if host.port == 22 else f"[{host.hostname}]:{host.port}")


def known_identity(host: SshHost) -> str:
    """A digest of where an alias leads and of the host keys known for that: another board has another."""
    found = known_keys(host).lookup(_known_name(host)) or {}
    known = sorted(key.get_base64() for key in found.values())
    return hashlib.sha256(repr((host.hostname, host.port, known)).encode()).hexdigest()


def _remember(host: SshHost, line: str) -> None:
    if not host.known_hosts:
        return
    path = host.known_hosts[0]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = path.read_text(errors="replace") if path.is_file() else ""
    with path.open("a") as file:
        file.write(("" if not text or text.endswith("\n") else "\n") + line + "\n")


def changed(host: SshHost, key: Any) -> HostKeyError:
    return HostKeyError(
        f"the host key of {host.alias} is not the one that is known: {key.get_name()} {key.fingerprint}; "
        "someone may be listening in, or the board was set up anew",
        hint=f"if it was set up anew: ssh-keygen -R '{_known_name(host)}'",
    )
