"""Fixtures: the system's Chromium; axe-core, which looks for what shuts people out; speedscope, which opens traces."""

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
SPEEDSCOPE = "speedscope@1.25.0"
SPEEDSCOPE_SHA256 = "2831f1e0d26df914b477e522d78b8485511495a6af81a0b88158f8b48f9e0d03"
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


def npm_package(cache: Path, package: str, sha256: str) -> tarfile.TarFile:
    """Open a package, fetched by npm the first time; the test fails with any other archive than the one named here."""
    archive = cache / "downloads" / f"{package.replace('@', '-')}.tgz"
    if not archive.is_file():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip(f"npm is not installed, which brings {package}")
        archive.parent.mkdir(parents=True, exist_ok=True)
        command = [npm, "pack", package, "--silent", "--pack-destination", str(archive.parent)]
        if subprocess.run(command, capture_output=True, timeout=120, check=False).returncode != 0:
            pytest.skip(f"npm does not reach its registry, which brings {package}")
    if hashlib.sha256(archive.read_bytes()).hexdigest() != sha256:
        raise ValueError(f"{archive} is not the package that the tests were written for")
    return tarfile.open(archive)


@pytest.fixture(scope="session")
def axe(cache: Path) -> str:
    with (
        npm_package(cache, AXE, AXE_SHA256) as tar,
        closing(tar.extractfile("package/axe.min.js") or io.BytesIO()) as member,
    ):
        return member.read().decode()


@pytest.fixture(scope="session")
def speedscope(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a viewer of traces that runs offline."""
    folder = tmp_path_factory.mktemp("speedscope")
    with npm_package(cache, SPEEDSCOPE, SPEEDSCOPE_SHA256) as tar:
        tar.extractall(folder, filter="data")
    return folder / "package" / "dist" / "release" / "index.html"
