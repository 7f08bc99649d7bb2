"""The wheel installed on an emulated board with Debian's own Python: part of `make test-dist`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from edgetool.boards.emulated import board_options
from edgetool.boards.installed import installed_runtime
from edgetool.boards.virtual import HOST, SSH_CONFIG, start_board, stop_board
from edgetool.executors.base import CommandResult
from edgetool.executors.ssh import SshExecutor
from edgetool.models.spec import ModelArtifact
from edgetool.platform.files import sha256_file
from edgetool.platform.store import Store
from edgetool.platform.tar import tarfile
from edgetool.targets.registry import load_target
from tests.integration.packaged import PYTHON, RUN, TOOLCHAIN, Array, check_wheel

NAME = "virt-riscv64"
ROOT = "/debian"  # on the board, whose own system has no Python
WAIT_S = 3600.0
# With vectors of 256 bits, and without by the variable of the kernels: one board, booted once.
KERNELS = {"vectors": {}, "scalar": {"EDGETOOL_FORCE_SCALAR": "1"}}
# Debian keeps these beside the loader's path; update-alternatives would link to them.
LIBRARIES = f"LD_LIBRARY_PATH=/usr/lib/{TOOLCHAIN.triple}/blas:/usr/lib/{TOOLCHAIN.triple}/lapack"

pytestmark = [
    pytest.mark.skipif(os.environ.get("EDGETOOL_TEST_DIST") != "1", reason="builds the runtime: `make test-dist`"),
    pytest.mark.skipif(shutil.which("qemu-system-riscv64") is None, reason="needs qemu-system-misc"),
]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Iterator[SshExecutor]:
    folder = tmp_path_factory.mktemp("machines") / NAME
    start_board(folder, board_options(load_target(NAME)), store)
    settings = SshExecutor.Settings(kind="ssh", host=HOST, config=str(folder / SSH_CONFIG), lease_s=300.0)
    try:
        with SshExecutor(settings) as executor:
            yield executor
    finally:
        stop_board(folder)


def shell(machine: SshExecutor, script: str) -> CommandResult:
    return machine.run([PurePosixPath("/bin/sh"), "-c", script], timeout_s=WAIT_S)


@pytest.fixture(scope="module")
def installed(
    machine: SshExecutor, debian: Path, packages: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> CommandResult:
    """Debian's files on the board, and what its pip said of the wheel."""
    packed = tmp_path_factory.mktemp("packed") / "debian.tar"
    with tarfile.open(packed, "w") as tar:
        tar.add(debian, ".", filter=lambda entry: None if "/__pycache__" in entry.name else entry)
    machine.put(packed, PurePosixPath("debian.tar"))
    shell(machine, f"mkdir {ROOT} && tar -C {ROOT} -xf debian.tar && rm debian.tar").check()
    shell(machine, f"cd {ROOT} && mkdir -p proc dev tmp && mount -t proc proc proc && mount --bind /dev dev").check()
    wheel = packages[f"cp{PYTHON.replace('.', '')}*.whl"]
    machine.put(wheel, PurePosixPath("wheel") / wheel.name)
    shell(machine, f"mv wheel/{wheel.name} {ROOT}/tmp/").check()
    words = f"pip install --no-index --break-system-packages --root-user-action=ignore /tmp/{wheel.name} --no-deps"
    return shell(machine, f"env {LIBRARIES} chroot {ROOT} /usr/bin/python{PYTHON} -m {words}")


def test_the_boards_pip_installs_the_wheel_without_a_network(installed: CommandResult) -> None:
    assert installed.exit_code == 0, (installed.stdout + installed.stderr).decode()
    assert b"Successfully installed onnxruntime-1.21.0+edgetool" in installed.stdout


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_mobilenet_computes_on_the_board_what_it_does_here(
    machine: SshExecutor,
    models: Mapping[str, ModelArtifact],
    inputs: Array,
    precision: str,
    kernels: str,
    tmp_path: Path,
) -> None:
    np.save(tmp_path / "inputs.npy", inputs)
    (tmp_path / "run.py").write_text(RUN)
    shutil.copy(models[precision].path, tmp_path / "model.onnx")
    machine.put(tmp_path, PurePosixPath("case"))
    variables = " ".join(f"{name}={setting}" for name, setting in KERNELS[kernels].items())
    files = "/tmp/case/model.onnx /tmp/case/inputs.npy /tmp/case/outputs.npy"
    shell(machine, f"rm -rf {ROOT}/tmp/case && cp -r case {ROOT}/tmp/case").check()
    done = shell(machine, f"env {LIBRARIES} {variables} chroot {ROOT} /usr/bin/python{PYTHON} /tmp/case/run.py {files}")
    assert done.exit_code == 0, done.stderr.decode()
    shell(machine, f"mkdir -p back && cp {ROOT}/tmp/case/outputs.npy back/").check()
    machine.get(PurePosixPath("back"), tmp_path / "back")
    outputs = tmp_path / "back" / "outputs.npy"
    check_wheel(done.stdout, outputs, models[precision].path, inputs, precision=precision, where=kernels)


@pytest.mark.usefixtures("installed")
def test_a_target_finds_the_wheel_and_knows_it_for_edgetools(
    machine: SshExecutor, packages: Mapping[str, Path], tmp_path: Path
) -> None:
    python = tmp_path / "python"
    # The library's path is the board's as the program sees it, so both roots have the package.
    python.write_text(f'#!/bin/sh\nexec env {LIBRARIES} chroot {ROOT} /usr/bin/python{PYTHON} "$@"\n')
    python.chmod(0o755)
    machine.put(python, PurePosixPath("bin") / "python")
    site = f"/usr/local/lib/python{PYTHON}/dist-packages"
    shell(machine, f"mv bin/python /bin/debian-python && mkdir -p {site} && mount --bind {ROOT}{site} {site}").check()
    runtime = installed_runtime(machine, "installed:debian-python", TOOLCHAIN, Store(tmp_path / "cache"))
    found = runtime.build.installed
    assert found is not None
    assert found.ours
    assert found.path.startswith(site)
    with tarfile.open(packages[".tgz"]) as tar:
        tar.extractall(tmp_path, filter="data")
    library = next(tmp_path.glob("onnxruntime-linux-*/lib/libonnxruntime.so.1.21.0"))
    assert sha256_file(runtime.root / runtime.build.library) == sha256_file(library)
