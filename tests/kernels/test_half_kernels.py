"""The half precision kernels compute what is defined, at every width of the vector registers, and run where Zvfh is.

The programs are in toolchain/onnxruntime/mlas_rvv/test; their buffers lie between pages without access.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.platform.process import run_process
from edgetool.platform.store import Store
from tests.kernels.processors import VLENS, WITHOUT_VECTORS, emulator, with_halves, with_vectors
from tests.kernels.programs import KERNELS, compiled

SOURCES = {
    "half_kernels": ("half_depthwise", "half_gemm", "half_gemm_transposed", "half_pool"),
    "half_elementwise": ("half_activation", "half_binary", "half_functions"),
}
NO_ZVFH = 3


@pytest.fixture(scope="module", params=SOURCES)
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, store: Store) -> Path:
    sources = (f"test/{request.param}", "detect", *SOURCES[request.param])
    built = tmp_path_factory.mktemp("kernels") / request.param
    return compiled(built, store, *(KERNELS / f"{source}.cpp" for source in sources))


@pytest.mark.parametrize("vlen", VLENS)
def test_kernels_compute_what_is_defined(program: Path, vlen: int) -> None:
    result = run_process([emulator(), "-cpu", with_halves(vlen), program], timeout_s=600)
    assert result.exit_code == 0, result.stdout.decode()


@pytest.mark.parametrize("cpu", [with_vectors(256), WITHOUT_VECTORS])
def test_they_are_not_used_without_zvfh(program: Path, cpu: str) -> None:
    result = run_process([emulator(), "-cpu", cpu, program], timeout_s=600)
    assert (result.exit_code, result.stdout) == (NO_ZVFH, b"no Zvfh\n")
