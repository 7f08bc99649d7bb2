"""The headers that Python's extension is compiled against: pinned ones, and those that the user brings."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.errors import ConfigError
from edgetool.platform.store import Store
from edgetool.runtimes.onnxruntime.headers import find_pythons, own_headers
from edgetool.runtimes.toolchains import load_toolchain

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
    with pytest.raises(ConfigError, match=r"no headers of CPython 3\.12 are pinned") as raised:
        find_pythons(RISCV, ("3.12",))
    assert "--headers DIR" in (raised.value.hint or "")
