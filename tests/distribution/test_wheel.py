"""The wheel: its name is proven by its libraries, and installers find in it what they want."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.tags import Tag
from packaging.utils import parse_wheel_filename

from edgetool.distribution.release import Release
from edgetool.distribution.wheel import wheel_tag, write_wheel
from edgetool.errors import BuildError
from edgetool.platform.process import run_process
from tests.distribution.conftest import Linker


@pytest.fixture(scope="module")
def extension(link: Linker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return link(tmp_path_factory.mktemp("extension") / "a.so")


@pytest.fixture(scope="module")
def wheel(release: Release, extension: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wheel(release, extension, "3.13", tmp_path_factory.mktemp("wheel"), bridge=extension)


def read(wheel: Path, name: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(next(path for path in archive.namelist() if path.endswith(name))).decode()


def test_its_name_is_one_that_installers_know(wheel: Path, release: Release) -> None:
    name, version, _, tags = parse_wheel_filename(wheel.name)
    assert (name, str(version)) == ("onnxruntime", release.version)
    assert tags == {Tag("cp313", "cp313", f"manylinux_{release.glibc.replace('.', '_')}_riscv64")}


def test_the_newest_glibc_that_a_library_needs_is_in_its_name(release: Release, link: Linker, tmp_path: Path) -> None:
    code = "#define _GNU_SOURCE\n#include <dlfcn.h>\nint a(void *p, void *q) { return dladdr(p, q); }\n"
    newer = link(tmp_path / "newer.so", code=code)
    assert wheel_tag(release, [newer], "3.13") == "cp313-cp313-manylinux_2_34_riscv64"


def test_a_library_that_needs_more_than_libc_is_in_no_wheel(release: Release, link: Linker, tmp_path: Path) -> None:
    other = link(tmp_path / "libother.so", "-Wl,-soname,libother.so.1")
    needing = link(
        tmp_path / "a.so", str(other), code="void *OrtGetApiBase(void);\nvoid *a(void) { return OrtGetApiBase(); }\n"
    )
    with pytest.raises(BuildError, match=r"libother\.so\.1"):
        wheel_tag(release, [needing], "3.13")


def test_its_record_has_every_file_with_its_hash(wheel: Path) -> None:
    rows = {row[0]: row[1:] for row in csv.reader(read(wheel, "/RECORD").splitlines())}
    with zipfile.ZipFile(wheel) as archive:
        assert set(rows) == set(archive.namelist())
        for name, (digest, size) in rows.items():
            if not name.endswith("/RECORD"):
                data = archive.read(name)
                hashed = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
                assert (digest, size) == (f"sha256={hashed}", str(len(data)))


def test_no_file_is_in_it_twice(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert len(archive.namelist()) == len(set(archive.namelist()))


def test_its_metadata_is_what_an_index_takes(wheel: Path) -> None:
    done = run_process([sys.executable, "-P", "-m", "twine", "check", "--strict", wheel], timeout_s=60)
    assert done.exit_code == 0, done.stdout.decode()


def test_the_licences_that_it_names_are_in_it(wheel: Path) -> None:
    named = Parser().parsestr(read(wheel, "/METADATA")).get_all("License-File")
    assert named
    with zipfile.ZipFile(wheel) as archive:
        files = archive.namelist()
    assert [name for name in named if not any(file.endswith(f".dist-info/licenses/{name}") for file in files)] == []


def test_its_bill_has_every_library_in_it_and_what_the_extension_is_made_of(wheel: Path) -> None:
    components = {component["name"]: component for component in json.loads(read(wheel, "/sbom.cdx.json"))["components"]}
    with zipfile.ZipFile(wheel) as archive:
        libraries = [name for name in archive.namelist() if name.startswith("onnxruntime/capi/") and ".so" in name]
        assert len(libraries) == 3
        for name in libraries:
            digest = hashlib.sha256(archive.read(name)).hexdigest()
            assert components[name]["hashes"] == [{"alg": "SHA-256", "content": digest}]
    assert {"pybind11", "numpy", "onnxruntime"} <= set(components)


def test_the_extension_is_named_for_one_python_and_processor(wheel: Path) -> None:
    assert read_names(wheel, "pybind11_state") == ["onnxruntime_pybind11_state.cpython-313-riscv64-linux-gnu.so"]


def read_names(wheel: Path, part: str) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return [Path(name).name for name in archive.namelist() if part in name]


def test_orts_template_is_filled_in(wheel: Path) -> None:
    state = read(wheel, "capi/_pybind_state.py")
    assert "@" not in state
    assert "from .onnxruntime_pybind11_state import *" in state


def test_a_copy_for_another_python_says_on_import_which_one_it_is_for_and_what_to_take(
    wheel: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    done = run_process([sys.executable, "-P", "-c", "import onnxruntime"], env={"PYTHONPATH": str(tmp_path)})
    said = done.stderr.decode().strip().splitlines()[-1]
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert "is for CPython 3.13 on riscv64 with glibc 2." in said
    assert f"here is CPython {here}" in said
    assert f"edgetool runtime dist --format wheel --python {here}" in said


def test_pip_takes_it_for_its_own_python_only(wheel: Path, tmp_path: Path) -> None:
    def installed(python: str, glibc: str) -> int:
        platform = ("--platform", f"manylinux_{glibc}_riscv64", "--python-version", python, "--only-binary", ":all:")
        words = ("install", "--no-index", "--no-deps", "--target", str(tmp_path / python), *platform, str(wheel))
        return run_process([sys.executable, "-P", "-m", "pip", *words], timeout_s=60).exit_code

    _, _, _, tags = parse_wheel_filename(wheel.name)
    glibc = next(iter(tags)).platform.removeprefix("manylinux_").removesuffix("_riscv64")
    assert installed("3.13", glibc) == 0
    assert installed("3.12", glibc) != 0
    assert installed("3.13", "2_17") != 0


def test_two_are_equal_bit_for_bit(wheel: Path, release: Release, extension: Path, tmp_path: Path) -> None:
    assert write_wheel(release, extension, "3.13", tmp_path, bridge=extension).read_bytes() == wheel.read_bytes()
