"""`deploy` on a new machine: an ordinary user, an empty cache, and nothing installed but Python.

No compiler, no emulator, no mmdebstrap and no index of the archive can be had: programs of these names note that they
were called and fail, and the mirror answers 404 for all but its pool. With EDGETOOL_TEST_NEW_MACHINE=1 the whole
`make deploy` is run in a fresh clone, which installs PyTorch; without, `edgetool deploy` with a tiny model.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgetool.executors.emulators import emulator_package
from edgetool.platform.debian.mirrors import VARIABLE
from edgetool.platform.debian.packages import fetch_from_debian
from edgetool.platform.process import Completed, run_process
from edgetool.platform.progress import unheard
from edgetool.platform.store import Store
from edgetool.runtimes.toolchains import load_toolchain
from tests.platform.debian.archives import Mirror

CHECKOUT = Path(__file__).parents[2]
BLOCKED = ("apt-get", "c++", "cc", "clang", "g++", "gcc", "mmdebstrap", "sudo")
FOR_MAKE = ("env", "make", "rm", "sh", "touch")
FOR_PIP = ("PIP_", "SSL_", "http_proxy", "https_proxy", "no_proxy")  # how this machine reaches its index


@dataclass(frozen=True)
class NewMachine:
    home: Path
    programs: Path
    calls: Path
    mirror: Mirror

    def run(self, command: Sequence[str | Path], *, env: Mapping[str, str], timeout_s: float) -> Completed:
        """As an ordinary user: root runs it in a user namespace, where it is one to the kernel too."""
        as_user = ("/usr/bin/unshare", "--user", "--map-user=1000", "--map-group=1000") if os.geteuid() == 0 else ()
        own = {"HOME": str(self.home), "PATH": str(self.programs), VARIABLE: self.mirror.address, **env}
        only = ("/usr/bin/env", "-i", *(f"{name}={value}" for name, value in own.items()))
        return run_process([*as_user, *only, *command], cwd=self.home, timeout_s=timeout_s)

    def check_untouched(self) -> None:
        assert not self.calls.exists(), self.calls.read_text()
        assert not [path for path in self.mirror.requests if not path.startswith("pool/")]
        assert self.mirror.requests


@pytest.fixture
def machine(tmp_path: Path, store: Store) -> Iterator[NewMachine]:
    debian, emulators = load_toolchain("riscv64-linux-gnu").debian, emulator_package()
    if emulators is None:
        pytest.skip("there is no pinned emulator for this machine")
    if os.geteuid() == 0 and run_process(["unshare", "--user", "true"], timeout_s=60).exit_code != 0:
        pytest.skip("root may not make a user namespace here: run this as an ordinary user")
    if debian is None:
        raise RuntimeError("the toolchain of riscv64 pins nothing of Debian's")
    pinned = [*debian.pinned(), *emulators.pinned()]
    for package, path in zip(pinned, fetch_from_debian(pinned, store.root, note=unheard), strict=True):
        served = tmp_path / "debian" / package.path
        served.parent.mkdir(parents=True, exist_ok=True)
        served.symlink_to(path)
    programs, calls = tmp_path / "programs", tmp_path / "calls"
    programs.mkdir()
    for name in BLOCKED:
        (programs / name).write_text(f'#!/bin/sh\necho {name} "$@" >>{calls}\nexit 1\n')
        (programs / name).chmod(0o755)
    (tmp_path / "home").mkdir()
    with Mirror(tmp_path / "debian") as mirror:
        yield NewMachine(tmp_path / "home", programs, calls, mirror)
    shutil.rmtree(tmp_path / "home")  # PyTorch alone is gigabytes


def test_an_ordinary_user_deploys_from_an_empty_cache(machine: NewMachine, tiny_path: Path, images_path: Path) -> None:
    words: list[str | Path] = ["deploy", "--model", tiny_path, "--calibration", images_path, "--images", "8"]
    done = machine.run([sys.executable, "-m", "edgetool", *words], env={}, timeout_s=900)
    assert done.exit_code == 0, done.stderr.decode()
    assert [path.name for path in (machine.home / "runs").glob("*/report.md")] == ["report.md"]
    emulators = (machine.home / ".cache/edgetool/qemu-user").glob("*/usr/bin/*")
    assert sorted(path.name for path in emulators) == ["qemu-aarch64", "qemu-riscv64"]
    machine.check_untouched()


@pytest.mark.skipif(
    os.environ.get("EDGETOOL_TEST_NEW_MACHINE") != "1", reason="installs PyTorch: make test-new-machine"
)
def test_make_deploy_in_a_fresh_clone_ends_with_its_report(machine: NewMachine) -> None:
    clone = machine.home / "edgetool"
    assert run_process(["git", "clone", "--quiet", CHECKOUT, clone], timeout_s=300).exit_code == 0
    for name in FOR_MAKE:
        (machine.programs / name).symlink_to(shutil.which(name) or name)
    python = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    index = {name: value for name, value in os.environ.items() if name.startswith(FOR_PIP)}
    done = machine.run(["make", "-C", clone, "deploy", f"PYTHON={python}"], env=index, timeout_s=5400)
    sys.stdout.write((done.stdout + done.stderr).decode())
    assert done.exit_code == 0
    assert len(list((clone / "runs").glob("*/report.md"))) == 1
    machine.check_untouched()
