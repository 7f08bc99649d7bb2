"""The single precision kernels are within the bound of rounding at every width of the vector registers.

The programs are in toolchain/onnxruntime/mlas_rvv/test; their buffers lie between pages without access.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.platform.process import run_process
from edgetool.platform.store import Store
from tests.kernels.processors import VLENS, WITHOUT_VECTORS, emulator, with_vectors
from tests.kernels.programs import KERNELS, compiled

UNDER_TEST = {
    "activation": ("float_activation.cpp",),
    "binary": ("float_binary.cpp",),
    "elementwise": ("float_elementwise.cpp", "float_gelu.cpp"),
    "gemm": ("float_gemm.cpp",),
    "layernorm": ("float_layernorm.cpp",),
    "lrn": ("float_lrn.cpp",),
    "nchwc": ("float_conv.cpp", "float_depthwise.cpp", "float_pool.cpp"),
    "reduce": ("float_reduce.cpp",),
}
SCALAR = {
    "elementwise": ("scalar_float_elementwise.cpp",),
    "gemm": ("scalar_float_gemm.cpp",),
    "nchwc": ("scalar_float_conv.cpp", "scalar_float_depthwise.cpp", "scalar_float_pool.cpp"),
}


def build(name: str, sources: tuple[str, ...], *defines: str, built: Path, store: Store) -> Path:
    paths = [KERNELS / source for source in (f"test/float_{name}.cpp", *sources)]
    return compiled(built, store, *defines, *paths)


@pytest.fixture(scope="module", params=sorted(UNDER_TEST))
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, store: Store) -> Path:
    built = tmp_path_factory.mktemp("kernels") / f"float_{request.param}"
    return build(request.param, ("detect.cpp", *UNDER_TEST[request.param]), built=built, store=store)


@pytest.fixture(scope="module", params=sorted(SCALAR))
def scalar_program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, store: Store) -> Path:
    built = tmp_path_factory.mktemp("kernels") / f"scalar_{request.param}"
    return build(request.param, SCALAR[request.param], "-DMLAS_TEST_SCALAR", built=built, store=store)


@pytest.mark.parametrize("vlen", VLENS)
def test_kernels_are_within_the_bound_of_rounding(program: Path, vlen: int) -> None:
    result = run_process([emulator(), "-cpu", with_vectors(vlen), program], timeout_s=900)
    assert result.exit_code == 0, (result.stdout + result.stderr).decode(errors="replace")
    assert f"vlen={vlen}" in result.stdout.decode()


def test_kernels_without_vectors_are_within_the_bound_of_rounding(scalar_program: Path) -> None:
    result = run_process([emulator(), "-cpu", WITHOUT_VECTORS, scalar_program], timeout_s=900)
    assert result.exit_code == 0, (result.stdout + result.stderr).decode(errors="replace")
