"""Key pairs for an emulated board, in OpenSSH's and dropbear's formats."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """An Ed25519 key pair."""

    private_openssh: bytes
    private_dropbear: bytes
    public_line: str  # "ssh-ed25519 AAAA…"


def make_key_pair() -> KeyPair:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = Ed25519PrivateKey.generate()
    raw = key.private_bytes_raw() + key.public_key().public_bytes_raw()
    kind = b"ssh-ed25519"
    return KeyPair(
        private_openssh=key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()),
        # dropbear's format: the kind and both key halves, each prefixed by its length
        private_dropbear=b"".join(len(part).to_bytes(4, "big") + part for part in (kind, raw)),
        public_line=key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),
    )
