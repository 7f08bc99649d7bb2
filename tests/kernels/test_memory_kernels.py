"""memcpy, memmove and memset of the library itself: right at every width, and not where there are no vectors.

The program is in toolchain/onnxruntime/mlas_rvv/test; its regions lie between pages without access.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.platform.process import run_process
from edgetool.platform.store import Store
from tests.kernels.processors import VLENS, WITHOUT_VECTORS, emulator, with_vectors
from tests.kernels.programs import KERNELS, compiled

UNDER_TEST = ("test/memory.cpp", "memory.cpp", "scalar_memory.cpp", "detect.cpp")
WRAPPED = "-Wl,--wrap=memcpy,--wrap=memmove,--wrap=memset"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Path:
    built = tmp_path_factory.mktemp("kernels") / "memory"
    sources = [KERNELS / name for name in UNDER_TEST]
    return compiled(built, store, "-fno-builtin", WRAPPED, f"-I{KERNELS}", *sources)


@pytest.mark.parametrize("vlen", VLENS)
def test_memory_holds_what_single_bytes_would_make_it_hold(program: Path, vlen: int) -> None:
    result = run_process([emulator(), "-cpu", with_vectors(vlen), program], timeout_s=900)
    assert result.exit_code == 0, (result.stdout + result.stderr).decode(errors="replace")
    assert f"vlen={vlen}" in result.stdout.decode()


def test_a_processor_without_vectors_executes_none(program: Path) -> None:
    result = run_process([emulator(), "-cpu", WITHOUT_VECTORS, program], timeout_s=900)
    assert result.exit_code == 0, (result.stdout + result.stderr).decode(errors="replace")
    assert "vlen=0" in result.stdout.decode()
