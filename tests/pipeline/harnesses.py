"""Bundles whose harness does more than measure, and waiting for what it leaves."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from edgetool.bundles import HARNESS, MANIFEST, Bundle, copy_bundle, open_bundle
from edgetool.platform.documents import write_document
from edgetool.platform.files import file_entries
from edgetool.platform.process import run_process
from tests.support.bundles import script
from tests.support.commands import command_lines


def with_harness(bundle: Bundle, folder: Path, body: str) -> Bundle:
    """The bundle with a shell script around its real harness, which the script knows as $real."""
    copied = copy_bundle(bundle, folder)
    real = folder / HARNESS
    real.rename(folder / "bin/real")
    script(real, f'real="$(dirname "$0")/real"\n{body}')
    files = tuple(entry for entry in file_entries(folder) if entry.path != MANIFEST)
    listing = "".join(f"{file.path}\0{file.sha256}\n" for file in files)
    identity = hashlib.sha256(listing.encode()).hexdigest()
    write_document(folder / MANIFEST, replace(copied.manifest, files=files, id=identity))
    return open_bundle(folder)


def await_files(folder: Path, pattern: str, count: int) -> None:
    """Looks until they are there: what makes them is a shell on a board, which has no event for us."""
    while len(list(folder.glob(pattern))) < count:
        run_process(["sleep", "0.2"])


def await_gone(*words: str) -> None:
    while any(word in line for line in command_lines() for word in words):
        run_process(["sleep", "0.2"])
