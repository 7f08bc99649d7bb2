"""Log in with the keys that OpenSSH's client would offer, in the same order."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from edgetool.errors import ConnectError
from edgetool.executors.sshconfig import SshHost
from edgetool.platform.limits import closed_after
from edgetool.platform.terminal import ask_secret


def log_in(transport: Any, host: SshHost, *, timeout_s: float) -> None:
    """Log in to a server.

    Raises ConnectError when it accepts none of the keys, paramiko's exceptions on a lost link.
    """
    import paramiko

    refusals: list[str] = []
    with contextlib.closing(_offered(host, timeout_s, refusals)) as keys:
        for key in keys:
            try:
                with closed_after(timeout_s, transport.close):
                    further = transport.auth_publickey(host.user, key)
            except paramiko.SSHException as error:
                if not transport.is_active():
                    raise paramiko.SSHException("the link was lost in the log-in") from error
                refusals.append(str(error).rstrip("."))
                continue
            if not further:
                return
            refusals.append(f"it also requires: {', '.join(further)}")
            break
    raise ConnectError(
        f"{host.alias} refuses the login of {host.user}: {refusals[-1] if refusals else 'no key is available'}",
        hint=f"`ssh {host.alias}` must work without a password: add your key to its authorized_keys, "
        "`ssh-add` for a key with a passphrase",
    )


def _offered(host: SshHost, timeout_s: float, refusals: list[str]) -> Generator[Any, None, None]:
    """Yield the agent's keys, then those in files; a key's certificates come before the key itself."""
    offered = set()
    chosen = {blob for path in host.identity_files if (blob := _public_half(path))}
    with _agent(host.identity_agent, timeout_s) as agent:
        for key in agent.get_keys():
            if key.blob in chosen or not host.identities_only:
                offered.add(key.blob)
                yield from _with_certificates(key, host.certificate_files, key.blob)
    for path in host.identity_files:
        if _public_half(path) in offered:
            continue
        try:
            private = _private_key(path)
        except (OSError, ValueError, TypeError) as error:
            refusals.append(f"cannot read the key {path}: {error}")
            continue
        if private is not None:
            beside = path.with_name(f"{path.name}-cert.pub")
            yield from _with_certificates(private, (*host.certificate_files, beside), private.asbytes())


def _with_certificates(key: Any, certificates: tuple[Path, ...], blob: bytes) -> Iterator[Any]:
    """Yield the key with each certificate that belongs to it, then the key alone."""
    kind_bytes = 4 + int.from_bytes(blob[:4], "big")
    for path in dict.fromkeys(certificates):
        with contextlib.suppress(OSError, ValueError):
            if path.is_file():
                key.load_certificate(str(path))
                # After its kind and a nonce, a certificate holds what the key holds after its kind.
                if blob[kind_bytes:] in key.public_blob.key_blob:
                    yield key
    key.public_blob = None
    yield key


def _public_half(path: Path) -> bytes | None:
    """Return the public key beside `path`; the private one may exist only in an agent."""
    import paramiko

    for each in (path.with_name(f"{path.name}.pub"), path):
        with contextlib.suppress(OSError, ValueError, UnicodeDecodeError, paramiko.SSHException):
            return bytes(paramiko.pkey.PublicBlob.from_file(str(each)).key_blob)
    return None


def _private_key(path: Path) -> Any:
    """Load a private key. Return None for a public key. Raises OSError, ValueError, TypeError."""
    import paramiko

    if path.suffix == ".pub":
        return None
    kinds = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
    passphrase: str | None = None
    for kind in (*kinds, *kinds):
        try:
            return kind.from_private_key_file(str(path), passphrase)
        except paramiko.PasswordRequiredException as error:
            if passphrase is None:
                passphrase = ask_secret("passphrase of your SSH key")
            if passphrase is None:
                raise ValueError("it has a passphrase") from error
        except paramiko.SSHException:
            continue  # another kind of key, or a wrong passphrase
    raise ValueError("wrong passphrase" if passphrase is not None else "not a private key of a supported kind")


@contextlib.contextmanager
def _agent(address: Path | None, timeout_s: float) -> Iterator[Any]:
    """Connect to the agent at a socket. Yield an agent without keys when there is none or it doesn't answer."""
    import paramiko

    agent = paramiko.agent.AgentSSH()
    with contextlib.ExitStack() as stack:
        if address is not None:
            with contextlib.suppress(OSError, paramiko.SSHException):
                connection = stack.enter_context(socket.socket(socket.AF_UNIX))
                connection.settimeout(timeout_s)
                connection.connect(str(address))
                agent._connect(connection)
        yield agent
