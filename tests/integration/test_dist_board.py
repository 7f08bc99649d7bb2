"""The wheel installed on an emulated board with Debian's own Python: part of `make test-dist`."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import certifi
import numpy as np
import pytest

from edgetool.boards.emulated import board_options
from edgetool.boards.installed import installed_runtime
from edgetool.boards.virtual import HOST, SSH_CONFIG, start_board, stop_board
from edgetool.executors.base import CommandResult
from edgetool.executors.ssh import SshExecutor
from edgetool.models.spec import ModelArtifact
from edgetool.platform.files import sha256_file
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store
from edgetool.platform.tar import tarfile
from edgetool.runtimes.onnxruntime.sources import source_tree
from edgetool.targets.registry import load_target
from tests.integration.packaged import PROCESSOR, PYTHON, RUN, TOOLCHAIN, Array, check_wheel
from tests.integration.suites import SUITES
from tests.support.commands import run_cli

NAME = "virt-riscv64"
ROOT = "/debian"  # on the board, whose own system has no Python
VENV = "/opt/ort"  # there
WAIT_S = 3600.0
ANSWER_S = 600.0  # an emulated board hashes a few megabytes in minutes while the machine is busy
# Of Debian's files. numpy.testing imports a module from among NumPy's tests.
LEFT_OUT = re.compile(r"/__pycache__|/usr/share/(doc|man)/|/usr/lib/python3/.*/tests/(data/|test_)")
# With vectors of 256 bits, and without by the variable of the kernels: one board, booted once.
KERNELS = {"vectors": {}, "scalar": {"EDGETOOL_FORCE_SCALAR": "1"}}
# Debian keeps these beside the loader's path; update-alternatives would link to them.
LIBRARIES = f"LD_LIBRARY_PATH=/usr/lib/{TOOLCHAIN.triple}/blas:/usr/lib/{TOOLCHAIN.triple}/lapack"

pytestmark = [
    pytest.mark.skipif(os.environ.get("EDGETOOL_TEST_DIST") != "1", reason="builds the runtime: `make test-dist`"),
    pytest.mark.skipif(PROCESSOR != "riscv64", reason="the emulated board is for riscv64"),
    pytest.mark.skipif(shutil.which("qemu-system-riscv64") is None, reason="needs qemu-system-misc"),
]


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Iterator[Path]:
    """The folder of a running board."""
    folder = tmp_path_factory.mktemp("machines") / NAME
    start_board(folder, board_options(load_target(NAME)), store)
    yield folder
    stop_board(folder)


@pytest.fixture(scope="module")
def machine(board: Path) -> Iterator[SshExecutor]:
    settings = SshExecutor.Settings(
        kind="ssh", host=HOST, config=str(board / SSH_CONFIG), lease_s=300.0, connect_timeout_s=ANSWER_S
    )
    with SshExecutor(settings, exclusive=False) as executor:
        yield executor


def shell(machine: SshExecutor, script: str) -> CommandResult:
    return machine.run([PurePosixPath("/bin/sh"), "-c", script], timeout_s=WAIT_S)


def in_debian(machine: SshExecutor, command: str, variables: str = "") -> CommandResult:
    return shell(machine, f"env {LIBRARIES} {variables} chroot {ROOT} {command}")


@pytest.fixture(scope="module")
def installed(
    machine: SshExecutor, debian: Path, packages: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> CommandResult:
    """Debian's files on the board with the wheel in an environment of its own, and what pip said of it."""
    packed = tmp_path_factory.mktemp("packed") / "debian.tar"
    with tarfile.open(packed, "w") as tar:
        tar.add(debian, ".", filter=lambda entry: None if LEFT_OUT.search(entry.name) else entry)
        # Debian's pip loads the system's certificates even without a network, and ends where there are none.
        tar.add(certifi.where(), "./etc/ssl/certs/ca-certificates.crt")
    machine.put(packed, PurePosixPath("debian.tar"))
    shell(machine, f"mkdir {ROOT} && tar -C {ROOT} -xf debian.tar && rm debian.tar").check()
    shell(machine, f"cd {ROOT} && mkdir -p proc dev tmp && mount -t proc proc proc && mount --bind /dev dev").check()
    wheel = packages[f"cp{PYTHON.replace('.', '')}*.whl"]
    machine.put(wheel, PurePosixPath("wheel") / wheel.name)
    shell(machine, f"mv wheel/{wheel.name} {ROOT}/tmp/").check()
    in_debian(machine, f"/usr/bin/python{PYTHON} -m venv --system-site-packages {VENV}").check()
    return in_debian(machine, f"{VENV}/bin/pip install --no-index /tmp/{wheel.name}")


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
    done = in_debian(machine, f"{VENV}/bin/python /tmp/case/run.py {files}", variables)
    assert done.exit_code == 0, done.stderr.decode()
    shell(machine, f"mkdir -p back && cp {ROOT}/tmp/case/outputs.npy back/").check()
    machine.get(PurePosixPath("back"), tmp_path / "back")
    outputs = tmp_path / "back" / "outputs.npy"
    check_wheel(done.stdout, outputs, models[precision].path, inputs, precision=precision, where=kernels)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", SUITES)
def test_the_wheel_fails_on_the_board_what_is_known_to_fail_and_nothing_else(
    name: str, machine: SshExecutor, store: Store, tmp_path: Path
) -> None:
    suite = SUITES[name]
    folder = tmp_path / "suite"
    folder.mkdir()
    suite.pack(source_tree(store, Silent()), tmp_path / "packed")
    with tarfile.open(folder / "packed.tar", "w") as tar:
        tar.add(tmp_path / "packed", "packed")
    shutil.copy(suite.runner, folder / "runner.py")
    machine.put(folder, PurePosixPath("suite"))
    there = f"{ROOT}/tmp/suite"
    shell(machine, f"rm -rf {there} && mkdir {there} && tar -C {there} -xf suite/packed.tar").check()
    shell(machine, f"cp suite/runner.py {there}/ && rm -r suite").check()
    files = "/tmp/suite/runner.py /tmp/suite/packed /tmp/suite/results.json"
    in_debian(machine, f"{VENV}/bin/python {files}").check()
    shell(machine, f"mkdir -p back && cp {there}/results.json back/ && rm -r {there}").check()
    machine.get(PurePosixPath("back"), tmp_path / "back")
    suite.check(tmp_path / "back" / "results.json", f"{name}, on the board")


@pytest.fixture(scope="module")
def python(machine: SshExecutor, installed: CommandResult, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The environment's Python as the board's own system calls it."""
    installed.check()
    script = tmp_path_factory.mktemp("python") / "python"
    # The library's path is the board's as the program sees it, so both roots have the package.
    script.write_text(f'#!/bin/sh\nexec env {LIBRARIES} chroot {ROOT} {VENV}/bin/python "$@"\n')
    script.chmod(0o755)
    machine.put(script, PurePosixPath("bin") / "python")
    packages = f"{VENV}/lib/python{PYTHON}/site-packages"
    shell(
        machine,
        f"mv bin/python /bin/debian-python && mkdir -p {packages} && mount --bind {ROOT}{packages} {packages}",
    ).check()
    return "debian-python"


def test_a_target_finds_the_wheel_and_knows_it_for_edgetools(
    machine: SshExecutor, python: str, packages: Mapping[str, Path], tmp_path: Path
) -> None:
    runtime = installed_runtime(machine, f"installed:{python}", TOOLCHAIN, Store(tmp_path / "cache"))
    found = runtime.build.installed
    assert found is not None
    assert found.ours
    assert found.path.startswith(VENV)
    with tarfile.open(packages[".tgz"]) as tar:
        tar.extractall(tmp_path, filter="data")
    library = next(tmp_path.glob("onnxruntime-linux-*/lib/libonnxruntime.so.1.21.0"))
    assert sha256_file(runtime.root / runtime.build.library) == sha256_file(library)


def test_a_deployment_measures_the_wheels_library(
    board: Path, python: str, tiny_path: Path, images_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "desk.toml").write_text(
        f'schema = 1\ndescription = "a desk"\ntriple = "{TOOLCHAIN.triple}"\nruntime = "installed:{python}"\n'
        f'[executor]\nkind = "ssh"\nhost = "{HOST}"\nconfig = "{board / SSH_CONFIG}"\n'
        f'connect_timeout_s = {ANSWER_S}\nemulator = "qemu-system-riscv64"\n'
        "[benchmark]\nwarmup = 1\nmin_repetitions = 3\nmin_duration_s = 0\ntarget_error = 0\ntimeout_s = 2400\n"
    )
    monkeypatch.setenv("EDGETOOL_TARGETS", str(tmp_path))
    model = ("--model", tiny_path, "--calibration", images_path, "--images", "8")
    done = run_cli("deploy", "--target", "desk", *model, "--runs", tmp_path / "runs", "--json", timeout_s=WAIT_S)
    assert done.exit_code == 0, done.stderr.decode()
    records = Path(json.loads(done.stdout)["run"]) / "records"
    record = json.loads(min(records.rglob("desk-*fp32*.json")).read_text())
    installed = record["subject"]["runtime"]["installed"]
    assert installed["ours"]
    assert installed["path"].startswith(VENV)
    assert installed["build_id"] == record["environment"]["runtime"]["build_id"]
    print(f"kernels: {record['environment']['runtime']['kernels']}")
