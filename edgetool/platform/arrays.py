"""Arrays out of .npz files that anybody may have written."""

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
# What zipfile, zlib and numpy say of bytes that are none of theirs; MemoryError for a shape that none could have.
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
    """Every array by its name. Raises `error` for a file that is no .npz, is damaged, holds objects or is too large."""
    try:
        if not is_regular(path):
            raise error(f"cannot read {path}: it is not a file")
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise error(f"{path} is not an .npz", hint="write it with numpy.savez")
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                # What it unpacks to: a few KiB of it can be as many GiB.
                if sum(member.file_size for member in archive.zip.infolist()) > SIZE_LIMIT_BYTES:
                    raise error(f"{path} holds more than {SIZE_LIMIT_BYTES >> 30} GiB")
                return {name: archive[name] for name in archive.files}
    except DAMAGED as damaged:
        raise error(f"cannot read {path}: {damaged}", hint="write it with numpy.savez") from damaged
