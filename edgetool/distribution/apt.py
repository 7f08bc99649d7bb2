"""Write an apt repository: packages, their index, and signatures by gpg."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from edgetool.distribution.deb import NAME
from edgetool.errors import ConfigError
from edgetool.platform.files import sha256_file, write_atomically
from edgetool.platform.process import Completed, run_process
from edgetool.platform.text import decoded
from edgetool.platform.unpack import read_control

KEY = f"{NAME}.asc"  # the public half, for `signed-by`
SIGNATURES = ("InRelease", "Release.gpg", KEY)
TIMEOUT_S = 120.0  # a key may want its passphrase, from an agent


def write_repository(folder: Path, package: Path, *, key: str | None = None) -> Path:
    """Add `package` to the repository `folder`, beside the packages of other architectures.

    With `key`, the fingerprint or address of a gpg key, sign the index. Return the folder. Raises ConfigError when
    gpg cannot sign, BuildError when a file in the folder is not a package.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if package.parent.resolve() != folder.resolve():
        shutil.copy2(package, folder / package.name)
    packages = "\n".join(_stanza(path) for path in sorted(folder.glob(f"{NAME}_*.deb"))).encode()
    files = {"Packages": packages, "Packages.gz": gzip.compress(packages, 9, mtime=0)}
    for name, data in files.items():
        write_atomically(folder / name, data)
    for name in SIGNATURES:  # of the index before this one
        (folder / name).unlink(missing_ok=True)
    write_atomically(folder / "Release", _release(files, _architectures(packages.decode())).encode())
    if key is not None:
        _sign(folder, key)
    return folder


def _stanza(package: Path) -> str:
    """Return a package's entry in the index: its control file, path and checksum."""
    return (
        f"{read_control(package).rstrip()}\n"
        f"Filename: ./{package.name}\nSize: {package.stat().st_size}\nSHA256: {sha256_file(package)}\n"
    )


def _architectures(packages: str) -> Iterator[str]:
    listed = (line.partition(":") for line in packages.splitlines())
    yield from sorted({text.strip() for name, _, text in listed if name == "Architecture"})


def _release(files: dict[str, bytes], architectures: Iterator[str]) -> str:
    now = time.strftime("%a, %d %b %Y %H:%M:%S UTC", time.gmtime())
    sums = [f" {hashlib.sha256(data).hexdigest()} {len(data)} {name}" for name, data in files.items()]
    head = [f"Origin: {NAME}", f"Label: {NAME}", f"Date: {now}", f"Architectures: {' '.join(architectures)}"]
    return "\n".join([*head, "SHA256:", *sums, ""])


def _sign(folder: Path, key: str) -> None:
    release = folder / "Release"
    _gpg(key, "--armor", "--output", folder / "InRelease", "--clearsign", release)
    _gpg(key, "--armor", "--output", folder / "Release.gpg", "--detach-sign", release)
    _gpg(key, "--armor", "--output", folder / KEY, "--export", key)


def _gpg(key: str, *words: str | Path) -> Completed:
    try:
        done = run_process(["gpg", "--batch", "--yes", "--local-user", key, *words], timeout_s=TIMEOUT_S)
    except (FileNotFoundError, PermissionError) as error:
        raise ConfigError("gpg is not installed", hint="as root: apt-get install gnupg") from error
    if done.exit_code != 0:
        raise ConfigError(
            f"gpg cannot sign with {key!r}: {decoded(done.stderr, limit=300)}", hint="see `gpg --list-secret-keys`"
        )
    return done
