"""The cross-built runtime that several tests look at, and its packages.

A build takes half an hour, so they take the newest one that `edgetool runtime build` left in the cache.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import edgetool
from edgetool.executors.emulators import find_emulator
from edgetool.models.spec import ModelArtifact
from edgetool.platform.debian.packages import unpack_packages
from edgetool.platform.files import sha256_file
from edgetool.platform.process import Completed, run_process
from edgetool.platform.progress import unheard
from edgetool.platform.store import Store, cache_root
from edgetool.runtimes.cache import newest_crossbuilt
from edgetool.runtimes.spec import Runtime
from tests.integration.packaged import CPUS, DEBIAN, PROCESSOR, PYTHON, TOOLCHAIN, Array, Emulated

TRIPLE = TOOLCHAIN.triple
RELEASE = "1.21.0"


@pytest.fixture(scope="session")
def built() -> Runtime:
    runtime = newest_crossbuilt(Store(cache_root()), TOOLCHAIN)
    if runtime is None:
        pytest.skip(f"no cross-built runtime in the cache: `edgetool runtime build --triple {TRIPLE}` makes one")
    return runtime


# Its packages: `make test-dist`


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """By the ends of their names, as the command writes them."""
    if os.environ.get("EDGETOOL_TEST_DIST") != "1":
        pytest.skip("builds the runtime and Python's extension: `make test-dist`")
    folder = tmp_path_factory.mktemp("packages")
    pythons = os.environ.get("PYTHONS", PYTHON)
    words = ["runtime", "dist", "--triple", TRIPLE, "--python", pythons, "--out", str(folder), "--json"]
    done = run_process([sys.executable, "-P", "-m", "edgetool", *words], timeout_s=3 * 3600)
    assert done.exit_code == 0, done.stderr.decode()
    assert {sha256_file(Path(path)) for path in json.loads(done.stdout)["files"]} == {
        line.split()[0] for line in (folder / "SHA256SUMS").read_text().splitlines()
    }
    return {name: next(folder.glob(f"*{name}")) for name in (f"cp{PYTHON.replace('.', '')}*.whl", ".tgz", ".deb")}


@pytest.fixture(scope="session")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a Debian with Python, NumPy and pip."""
    root = tmp_path_factory.mktemp("debian") / "root"
    unpack_packages(DEBIAN, cache_root(), root, note=unheard)
    (root / "lib").symlink_to("usr/lib")
    return root


@pytest.fixture(scope="session")
def emulated(debian: Path) -> Emulated:
    """Runs a program on the board's libraries."""
    libraries = debian / "usr" / "lib" / TOOLCHAIN.triple
    emulator = find_emulator(f"qemu-{PROCESSOR}")

    def run(*words: str | Path, cpu: str = next(iter(CPUS.values())), python_path: str = "") -> Completed:
        paths = [libraries, libraries / "blas", libraries / "lapack"]
        environment = {
            "LD_LIBRARY_PATH": os.pathsep.join(map(str, paths)),
            "PYTHONHOME": str(debian / "usr"),
            "PYTHONPATH": os.pathsep.join(filter(None, (str(debian / "usr/lib/python3/dist-packages"), python_path))),
        }
        return run_process([emulator, "-cpu", cpu, "-L", debian, *words], env=environment, timeout_s=3600)

    return run


@pytest.fixture(scope="session")
def site(
    packages: Mapping[str, Path], emulated: Emulated, debian: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Where the board's own pip has put the wheel, without a network."""
    site = tmp_path_factory.mktemp("site")
    wheel = packages[f"cp{PYTHON.replace('.', '')}*.whl"]
    options = ("--no-index", "--no-deps", "--no-compile", "--break-system-packages", "--target", site)
    done = emulated(debian / f"usr/bin/python{PYTHON}", "-m", "pip", "install", *options, wheel)
    assert done.exit_code == 0, (done.stdout + done.stderr).decode()
    return site


@pytest.fixture(scope="session")
def models() -> Mapping[str, ModelArtifact]:
    fp32 = edgetool.export("mobilenet_v2", quiet=True)
    return {"fp32": fp32, "int8": edgetool.quantize(fp32, quiet=True)}


@pytest.fixture(scope="session")
def inputs(models: Mapping[str, ModelArtifact]) -> Array:
    shape = [size if isinstance(size, int) else 1 for size in models["fp32"].spec.inputs[0].shape]
    return np.random.default_rng(3).uniform(-1, 1, (1, *shape[1:])).astype(np.float32)
