"""What ncnn_abi.h and tflite_abi.h declare is what the runtimes' own headers do: a compiler reads both."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgetool.platform.catalog import data_folder
from edgetool.platform.debian.packages import unpack_packages
from edgetool.platform.debian.pins import Packages
from edgetool.platform.process import run_process
from edgetool.platform.progress import unheard
from edgetool.platform.store import Store
from edgetool.platform.unpack import unpack
from edgetool.runtimes.ncnn.build import fetch_source, ncnn_source

Real = tuple[Path, list[str]]  # where a runtime's headers lie, and the lines that include the one

HARNESS = data_folder("toolchain") / "harness"
# What CMake would write of this machine; of the header only the C API is read.
NCNN_PLATFORM = (
    "#include <stdio.h>\n#define NCNN_C_API 1\n#define NCNN_STDIO 1\n#define NCNN_STRING 1\n#define NCNN_EXPORT\n"
)
# Where ours says int, the real header has these enumerations.
ENUMERATIONS = {
    "TfLiteInterpreterAllocateTensors": "TfLiteStatus",
    "TfLiteInterpreterInvoke": "TfLiteStatus",
    "TfLiteTensorCopyFromBuffer": "TfLiteStatus",
    "TfLiteTensorType": "TfLiteType",
}
REPORTER = "typedef void (*tflite_reporter)(void *data, const char *format, va_list words);"


def ncnn_header(store: Store) -> Real:
    """ncnn's c_api.h, out of the pinned sources."""

    def make(folder: Path) -> None:
        unpack(fetch_source(ncnn_source(), store), folder / "tree")
        shutil.copyfile(folder / "tree" / "src" / "c_api.h", folder / "c_api.h")
        (folder / "platform.h").write_text(NCNN_PLATFORM)
        shutil.rmtree(folder / "tree")

    include = store.entry("test-header", {"ncnn": ncnn_source().sha256}, make).path
    return include, ['#include "c_api.h"']


def tflite_header(store: Store) -> Real:
    """TensorFlow Lite's c_api.h, out of Debian's package."""
    headers = Packages(suite="sid", architecture="riscv64", packages=("libtensorflow-lite-dev",))

    def make(folder: Path) -> None:
        unpack_packages(headers, store.root, folder / "sysroot", note=unheard)
        shutil.move(folder / "sysroot" / "usr" / "include", folder / "include")
        shutil.rmtree(folder / "sysroot")

    include = store.entry("test-header", headers.digests(), make).path / "include"
    return include, ["#include <stdarg.h>", '#include "tensorflow/lite/c/c_api.h"', REPORTER]


HEADERS: dict[str, Callable[[Store], Real]] = {"ncnn_abi.h": ncnn_header, "tflite_abi.h": tflite_header}


def tflite_abi() -> str:
    return (HARNESS / "tflite_abi.h").read_text()


def prototypes(header: str) -> list[str]:
    """The functions of one of our headers."""
    found = re.findall(r"X\((\w+), ([^(]+?), \((.*)\)\)\s*\\?$", (HARNESS / header).read_text(), re.MULTILINE)
    return [f"{ENUMERATIONS.get(name, result)} {name}({parameters});" for name, result, parameters in found]


def complaints(folder: Path, real: Real, lines: list[str]) -> str:
    """The compiler's: a second prototype that differs from the first is an error."""
    include, head = real
    source = folder / "both.c"
    source.write_text("\n".join([*head, *lines]) + "\n")
    compiler: list[str] = [found] if (found := shutil.which("cc")) else [sys.executable, "-m", "ziglang", "cc"]
    words: list[str | Path] = [*compiler, "-std=c11", f"-I{include}", "-fsyntax-only", source]
    return run_process(words, timeout_s=120).stderr.decode()


@pytest.mark.parametrize("header", HEADERS)
def test_every_function_is_declared_as_in_the_real_header(tmp_path: Path, store: Store, header: str) -> None:
    ours = prototypes(header)
    assert len(ours) > 20
    assert complaints(tmp_path, HEADERS[header](store), ours) == ""


@pytest.mark.parametrize("header", HEADERS)
def test_every_function_is_in_the_real_header(tmp_path: Path, store: Store, header: str) -> None:
    uses = [re.sub(r".*?(\w+)\(.*", r"void *at_\1 = (void *)\1;", line) for line in prototypes(header)]
    assert complaints(tmp_path, HEADERS[header](store), uses) == ""


@pytest.mark.parametrize("header", HEADERS)
def test_a_wrong_declaration_would_be_found(tmp_path: Path, store: Store, header: str) -> None:
    wrong = [re.sub(r"int(32_t)? index", "long index", line) for line in prototypes(header)]
    assert "conflicting types" in complaints(tmp_path, HEADERS[header](store), wrong)


def test_an_enumeration_is_passed_as_an_int(tmp_path: Path, store: Store) -> None:
    sizes = [f'_Static_assert(sizeof({name}) == sizeof(int), "{name}");' for name in ("TfLiteStatus", "TfLiteType")]
    ok = '_Static_assert(kTfLiteOk == 0, "TFLITE_OK");'
    assert complaints(tmp_path, HEADERS["tflite_abi.h"](store), [*sizes, ok]) == ""


def test_the_profiler_is_laid_out_as_in_the_real_header(tmp_path: Path, store: Store) -> None:
    (ours,) = re.findall(r"^typedef struct tflite_profiler \{.*?^\} tflite_profiler;$", tflite_abi(), re.DOTALL | re.M)
    members = {
        "data": "data",
        "report_event": "ReportTelemetryEvent",
        "report_operator_event": "ReportTelemetryOpEvent",
        "report_settings": "ReportSettings",
        "begin_operator": "ReportBeginOpInvokeEvent",
        "end_operator": "ReportEndOpInvokeEvent",
        "report_operator": "ReportOpInvokeEvent",
    }
    include = [
        '#include "tensorflow/lite/c/c_api_experimental.h"',
        '#include "tensorflow/lite/profiling/telemetry/c/profiler.h"',
    ]
    real = "TfLiteTelemetryProfilerStruct"
    same = [
        f'_Static_assert(offsetof(tflite_profiler, {name}) == offsetof({real}, {other}), "{name}");'
        for name, other in members.items()
    ]
    whole = f'_Static_assert(sizeof(tflite_profiler) == sizeof({real}), "whole");'
    setter = f"void TfLiteInterpreterOptionsSetTelemetryProfiler(TfLiteInterpreterOptions *, struct {real} *);"
    assert complaints(tmp_path, HEADERS["tflite_abi.h"](store), [*include, ours, *same, whole, setter]) == ""


ELEMENTS = (
    "NoType",
    "Float32",
    "Int32",
    "UInt8",
    "Int64",
    "String",
    "Bool",
    "Int16",
    "Complex64",
    "Int8",
    "Float16",
    "Float64",
)


def test_every_element_type_has_the_number_of_the_real_header(tmp_path: Path, store: Store) -> None:
    table = re.search(r"\[\] = \{(.*?)\};", (HARNESS / "tflite_elements.h").read_text(), re.DOTALL)
    assert table is not None
    ours = [word.strip() for word in table[1].split(",") if word.strip()]
    named = [name if word != "0" else "" for name, word in zip(ELEMENTS, ours, strict=True)]
    assert [word for word in ours if word != "0"] == [f"ELEMENT_{name.upper()}" for name in named if name]
    numbers = [f'_Static_assert(kTfLite{name} == {number}, "{name}");' for number, name in enumerate(ELEMENTS)]
    assert complaints(tmp_path, HEADERS["tflite_abi.h"](store), numbers) == ""
