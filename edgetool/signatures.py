"""Sign bundles with an SSH key (`ssh-keygen -Y`) or by sigstore, and verify the signatures.

The signature covers the manifest, which contains the SHA-256 of every other file.
"""

from __future__ import annotations

from pathlib import Path

from edgetool.bundles import MANIFEST, SIGNATURE
from edgetool.errors import BuildError, ConfigError
from edgetool.keyless import Signer, check_keyless, sign_keyless
from edgetool.platform.process import Completed, run_process
from edgetool.platform.text import decoded

NAMESPACE = "edgetool-bundle"  # rejects signatures made for another purpose
LIMIT_BYTES = 64 * 1024
TIMEOUT_S = 60.0  # the key may need a passphrase from an agent, or a touch on a token


def sign_bundle(root: Path, key: Path | None) -> Path:
    """Sign the manifest and return the path of the signature.

    `key` is a private key's file, or a public key's whose private key is in an agent; None signs by sigstore. Raises
    ConfigError.
    """
    if key is None:
        return sign_keyless(root)
    if not key.is_file():
        raise ConfigError(f"no key {key}", hint="create one with ssh-keygen -t ed25519 -f KEY")
    manifest = root / MANIFEST
    written = manifest.with_name(f"{MANIFEST}.sig")
    written.unlink(missing_ok=True)  # ssh-keygen would ask before overwriting
    done = _ssh_keygen("sign", "-q", "-f", key, "-n", NAMESPACE, manifest)
    if done.exit_code != 0 or not written.is_file():
        raise ConfigError(
            f"cannot sign with {key}: {decoded(done.stderr, limit=300)}",
            hint="for a key with a passphrase use ssh-agent",
        )
    return written


def check_signature(root: Path, allowed: Path | Signer) -> str:
    """Verify a bundle's signature and return the signer's name.

    `allowed` is OpenSSH's `allowed_signers` file, or who must have signed by sigstore. Raises ConfigError when the file
    doesn't exist, BuildError when the bundle isn't signed by one of them.
    """
    if isinstance(allowed, Signer):
        return check_keyless(root, allowed)
    if not allowed.is_file():
        raise ConfigError(
            f"the file of allowed signers {allowed} doesn't exist",
            hint="one line for each signer: NAME and a public key; see ALLOWED SIGNERS in `man ssh-keygen`",
        )
    signature = root / SIGNATURE
    if signature.is_symlink() or not signature.is_file():
        raise BuildError(f"bundle {root} is not signed", hint="sign it with `edgetool package --sign KEY`")
    if signature.stat().st_size > LIMIT_BYTES:
        raise BuildError(f"{signature} is not a signature: it is larger than {LIMIT_BYTES >> 10} KiB")
    found = _ssh_keygen("find-principals", "-s", signature, "-f", allowed)
    names = found.stdout.decode(errors="replace").split()
    if found.exit_code != 0 or not names:
        raise BuildError(f"bundle {root} is not signed by any signer in {allowed}")
    verify = ("verify", "-q", "-f", allowed, "-I", names[0], "-n", NAMESPACE, "-s", signature)
    if _ssh_keygen(*verify, stdin=root / MANIFEST).exit_code != 0:
        raise BuildError(f"bundle {root} was changed after {names[0]} signed it", hint="package it again")
    return names[0]


def _ssh_keygen(*words: str | Path, stdin: Path | None = None) -> Completed:
    try:
        return run_process(["ssh-keygen", "-Y", *words], stdin=stdin, timeout_s=TIMEOUT_S)
    except (FileNotFoundError, PermissionError) as error:
        raise ConfigError("ssh-keygen is not installed", hint="as root: apt-get install openssh-client") from error
