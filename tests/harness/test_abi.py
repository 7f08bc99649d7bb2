"""The positions in ort_abi.h are those of ONNX Runtime's own header."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from edgetool.platform.catalog import data_folder
from edgetool.platform.debian.packages import unpack_packages
from edgetool.platform.debian.pins import Packages
from edgetool.platform.process import run_process
from edgetool.platform.progress import unheard
from edgetool.platform.store import Store

ABI = data_folder("toolchain") / "harness" / "ort_abi.h"
CONSTANTS = {
    "ORT_LOG_ERROR": "ORT_LOGGING_LEVEL_ERROR",
    "ORT_OPTIMIZE_ALL": "ORT_ENABLE_ALL",
    "ORT_ARENA_ALLOCATOR": "OrtArenaAllocator",
    "ORT_MEMORY_DEFAULT": "OrtMemTypeDefault",
    "ORT_TYPE_TENSOR": "ONNX_TYPE_TENSOR",
}
ELEMENTS = {
    "float32": "FLOAT",
    "uint8": "UINT8",
    "int8": "INT8",
    "uint16": "UINT16",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "string": "STRING",
    "bool": "BOOL",
    "float16": "FLOAT16",
    "float64": "DOUBLE",
    "uint32": "UINT32",
    "uint64": "UINT64",
}


@pytest.fixture(scope="session")
def header_folder(store: Store) -> Path:
    """The folder of Debian's onnxruntime_c_api.h, API version 21."""

    headers = Packages(suite="trixie", architecture="riscv64", packages=("libonnxruntime-dev",))

    def make(folder: Path) -> None:
        unpack_packages(headers, store.root, folder / "sysroot", note=unheard)
        header = min((folder / "sysroot").rglob("onnxruntime_c_api.h"))
        for path in header.parent.glob("*.h"):
            shutil.copyfile(path, folder / path.name)
        shutil.rmtree(folder / "sysroot")

    return store.entry("test-header", headers.digests(), make).path


def positions() -> dict[str, int]:
    """Function → its position in OrtApi."""
    text = ABI.read_text()
    found = {name: int(position) for position, name in re.findall(r"X\((\d+), (\w+),", text)}
    build_info = re.search(r"ORT_GET_BUILD_INFO_STRING = (\d+)", text)
    assert build_info is not None
    return {**found, "GetBuildInfoString": int(build_info[1])}


def constants() -> dict[str, int]:
    return {name: int(number) for name, number in re.findall(r"(ORT_\w+) = (\d+)", ABI.read_text())}


def element_types() -> list[str]:
    """Our names of element types in the order of their numbers."""
    table = re.search(r"ELEMENTS\[\] = \{(.*?)\};", (ABI.parent / "tensors.c").read_text(), re.DOTALL)
    assert table is not None
    return re.findall(r'\{"(\w+)", \d+\}', table[1])


def compiles(folder: Path, header_folder: Path, assertions: list[str]) -> str:
    """The compiler's complaints about static assertions against the real header."""
    source = folder / "assertions.c"
    lines = ["#include <stddef.h>", '#include "onnxruntime_c_api.h"', *assertions, "int main(void) { return 0; }"]
    source.write_text("\n".join(lines))
    compiler: list[str] = [found] if (found := shutil.which("cc")) else [sys.executable, "-m", "ziglang", "cc"]
    return run_process(
        [*compiler, "-std=c11", f"-I{header_folder}", "-fsyntax-only", source], timeout_s=120
    ).stderr.decode()


def test_every_position_is_that_of_the_real_header(tmp_path: Path, header_folder: Path) -> None:
    found = positions()
    assert len(found) > 30
    assertions = [
        f'_Static_assert(offsetof(OrtApi, {name}) / sizeof(void *) == {position}, "{name}");'
        for name, position in found.items()
    ]
    assert compiles(tmp_path, header_folder, assertions) == ""


def test_every_constant_is_that_of_the_real_header(tmp_path: Path, header_folder: Path) -> None:
    ours = constants()
    assertions = [f'_Static_assert({theirs} == {ours[name]}, "{name}");' for name, theirs in CONSTANTS.items()]
    assert compiles(tmp_path, header_folder, assertions) == ""


def test_every_element_type_has_the_number_of_the_real_header(tmp_path: Path, header_folder: Path) -> None:
    ours = element_types()
    assert set(ours) == {"undefined", *ELEMENTS}
    assertions = [
        f'_Static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_{theirs} == {ours.index(name)}, "{name}");'
        for name, theirs in ELEMENTS.items()
    ]
    assert compiles(tmp_path, header_folder, assertions) == ""


def test_a_wrong_position_would_be_found(tmp_path: Path, header_folder: Path) -> None:
    wrong = '_Static_assert(offsetof(OrtApi, Run) / sizeof(void *) == 10, "Run moved");'
    assert "Run moved" in compiles(tmp_path, header_folder, [wrong])
