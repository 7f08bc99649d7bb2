"""The emulated processor that kernels are tested on."""

from __future__ import annotations

EMULATOR = "qemu-riscv64-static"
VLENS = (128, 256, 512, 1024)


def with_vectors(vlen: int) -> str:
    """QEMU's -cpu; elements that an instruction may leave or overwrite are overwritten, so that none is relied on."""
    return f"rv64,v=true,vext_spec=v1.0,vlen={vlen},elen=64,rvv_ta_all_1s=true,rvv_ma_all_1s=true"
