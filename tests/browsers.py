"""Fixtures: the system's Chromium, and axe-core, which looks for what shuts people out."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

AXE = "axe-core@4.14.1"
AXE_SHA256 = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("Chromium is not installed: as root: apt-get install chromium")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=chromium, args=[*QUIET, "--disable-sync", "--no-first-run"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def axe(cache: Path) -> str:
    """The program, fetched by npm the first time; the test fails with any other archive than the one named here."""
    archive = cache / "downloads" / f"{AXE.replace('@', '-')}.tgz"
    if not archive.is_file():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not installed, which brings axe-core")
        archive.parent.mkdir(parents=True, exist_ok=True)
        command = [npm, "pack", AXE, "--silent", "--pack-destination", str(archive.parent)]
        if subprocess.run(command, capture_output=True, timeout=120, check=False).returncode != 0:
            pytest.skip("npm does not reach its registry, which brings axe-core")
    if hashlib.sha256(archive.read_bytes()).hexdigest() != AXE_SHA256:
        raise ValueError(f"{archive} is not the axe-core that the tests were written for")
    with tarfile.open(archive) as tar, closing(tar.extractfile("package/axe.min.js") or io.BytesIO()) as member:
        return member.read().decode()
