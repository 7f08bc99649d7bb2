"""The half precision kernels compute what is defined, at every width of the vector registers, and run where Zvfh is.

The program is in toolchain/onnxruntime/mlas_rvv/test; its buffers lie between pages without access.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.platform.process import run_process
from edgetool.platform.store import Store
from tests.kernels.processors import VLENS, WITHOUT_VECTORS, emulator, with_halves, with_vectors
from tests.kernels.programs import KERNELS, compiled

SOURCES = (
    "test/half_kernels.cpp",
    "detect.cpp",
    "float_elementwise.cpp",
    "half_activation.cpp",
    "half_depthwise.cpp",
    "half_gemm.cpp",
    "half_pool.cpp",
)
NO_ZVFH = 3


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Path:
    built = tmp_path_factory.mktemp("kernels") / "half_kernels"
    return compiled(built, store, *(KERNELS / source for source in SOURCES))


@pytest.mark.parametrize("vlen", VLENS)
def test_kernels_compute_what_is_defined(program: Path, vlen: int) -> None:
    result = run_process([emulator(), "-cpu", with_halves(vlen), program], timeout_s=600)
    assert result.exit_code == 0, result.stdout.decode()


@pytest.mark.parametrize("cpu", [with_vectors(256), WITHOUT_VECTORS])
def test_they_are_not_used_without_zvfh(program: Path, cpu: str) -> None:
    result = run_process([emulator(), "-cpu", cpu, program], timeout_s=600)
    assert (result.exit_code, result.stdout) == (NO_ZVFH, b"no Zvfh\n")
