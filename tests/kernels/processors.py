"""The emulated processor that kernels are tested on."""

from __future__ import annotations

import pytest

from edgetool.errors import ConfigError
from edgetool.executors.emulators import find_emulator

VLENS = (128, 256, 512, 1024)
WITHOUT_VECTORS = "rv64,v=false"


def emulator() -> str:
    """The one that deployments run on: this machine's own, or the pinned one out of the cache."""
    try:
        return find_emulator("qemu-riscv64")
    except ConfigError as missing:  # not on this kind of machine
        pytest.skip(f"{missing.message}: {missing.hint}")


def with_vectors(vlen: int) -> str:
    """QEMU's -cpu; elements that an instruction may leave or overwrite are overwritten, so that none is relied on."""
    return f"rv64,v=true,vext_spec=v1.0,vlen={vlen},elen=64,rvv_ta_all_1s=true,rvv_ma_all_1s=true"


def with_halves(vlen: int) -> str:
    """The same with vectors of half precision."""
    return f"{with_vectors(vlen)},zvfh=true"


# SpacemiT's matrix products, which our own build of the emulator knows.
WITH_MATRICES = f"{with_vectors(256)},xsmtvdot=true"
