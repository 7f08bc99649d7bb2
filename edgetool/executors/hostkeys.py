"""Check host keys: accept known ones, ask about unknown ones and refuse changed ones."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from edgetool.errors import HostKeyError
from edgetool.executors.sshconfig import SshHost
from edgetool.platform.documents import read_limited
from edgetool.platform.terminal import ask

AUTHORITY, REVOKED = "@cert-authority", "@revoked"
RSA_KINDS = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")


@dataclass(frozen=True, kw_only=True)
class KnownKey:
    """A line of a known_hosts file that applies to the host."""

    marker: str  # "", "@cert-authority" or "@revoked"
    kind: str
    key: str  # base64
    where: str


def check_key(host: SshHost, key: Any, *, accept_new: bool) -> None:
    """Check a host key against the known ones. Ask the user about an unknown one and remember it.

    Raises HostKeyError when the key has changed, is revoked, is vouched for only by an authority, or isn't accepted.
    """
    found, shown = list(known_keys(host)), key.get_base64()
    if any(known.key == shown for known in found if known.marker == REVOKED):
        raise changed(host, key)
    plain = [known for known in found if not known.marker]
    if any(known.key == shown for known in plain):
        return
    if plain:  # also for a key of another kind: an attacker could choose the kind to avoid the known key
        raise changed(host, key)
    if authorities := [known for known in found if known.marker == AUTHORITY]:
        raise HostKeyError(
            f"the host key of {host.alias} is vouched for by a certificate authority ({authorities[0].where}), and "
            "edgetool checks no host certificates",
            hint=f"add the board's own key (ssh-keyscan -p {host.port} {host.hostname}) after comparing it",
        )
    question = (
        f"the host key of {host.alias} ({host.hostname} port {host.port}) is not known: {key.get_name()} "
        f"{key.fingerprint}\nis it the board's?"
    )
    if not accept_new and not ask(question):
        raise HostKeyError(
            f"the host key of {host.alias} is not known: {key.get_name()} {key.fingerprint}",
            hint=f"compare it with the board's, then accept it: ssh {host.alias}, or `edgetool targets check` "
            "on a terminal; accept_new = true in the target's [executor] table accepts any key of a new board",
        )
    _remember(host, f"{_known_name(host)} {key.get_name()} {shown}")


def known_keys(host: SshHost) -> Iterator[KnownKey]:
    """Yield the lines of the known_hosts files that apply to a host, as OpenSSH reads them."""
    name = _known_name(host)
    for path in host.known_hosts:
        if not path.is_file():
            continue
        lines = read_limited(path, HostKeyError).decode(errors="replace").splitlines()
        for number, line in enumerate(lines, start=1):
            words = line.split()
            marker = words.pop(0) if words and words[0].startswith("@") else ""
            if len(words) >= 3 and not words[0].startswith("#") and _matches(name, words[0].split(",")):
                yield KnownKey(marker=marker, kind=words[1], key=words[2], where=f"{path} line {number}")


def known_kinds(host: SshHost) -> tuple[str, ...]:
    """Return the kinds of the host's known keys, to negotiate one of them."""
    kinds = [known.kind for known in known_keys(host) if not known.marker]
    return tuple(each for kind in kinds for each in (RSA_KINDS if kind == "ssh-rsa" else (kind,)))


def known_identity(host: SshHost) -> str:
    """Return a digest of the address and known host keys of an alias; two boards never share one."""
    known = sorted({known.key for known in known_keys(host) if not known.marker})
    return hashlib.sha256(repr((host.hostname, host.port, known)).encode()).hexdigest()


def _matches(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a known_hosts line applies to a host: one pattern matches and no negated one does.

    >>> _matches("a.lab", ["*.lab", "!b.lab"]), _matches("b.lab", ["*.lab", "!b.lab"]), _matches("[a]:22", ["[A]:22"])
    (True, False, True)
    >>> _matches("[a]:22", ["!*", "[a]:22"]), _matches("a", ["|1|AAAA|AAAA"])
    (False, False)
    """
    found = [pattern for pattern in patterns if _fits(name, pattern.removeprefix("!"))]
    return bool(found) and not any(pattern.startswith("!") for pattern in found)


def _fits(name: str, pattern: str) -> bool:
    """Match a hashed name, or a pattern with `*` and `?`, ignoring case."""
    if pattern.startswith("|1|"):
        with contextlib.suppress(ValueError):
            salt, digest = (base64.b64decode(part) for part in pattern[3:].split("|"))
            return hmac.compare_digest(hmac.digest(salt, name.encode(), "sha1"), digest)
        return False
    parts = (".*" if letter == "*" else "." if letter == "?" else re.escape(letter) for letter in pattern.lower())
    return re.fullmatch("".join(parts), name.lower()) is not None


def _known_name(host: SshHost) -> str:
    """Return the host's name in known_hosts."""
    return host.host_key_alias or (host.hostname if host.port == 22 else f"[{host.hostname}]:{host.port}")


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
        f"the host key of {host.alias} has changed: {key.get_name()} {key.fingerprint}; "
        "the connection may be intercepted, or the board was reinstalled",
        hint=f"if the board was reinstalled: ssh-keygen -R '{_known_name(host)}'",
    )
