"""Prepare the source tree for a build: pinned sources with edgetool's patches.

Only files whose content changes are rewritten.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from edgetool.errors import BuildError
from edgetool.platform.files import is_inside, write_atomically
from edgetool.platform.process import run_tool

PATCHED_FILE = re.compile(r"^--- (\S+)\n\+\+\+ b/(\S+)$", re.MULTILINE)


def patched_files(tree: Path, patches: Sequence[Path], *, log: Path) -> dict[str, bytes]:
    """Return the contents of the files changed by `patches`, by path in `tree`, which isn't modified.

    A patch may add files (`--- /dev/null`), which later ones may change. Raises BuildError when a patch doesn't apply,
    changes a file that isn't there, or adds one that is.
    """
    with tempfile.TemporaryDirectory(prefix="edgetool-patches-") as scratch:
        for patch in patches:
            for original, name in PATCHED_FILE.findall(patch.read_text()):
                copy, added = Path(scratch, name), original == "/dev/null"
                if not is_inside(name) or (copy.is_file() or (tree / name).is_file()) == added:
                    problem = "adds a file that is" if added else "changes a file that is not"
                    raise BuildError(f"{patch.name} {problem} in the sources: {name}")
                if not added and not copy.exists():
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(tree / name, copy)
            run_tool(
                ["patch", "--batch", "--forward", "--no-backup-if-mismatch", "-p1", "-d", scratch, "-i", patch],
                log=log,
                timeout_s=60,
            )
        return {name: Path(scratch, name).read_bytes() for name in _names(Path(scratch))}


def mirror(
    source: Path,
    folder: Path,
    *,
    only: str = "*",
    changed: Mapping[str, bytes] | None = None,
    place: Callable[[Path, Path], object] = shutil.copyfile,
) -> None:
    """Make `folder` contain exactly the files of `source` whose names match `only`.

    Files in `changed` get the given content; they may be new. Files with the right content aren't rewritten, since the
    build goes by modification times. `place` adds a file of `source`.
    """
    changed = changed or {}
    names = {name for name in _names(source) if PurePosixPath(name).match(only)} | changed.keys()
    for name in names:
        path, original = folder / name, source / name
        if name not in changed and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            place(original, path)
        elif name in changed or not path.samefile(original):
            wanted = changed[name] if name in changed else original.read_bytes()
            if not path.is_file() or path.read_bytes() != wanted:
                write_atomically(path, wanted)
    for name in set(_names(folder)) - names:
        (folder / name).unlink()


def _names(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield from (Path(folder, name).relative_to(root).as_posix() for name in names)
