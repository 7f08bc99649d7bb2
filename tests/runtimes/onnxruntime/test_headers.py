"""The headers that Python's extension is compiled against: pinned ones, and those that the user brings."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from edgetool.distribution.dist import find_headers
from edgetool.errors import BuildError, ConfigError, FetchError
from edgetool.platform.progress import SILENT
from edgetool.platform.store import Store
from edgetool.runtimes.onnxruntime.headers import find_pythons, own_headers, pinned_headers
from edgetool.runtimes.spec import Archive, Python, Toolchain
from edgetool.runtimes.toolchains import load_toolchain
from tests.platform.debian.archives import Mirror, tarball

RISCV = load_toolchain("riscv64-linux-gnu")
VERSION = '#define PY_VERSION\t"3.12.3"\n'


def unpacked(root: Path, python: str = "python3.12") -> Path:
    """A package libpython3.12-dev as Ubuntu lays it out."""
    headers, own = root / "usr/include" / python, root / "usr/include/riscv64-linux-gnu" / python
    for folder in (headers, own):
        folder.mkdir(parents=True)
    (headers / "Python.h").write_text("#include <pyconfig.h>\n")
    (headers / "patchlevel.h").write_text(VERSION)
    (headers / "pyconfig.h").write_text(f"#include <riscv64-linux-gnu/{python}/pyconfig.h>\n")
    (own / "pyconfig.h").write_text("#define SIZEOF_LONG 8\n")
    return root


def test_an_unpacked_package_of_another_distribution_will_do(store: Store, tmp_path: Path) -> None:
    found = own_headers(unpacked(tmp_path / "headers"), RISCV, store)
    assert found.version == "3.12"
    for name in (
        "Python.h",
        "riscv64-linux-gnu/python3.12/pyconfig.h",
        "pybind11/pybind11.h",
        "numpy/arrayobject.h",
    ):
        assert (found.folder / name).is_file()


def test_headers_of_two_pythons_in_one_folder_are_refused(store: Store, tmp_path: Path) -> None:
    unpacked(tmp_path / "headers")
    unpacked(tmp_path / "headers", "python3.13")
    with pytest.raises(ConfigError, match=r"holds 2 Python\.h"):
        own_headers(tmp_path / "headers", RISCV, store)


def test_headers_that_name_no_version_are_refused(store: Store, tmp_path: Path) -> None:
    headers = unpacked(tmp_path / "headers")
    (headers / "usr/include/python3.12/patchlevel.h").write_text("")
    with pytest.raises(ConfigError, match="names no version of CPython"):
        own_headers(headers, RISCV, store)


def test_by_default_every_pinned_python_gets_a_wheel() -> None:
    assert find_pythons(RISCV, ()) == RISCV.python


def test_a_python_that_is_not_pinned_is_an_error_that_says_what_to_bring() -> None:
    with pytest.raises(ConfigError, match=r"no headers of CPython 3\.10 are pinned") as raised:
        find_pythons(RISCV, ("3.10",))
    assert "--headers DIR" in (raised.value.hint or "")


BUILD = {
    "python/include/python3.12/Python.h": b"#include <pyconfig.h>\n",
    "python/include/python3.12/pyconfig.h": b"#define SIZEOF_LONG 8\n",
    "python/lib/libpython3.12.so": b"",
}


def built(folder: Path, mirror: str, members: dict[str, bytes] = BUILD) -> Python:
    """A build of CPython as its publisher serves it: under a name with a plus, with no word of its size."""
    folder.mkdir(exist_ok=True)
    path = tarball(folder / "cpython-3.12.16+1.tar.gz", members)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Python(version="3.12", headers=Archive(mirror=mirror, path=path.name, sha256=sha256))


def with_pythons(*pythons: Python) -> Toolchain:
    return replace(RISCV, python=pythons)


def test_headers_come_out_of_a_build_of_python(store: Store, tmp_path: Path) -> None:
    with Mirror(tmp_path / "mirror") as mirror:
        python = built(tmp_path / "mirror", mirror.address)
        found = pinned_headers(python, RISCV, store)
    assert {path.name for path in found.folder.iterdir()} >= {"Python.h", "numpy", "pybind11", "pyconfig.h"}
    assert not list(found.folder.rglob("*.so"))


def test_a_build_without_headers_of_its_version_is_refused(store: Store, tmp_path: Path) -> None:
    members = {"python/include/python3.13/Python.h": b""}
    with Mirror(tmp_path / "mirror") as mirror:
        python = built(tmp_path / "mirror", mirror.address, members)
        with pytest.raises(BuildError, match=r"CPython 3\.12 hold no Python\.h"):
            pinned_headers(python, RISCV, store)


def test_a_python_whose_headers_are_out_of_reach_is_left_out_unless_it_was_asked_for(
    store: Store, tmp_path: Path
) -> None:
    with Mirror(tmp_path / "mirror") as mirror:
        near = built(tmp_path / "mirror", mirror.address)
        far = replace(near, version="3.15", headers=Archive(mirror=mirror.address, path="gone.tar.gz", sha256="0" * 64))
        toolchain = with_pythons(near, far)
        found = find_headers(toolchain, (), (), store, SILENT)
        assert [headers.version for headers in found.headers] == ["3.12"]
        assert list(found.left_out) == ["3.15"]
        assert "gone.tar.gz" in found.left_out["3.15"].message
        with pytest.raises(FetchError, match=r"gone\.tar\.gz") as raised:
            find_headers(toolchain, ("3.15",), (), store, SILENT)
        assert "--headers DIR" in (raised.value.hint or "")
        with pytest.raises(FetchError, match=r"gone\.tar\.gz"):
            find_headers(with_pythons(far), (), (), store, SILENT)
