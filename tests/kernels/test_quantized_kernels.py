"""The 8-bit kernels compute what MLAS's portable code does, bit for bit, at every width of the vector registers.

The programs are in toolchain/onnxruntime/mlas_rvv/test; their buffers end where memory without access begins.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest

from edgetool.platform.catalog import data_folder
from edgetool.platform.process import run_process
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store
from edgetool.runtimes.emulator import CountingEmulator
from edgetool.runtimes.onnxruntime.sources import source_tree
from edgetool.runtimes.patches import mirror, patched_files
from tests.kernels.processors import VLENS, WITH_MATRICES, emulator, with_vectors
from tests.kernels.programs import KERNELS, compiled

PATCHES = sorted((data_folder("toolchain") / "onnxruntime" / "patches").glob("*.patch"))
MLAS = PurePosixPath("onnxruntime/core/mlas")
PORTABLE = (
    "convsym.cpp",
    "pooling.cpp",
    "qgemm.cpp",
    "qgemm_kernel_default.cpp",
    "qladd.cpp",
    "qlgavgpool.cpp",
    "qlmul.cpp",
    "qpostprocessor.cpp",
    "quantize.cpp",
    "reorder.cpp",
    "threading.cpp",
    "transpose.cpp",
)
UNDER_TEST = (
    "convsym_depthwise.cpp",
    "convsym_ime.cpp",
    "convsym_packed64.cpp",
    "convsym_packed64_packing.cpp",
    "convsym_wide.cpp",
    "detect.cpp",
    "detect_ime.cpp",
    "moves.cpp",
    "qgemm.cpp",
    "qgemm_ime.cpp",
    "qlinear.cpp",
    "qlinear_softmax.cpp",
    "quantized_resize.cpp",
    "quantized.cpp",
)
# Those that differ in the kernels that a program tests, on every processor with vectors.
VARIANTS = {
    "convsym": ("wide16", "wide32", "packed64"),
    "moves": ("wide16",),
    "qgemm": ("wide16", "wide32"),
    "qlinear": ("wide16",),
    "resize": ("wide16",),
}
IME = {**os.environ, "MLAS_TEST_VARIANT": "ime"}
WITH_MATRIX_PRODUCTS = ("convsym", "qgemm")
FLAGS = (
    *("-target", "riscv64-linux-musl", "-mcpu=baseline_rv64", "-static", "-std=c++20", "-O2", "-ffp-contract=off"),
    *("-DBUILD_MLAS_NO_ONNXRUNTIME", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"),
    *("-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"),
)


@pytest.fixture(scope="module")
def mlas(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLAS as it is built, patched."""
    if not (store.root / "sources").is_dir() and os.environ.get("EDGETOOL_TEST_CONFIGURE") != "1":
        pytest.skip("ONNX Runtime's sources are not in the cache: `edgetool runtime build` fetches them")
    tree = source_tree(store, Silent()).onnxruntime
    folder = tmp_path_factory.mktemp("mlas")
    patched = patched_files(tree, PATCHES, log=folder / "patch.log")
    inside = {PurePosixPath(name): content for name, content in patched.items()}
    changed = {str(name.relative_to(MLAS)): text for name, text in inside.items() if name.is_relative_to(MLAS)}
    mirror(tree / MLAS, folder / "mlas", changed=changed)
    return folder / "mlas"


@pytest.fixture(scope="module", params=sorted(VARIANTS))
def program(request: pytest.FixtureRequest, mlas: Path, store: Store) -> Path:
    """Built for every RV64GC processor, as the library is: the kernels alone hold vector instructions."""
    built = mlas.parent / str(request.param)
    tests = [KERNELS / "test" / f"quantized_{name}.cpp" for name in (request.param, "platform")]
    sources = [*tests, *(KERNELS / name for name in UNDER_TEST), *(mlas / "lib" / name for name in PORTABLE)]
    includes = [f"-I{folder}" for folder in (mlas / "lib", mlas / "inc", KERNELS, KERNELS / "test")]
    return compiled(built, store, *includes, *sources, flags=FLAGS)


@pytest.mark.parametrize("vlen", VLENS)
def test_kernels_do_what_the_portable_code_does(program: Path, vlen: int) -> None:
    for variant in VARIANTS[program.name]:
        environment = {**os.environ, "MLAS_TEST_VARIANT": variant}
        result = run_process([emulator(), "-cpu", with_vectors(vlen), program], env=environment, timeout_s=900)
        assert result.exit_code == 0, f"{variant}: {(result.stdout + result.stderr).decode(errors='replace')}"


def test_a_processor_without_vectors_gets_no_kernel(program: Path) -> None:
    result = run_process([emulator(), "-cpu", "rv64,v=false", program], timeout_s=60)
    assert (result.exit_code, result.stderr) == (2, b"this processor has no vector extension\n")


@pytest.mark.parametrize("program", WITH_MATRIX_PRODUCTS, indirect=True)
def test_matrix_products_do_what_the_portable_code_does(program: Path, counting: CountingEmulator) -> None:
    result = run_process([counting.program, "-cpu", WITH_MATRICES, program], env=IME, timeout_s=900)
    assert result.exit_code == 0, (result.stdout + result.stderr).decode(errors="replace")


@pytest.mark.parametrize("program", ["qgemm"], indirect=True)
def test_matrix_products_are_refused_where_no_processor_has_them(program: Path, counting: CountingEmulator) -> None:
    """Neither where the instruction is illegal nor where the registers have another size."""
    for words, reason in (
        ((emulator(), "-cpu", with_vectors(256)), b"no allowed CPU has it"),
        ((counting.program, "-cpu", WITH_MATRICES.replace("vlen=256", "vlen=512")), b"it needs vlen=256"),
    ):
        result = run_process([*words, program], env=IME, timeout_s=60)
        assert (result.exit_code, result.stderr) == (2, b"ime cannot run here, " + reason + b"\n")


def test_each_allowed_processor_is_tried_for_matrix_products(
    store: Store, counting: CountingEmulator, tmp_path: Path
) -> None:
    sources = (KERNELS / "test" / "detect_ime.cpp", KERNELS / "detect.cpp")
    program = compiled(tmp_path / "detect", store, f"-I{KERNELS}", *sources)
    result = run_process([counting.program, "-cpu", WITH_MATRICES, program], timeout_s=60)
    assert result.exit_code == 0, (result.stdout + result.stderr).decode(errors="replace")
