"""The kernel that resizes planes is within the bound of rounding at every width of the vector registers."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.platform.process import run_process
from edgetool.platform.store import Store
from tests.kernels.processors import VLENS, emulator, with_vectors
from tests.kernels.programs import KERNELS, compiled
from tests.kernels.test_quantized_kernels import FLAGS, mlas

__all__ = ["mlas"]

UNDER_TEST = ("test/float_resize.cpp", "float_resize.cpp", "detect.cpp")


@pytest.fixture(scope="module")
def program(mlas: Path, store: Store) -> Path:
    built = mlas.parent / "float_resize"
    includes = [f"-I{mlas / 'inc'}", f"-I{KERNELS}"]
    return compiled(built, store, *includes, *(KERNELS / name for name in UNDER_TEST), flags=FLAGS)


@pytest.mark.parametrize("vlen", VLENS)
def test_resized_planes_are_within_the_bound_of_rounding(program: Path, vlen: int) -> None:
    result = run_process([emulator(), "-cpu", with_vectors(vlen), program], timeout_s=900)
    assert result.exit_code == 0, (result.stdout + result.stderr).decode(errors="replace")
    assert f"vlen={vlen}" in result.stdout.decode()
