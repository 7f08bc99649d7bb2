"""The kernels that pool and resize planes are within the bound of rounding at every width of the vector registers."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.platform.process import run_process
from edgetool.platform.store import Store
from tests.kernels.processors import VLENS, emulator, with_vectors
from tests.kernels.programs import KERNELS, compiled
from tests.kernels.test_quantized_kernels import FLAGS, mlas

__all__ = ["mlas"]

UNDER_TEST = {
    "float_pool_plane": ("float_pool_plane.cpp", "float_reduce.cpp"),
    "float_resize": ("float_resize.cpp",),
}


@pytest.fixture(scope="module", params=sorted(UNDER_TEST))
def program(request: pytest.FixtureRequest, mlas: Path, store: Store) -> Path:
    built = mlas.parent / str(request.param)
    sources = (f"test/{request.param}.cpp", "detect.cpp", *UNDER_TEST[request.param])
    includes = [f"-I{folder}" for folder in (mlas / "inc", KERNELS)]
    return compiled(built, store, *includes, *(KERNELS / source for source in sources), flags=FLAGS)


@pytest.mark.parametrize("vlen", VLENS)
def test_planes_are_pooled_and_resized_as_defined(program: Path, vlen: int) -> None:
    result = run_process([emulator(), "-cpu", with_vectors(vlen), program], timeout_s=900)
    assert result.exit_code == 0, (result.stdout + result.stderr).decode(errors="replace")
    assert f"vlen={vlen}" in result.stdout.decode()
