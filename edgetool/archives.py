"""Pack bundles as reproducible .tar.zst files, and unpack untrusted ones."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from edgetool.bundles import FILES_LIMIT, Bundle, open_bundle
from edgetool.errors import BuildError
from edgetool.platform.files import is_inside, is_regular, staged, staged_file
from edgetool.platform.tar import anonymous, tarfile

EXTENSION_TYPES = frozenset(
    {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}
)
EXTENSION_LIMIT_BYTES = 64 * 1024  # a path's limit is 4096
HEADERS_LIMIT_BYTES = 32 * 1024**2  # of all members
SIZE_LIMIT_BYTES = 16 * 1024**3


def pack_bundle(bundle: Bundle, archive: Path) -> Path:
    """Write the bundle as a .tar.zst atomically and return its path."""
    import zstandard

    with (
        staged_file(archive) as beside,
        beside.open("wb") as file,
        zstandard.ZstdCompressor(level=9, threads=-1).stream_writer(file) as stream,
        tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in bundle.names:
            tar.add(bundle.root / name, name, recursive=False, filter=anonymous)
    return archive


def unpack_bundle(archive: Path, folder: Path) -> Bundle:
    """Extract a .tar.zst into the new `folder` and verify it. Raises BuildError for a malicious or damaged archive."""
    import zstandard

    if folder.exists():
        raise BuildError(f"cannot unpack {archive}: {folder} exists")
    try:
        if not is_regular(archive):
            raise BuildError(f"cannot unpack {archive}: it is not a file")
        with staged(folder) as beside:
            with (
                archive.open("rb") as file,
                zstandard.ZstdDecompressor().stream_reader(file) as stream,
                tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member) as tar,
            ):
                _extract_all(tar, beside)
            open_bundle(beside)
    except RecursionError as error:  # tarfile's, which calls itself for each extension header before a member
        raise BuildError(f"cannot unpack {archive}: too many headers before a file") from error
    except (OSError, ValueError, OverflowError, tarfile.TarError, zstandard.ZstdError) as error:
        raise BuildError(f"cannot unpack {archive}: {error}") from error
    return open_bundle(folder, verify=False)


class _Member(tarfile.TarInfo):
    """A member with bounded extension headers, which tarfile reads into memory before it returns the member."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        member = super().frombuf(buf, encoding, errors)
        if member.type in EXTENSION_TYPES and member.size > EXTENSION_LIMIT_BYTES:
            raise BuildError(f"the archive contains a header of {member.size} bytes")
        return member


def _extract_all(tar: tarfile.TarFile, folder: Path) -> None:
    size = data_size = 0
    for count, member in enumerate(tar):
        size += member.size
        data_size += -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
        if count > FILES_LIMIT or size > SIZE_LIMIT_BYTES:
            raise BuildError(f"the archive contains more than {FILES_LIMIT} files or {SIZE_LIMIT_BYTES >> 30} GiB")
        if tar.offset - data_size > HEADERS_LIMIT_BYTES:
            raise BuildError(f"the archive contains more than {HEADERS_LIMIT_BYTES >> 20} MiB of headers")
        if not member.isreg() or member.issparse() or not is_inside(member.name):
            raise BuildError(f"the archive contains {member.name!r}, which is not a plain file inside it")
        member.mtime = 0  # tarfile accepts anything that Python parses as a number
        tar.extract(member, folder, filter="data")
