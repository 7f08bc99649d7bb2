"""Host keys: which are known, what is asked about one that is not, and the refusal of one that changed."""

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
    """A line of a known_hosts file that is for a host."""

    marker: str  # "", "@cert-authority" or "@revoked"
    kind: str
    key: str  # base64
    where: str


def check_key(host: SshHost, key: Any, *, accept_new: bool) -> None:
    """Is it the key that is known of this host? Raises HostKeyError."""
    found, shown = list(known_keys(host)), key.get_base64()
    if any(known.key == shown for known in found if known.marker == REVOKED):
        raise changed(host, key)
    plain = [known for known in found if not known.marker]
    if any(known.key == shown for known in plain):
        return
    if plain:  # with a key of another kind, too: whoever answers may have chosen the kind for that reason
        raise changed(host, key)
    if authorities := [known for known in found if known.marker == AUTHORITY]:
        raise HostKeyError(
            f"the host key of {host.alias} is vouched for by a certificate authority ({authorities[0].where}), and "
            "edgetool checks no host certificates",
            hint=f"add the board's own key: ssh-keyscan -p {host.port} {host.hostname}, compared with the board's",
        )
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
    _remember(host, f"{_known_name(host)} {key.get_name()} {shown}")


def known_keys(host: SshHost) -> Iterator[KnownKey]:
    """What the known_hosts files say of a host, as OpenSSH reads them."""
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
    """The kinds of key that the host may show."""
    kinds = [known.kind for known in known_keys(host) if not known.marker]
    return tuple(each for kind in kinds for each in (RSA_KINDS if kind == "ssh-rsa" else (kind,)))


def known_identity(host: SshHost) -> str:
    """A digest of where an alias leads and of the host keys known for that: another board has another."""
    known = sorted({known.key for known in known_keys(host) if not known.marker})
    return hashlib.sha256(repr((host.hostname, host.port, known)).encode()).hexdigest()


def _matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a line of known_hosts with these patterns is for a host: one fits, and none that is negated does.

    >>> _matches("a.lab", ["*.lab", "!b.lab"]), _matches("b.lab", ["*.lab", "!b.lab"]), _matches("[a]:22", ["[A]:22"])
    (True, False, True)
    >>> _matches("[a]:22", ["!*", "[a]:22"]), _matches("a", ["|1|AAAA|AAAA"])
    (False, False)
    """
    found = [pattern for pattern in patterns if _fits(name, pattern.removeprefix("!"))]
    return bool(found) and not any(pattern.startswith("!") for pattern in found)


def _fits(name: str, pattern: str) -> bool:
    """A hashed name, or one in which `*` and `?` stand for anything; case is no matter."""
    if pattern.startswith("|1|"):
        with contextlib.suppress(ValueError):
            salt, digest = (base64.b64decode(part) for part in pattern[3:].split("|"))
            return hmac.compare_digest(hmac.digest(salt, name.encode(), "sha1"), digest)
        return False
    parts = (".*" if letter == "*" else "." if letter == "?" else re.escape(letter) for letter in pattern.lower())
    return re.fullmatch("".join(parts), name.lower()) is not None


def _known_name(host: SshHost) -> str:
    """As known_hosts names it."""
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
        f"the host key of {host.alias} is not the one that is known: {key.get_name()} {key.fingerprint}; "
        "someone may be listening in, or the board was set up anew",
        hint=f"if it was set up anew: ssh-keygen -R '{_known_name(host)}'",
    )
