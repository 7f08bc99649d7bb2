"""The 8-bit kernels for processors without vectors compute what MLAS's portable code does, bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.platform.process import run_process
from edgetool.platform.store import Store
from tests.kernels import test_quantized_kernels as quantized
from tests.kernels.processors import WITHOUT_VECTORS, emulator
from tests.kernels.programs import KERNELS, compiled
from tests.kernels.test_quantized_kernels import mlas

__all__ = ["mlas"]

UNDER_TEST = (
    "scalar.cpp",
    "scalar_convsym.cpp",
    "scalar_convsym_depthwise.cpp",
    "scalar_convsym_packing.cpp",
    "scalar_float_conv.cpp",
    "scalar_float_depthwise.cpp",
    "scalar_float_elementwise.cpp",
    "scalar_float_gemm.cpp",
    "scalar_float_pool.cpp",
    "scalar_qgemm.cpp",
    "scalar_qlinear.cpp",
    "scalar_quantized_resize.cpp",
)


@pytest.fixture(scope="module", params=["convsym", "qgemm", "qlinear", "resize"])
def program(request: pytest.FixtureRequest, store: Store) -> Path:
    folder: Path = request.getfixturevalue("mlas")
    built = folder.parent / f"scalar_{request.param}"
    tests = [KERNELS / "test" / name for name in (f"quantized_{request.param}.cpp", "scalar_platform.cpp")]
    portable = [folder / "lib" / name for name in quantized.PORTABLE]
    sources = [*tests, *(KERNELS / name for name in UNDER_TEST), *portable]
    includes = [f"-I{path}" for path in (folder / "lib", folder / "inc", KERNELS, KERNELS / "test")]
    return compiled(built, store, *includes, *sources, flags=quantized.FLAGS)


def test_kernels_without_vectors_do_what_the_portable_code_does(program: Path) -> None:
    result = run_process([emulator(), "-cpu", WITHOUT_VECTORS, program], timeout_s=900)
    assert result.exit_code == 0, (result.stdout + result.stderr).decode(errors="replace")
