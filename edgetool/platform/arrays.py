"""Arrays out of .npz files that anybody may have written."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.errors import EdgetoolError

SIZE_LIMIT_BYTES = 2 * 1024**3


def read_npz(path: Path, *, error: type[EdgetoolError]) -> dict[str, npt.NDArray[Any]]:
    """Every array by its name. Raises `error` for a file that is no .npz, is damaged, holds objects or is too large."""
    try:
        with path.open("rb") as file:
            if path.stat().st_size > SIZE_LIMIT_BYTES:
                raise error(f"{path} is larger than {SIZE_LIMIT_BYTES >> 30} GiB")
            if not zipfile.is_zipfile(file):
                raise error(f"{path} is not an .npz", hint="write it with numpy.savez")
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error) as damaged:
        raise error(f"cannot read {path}: {damaged}", hint="write it with numpy.savez") from damaged
