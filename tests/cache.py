"""The tests' own cache: beside the user's, shared by all workers, kept from run to run.

What takes long to build or fetch is taken over from the user's cache by hard links, whole and finished entries only: a
runtime that `edgetool runtime build` made is tested without being built again, and nothing is fetched twice. Like
everywhere, an entry is checked against its manifest when it is opened, and replaced rather than written to.

$EDGETOOL_TEST_CACHE names another folder; an empty one starts from nothing.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from filelock import FileLock

from edgetool.platform.cache import DOWNLOADS
from edgetool.platform.files import staged
from edgetool.platform.store import INPUTS, cache_root

VARIABLE = "EDGETOOL_TEST_CACHE"
# Steps that follow from edgetool alone; what was made of the user's models stays the user's.
TAKEN_OVER = (
    "board-image",
    "emulator",
    "emulator-plugin",
    "harness",
    "ncnn",
    "ncnn-driver",
    "protoc",
    "python-extension",
    "python-headers",
    "qemu-user",
    "runtime",
    "runtime-with-libc",
    "sources",
)


def own_cache() -> Path:
    """The folder, with all that the user's cache has to give."""
    users = cache_root().absolute()
    if named := os.environ.get(VARIABLE):
        return Path(named).absolute()
    own = users.with_name(f"{users.name}-tests")
    own.mkdir(parents=True, exist_ok=True)
    with FileLock(own / ".taking-over.lock"):
        take_over(users, own)
    return own


def take_over(users: Path, own: Path) -> None:
    """Link the entries and downloads of `users` that `own` has not."""
    for step in TAKEN_OVER:
        for inputs in sorted((users / step).glob(f"[0-9a-f]*/{INPUTS}")):
            entry = own / step / inputs.parent.name
            if not entry.exists():
                with staged(entry) as beside:
                    shutil.copytree(inputs.parent, beside, symlinks=True, copy_function=os.link, dirs_exist_ok=True)
    (own / DOWNLOADS).mkdir(exist_ok=True)
    for download in sorted((users / DOWNLOADS).glob("[!.]*")):
        if download.is_file() and not (own / DOWNLOADS / download.name).exists():
            os.link(download, own / DOWNLOADS / download.name)
