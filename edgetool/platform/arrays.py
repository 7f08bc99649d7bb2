"""Read arrays from untrusted .npz files."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.errors import EdgetoolError
from edgetool.platform.files import is_regular

SIZE_LIMIT_BYTES = 2 * 1024**3
# Exceptions that zipfile, zlib and numpy raise for damaged input. MemoryError covers an array shape too large to
# allocate.
DAMAGED = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    NotImplementedError,
    MemoryError,
    RuntimeError,  # an encrypted member
    SyntaxError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_npz(path: Path, *, error: type[EdgetoolError]) -> dict[str, npt.NDArray[Any]]:
    """Return every array in the file by name.

    Raises `error` when the file isn't an .npz, is damaged, contains Python objects or unpacks to more than
    SIZE_LIMIT_BYTES.
    """
    try:
        if not is_regular(path):
            raise error(f"cannot read {path}: it is not a file")
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise error(f"{path} is not an .npz", hint="write it with numpy.savez")
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                # Check the unpacked size first: a few KiB of .npz can unpack to many GiB.
                if sum(member.file_size for member in archive.zip.infolist()) > SIZE_LIMIT_BYTES:
                    raise error(f"{path} holds more than {SIZE_LIMIT_BYTES >> 30} GiB")
                return {name: archive[name] for name in archive.files}
    except DAMAGED as damaged:
        raise error(f"cannot read {path}: {damaged}", hint="write it with numpy.savez") from damaged
