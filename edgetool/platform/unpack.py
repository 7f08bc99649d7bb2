"""Unpack untrusted archives: Debian packages, and tarballs with one top folder."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from lzma import LZMAError
from pathlib import Path
from typing import IO

from edgetool.errors import BuildError
from edgetool.platform.tar import tarfile

AR_MAGIC = b"!<arch>\n"
AR_HEADER_BYTES = 60
CONTROL_LIMIT_BYTES = 64 * 1024


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a package, or a tarball without its single top folder, into the new `folder`.

    Raises BuildError when the archive is damaged or the tarball doesn't hold exactly one folder.
    """
    if archive.suffix == ".deb":
        unpack_package(archive, folder)
        return
    with _readable(archive):
        beside = folder.with_name(f".{folder.name}-unpacked")
        with archive.open("rb") as file:
            _extract(file, beside)
        tops = list(beside.iterdir())
        if len(tops) != 1 or not tops[0].is_dir():
            raise BuildError(f"{archive} doesn't contain exactly one top folder")
        tops[0].rename(folder)
        shutil.rmtree(beside, ignore_errors=True)


def unpack_parts(archive: Path, parts: Mapping[str, str], folder: Path) -> None:
    """Unpack some folders of a tarball, whose single top folder is left out, into `folder`.

    `parts` maps a path in `folder` to the tarball's folder that goes there. Raises BuildError when the tarball is
    damaged or lacks one.
    """
    missing = set(parts)
    with _readable(archive), tarfile.open(archive, mode="r|*") as tar:
        for member in tar:
            path = member.name.removeprefix("./").partition("/")[2]
            for part, inner in parts.items():
                if path.startswith(f"{inner}/"):
                    placed = member.replace(name=part + path.removeprefix(inner), deep=False)
                    tar.extract(placed, folder, filter=_inside)
                    missing.discard(part)
    if missing:
        raise BuildError(f"{archive} contains no {', '.join(sorted(parts[part] for part in missing))}")


def unpack_package(package: Path, folder: Path, *, only: Collection[str] = ()) -> set[str]:
    """Unpack a Debian package into `folder`, which may hold other packages already. Its scripts are not run.

    With `only`, unpack one path for each pattern ("boot/vmlinu*") and stop reading once all are found. Return the
    patterns that were found. Raises BuildError when `package` isn't a Debian package.
    """
    folder.mkdir(exist_ok=True)
    missing = set(only)
    with _readable(package), package.open("rb") as file:
        data = _member(file, package, "data.tar")
        with tarfile.open(fileobj=data, mode="r|*") as tar:
            for member in tar:
                path = member.name.removeprefix("./")
                found = {pattern for pattern in missing if fnmatchcase(path, pattern)}
                if only and not found:
                    continue
                tar.extract(member, folder, filter=_inside)
                missing -= found
                if only and not missing:
                    break
    return set(only) - missing


def read_control(package: Path) -> str:
    """Return a Debian package's control file. Raises BuildError for anything else."""
    with _readable(package), package.open("rb") as file:
        control = _member(file, package, "control.tar")
        with tarfile.open(fileobj=control, mode="r|*") as tar:
            for member in tar:
                if member.name.removeprefix("./") == "control" and (found := tar.extractfile(member)):
                    return found.read(CONTROL_LIMIT_BYTES).decode(errors="replace")
    raise BuildError(f"{package} contains no file control")


@contextmanager
def _readable(archive: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, LZMAError, ValueError, tarfile.TarError) as error:
        raise BuildError(f"cannot unpack {archive}: {error}") from error


def _extract(stream: IO[bytes], folder: Path) -> None:
    folder.mkdir()
    with tarfile.open(fileobj=stream, mode="r:*") as tar:
        tar.extractall(folder, filter="data")


def _inside(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo | None:
    """Skip devices and links that lead out of the tree: no file of a package depends on them."""
    try:
        return tarfile.data_filter(member, path)
    except (tarfile.AbsoluteLinkError, tarfile.LinkOutsideDestinationError, tarfile.SpecialFileError):
        return None


def _member(file: IO[bytes], archive: Path, wanted: str) -> IO[bytes]:
    """Return the tarball of a .deb, an `ar` archive, whose name begins with `wanted`."""
    if file.read(len(AR_MAGIC)) != AR_MAGIC:
        raise BuildError(f"{archive} is not a Debian package")
    while len(header := file.read(AR_HEADER_BYTES)) == AR_HEADER_BYTES:
        name, size = header[:16].decode("ascii", "replace").strip().rstrip("/"), int(header[48:58])
        if name.startswith(wanted):
            return io.BytesIO(file.read(size))
        file.seek(size + size % 2, os.SEEK_CUR)
    raise BuildError(f"{archive} contains no {wanted}")
