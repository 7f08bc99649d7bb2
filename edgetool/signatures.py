"""A bundle's signature by an SSH key: `ssh-keygen -Y`, which whoever has such a key has too.

What is signed is the manifest, which holds the hash of every other file.
"""

from __future__ import annotations

from pathlib import Path

from edgetool.bundles import MANIFEST, SIGNATURE
from edgetool.errors import BuildError, ConfigError
from edgetool.platform.process import Completed, run_process
from edgetool.platform.text import decoded

NAMESPACE = "edgetool-bundle"  # a signature that was made for something else is none of a bundle
LIMIT_BYTES = 64 * 1024
TIMEOUT_S = 60.0  # a key may want its passphrase, from an agent or a token that is touched


def sign_bundle(root: Path, key: Path) -> Path:
    """Write the signature beside the manifest and return its path.

    `key` is a private key's file, or a public one's whose private half an agent has. Raises ConfigError.
    """
    if not key.is_file():
        raise ConfigError(f"no key {key}", hint="ssh-keygen -t ed25519 -f KEY makes one")
    manifest = root / MANIFEST
    written = manifest.with_name(f"{MANIFEST}.sig")
    written.unlink(missing_ok=True)  # ssh-keygen would ask
    done = _ssh_keygen("sign", "-q", "-f", key, "-n", NAMESPACE, manifest)
    if done.exit_code != 0 or not written.is_file():
        raise ConfigError(
            f"cannot sign with {key}: {decoded(done.stderr, limit=300)}", hint="a passphrase is asked of ssh-agent only"
        )
    return written


def check_signature(root: Path, allowed: Path) -> str:
    """Who signed a bundle, of those in the file `allowed`, which is OpenSSH's `allowed_signers`.

    Raises ConfigError for a file that can't be read, BuildError for a bundle without their signature.
    """
    if not allowed.is_file():
        raise ConfigError(
            f"no file {allowed} of allowed signers", hint="a line each: NAME, then a public key; man ssh-keygen"
        )
    signature = root / SIGNATURE
    if signature.is_symlink() or not signature.is_file():
        raise BuildError(f"bundle {root} is not signed", hint="`edgetool package --sign KEY`")
    if signature.stat().st_size > LIMIT_BYTES:
        raise BuildError(f"{signature} is no signature: it is larger than {LIMIT_BYTES >> 10} KiB")
    found = _ssh_keygen("find-principals", "-s", signature, "-f", allowed)
    names = found.stdout.decode(errors="replace").split()
    if found.exit_code != 0 or not names:
        raise BuildError(f"bundle {root} is signed by nobody of {allowed}")
    verify = ("verify", "-q", "-f", allowed, "-I", names[0], "-n", NAMESPACE, "-s", signature)
    if _ssh_keygen(*verify, stdin=root / MANIFEST).exit_code != 0:
        raise BuildError(f"bundle {root} is not what {names[0]} signed", hint="package it again")
    return names[0]


def _ssh_keygen(*words: str | Path, stdin: Path | None = None) -> Completed:
    try:
        return run_process(["ssh-keygen", "-Y", *words], stdin=stdin, timeout_s=TIMEOUT_S)
    except (FileNotFoundError, PermissionError) as error:
        raise ConfigError("ssh-keygen is not installed", hint="as root: apt-get install openssh-client") from error
