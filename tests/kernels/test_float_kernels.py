"""The single precision kernels are within the bound of rounding at every width of the vector registers.

The programs are in toolchain/onnxruntime/mlas_rvv/test; their buffers lie between pages without access.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from edgetool.platform.catalog import data_folder
from edgetool.platform.process import run_process
from edgetool.platform.store import Store
from edgetool.runtimes.compilers import cache_environment
from tests.kernels.processors import VLENS, emulator, with_vectors

KERNELS = data_folder("toolchain") / "onnxruntime" / "mlas_rvv"
UNDER_TEST = {
    "activation": ("float_activation.cpp",),
    "elementwise": ("float_elementwise.cpp", "float_gelu.cpp"),
    "gemm": ("float_gemm.cpp",),
    "layernorm": ("float_layernorm.cpp",),
    "nchwc": ("float_conv.cpp", "float_depthwise.cpp", "float_pool.cpp"),
}
FLAGS = (
    *("-target", "riscv64-linux-musl", "-mcpu=baseline_rv64", "-static", "-std=c++17", "-O2", "-ffp-contract=off"),
    *("-Wall", "-Wextra", "-Werror"),
)

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="needs `pip install ziglang`"),
]


@pytest.fixture(scope="module", params=sorted(UNDER_TEST))
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, store: Store) -> Path:
    """Built for every RV64GC processor, as the library is: the kernels alone hold vector instructions."""
    built = tmp_path_factory.mktemp("kernels") / f"float_{request.param}"
    sources = [KERNELS / name for name in (f"test/float_{request.param}.cpp", "detect.cpp", *UNDER_TEST[request.param])]
    compiler: list[str | Path] = [sys.executable, "-m", "ziglang", "c++"]
    result = run_process([*compiler, *FLAGS, *sources, "-o", built], env=cache_environment(store.root), timeout_s=1200)
    assert result.exit_code == 0, result.stderr.decode(errors="replace")
    return built


@pytest.mark.parametrize("vlen", VLENS)
def test_kernels_are_within_the_bound_of_rounding(program: Path, vlen: int) -> None:
    result = run_process([emulator(), "-cpu", with_vectors(vlen), program], timeout_s=900)
    assert result.exit_code == 0, (result.stdout + result.stderr).decode(errors="replace")
    assert f"vlen={vlen}" in result.stdout.decode()
