"""The machines that can be emulated whole: QEMU's program for each triple, and what Debian calls its parts."""

from __future__ import annotations

from dataclasses import dataclass

from edgetool.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Debian's kernel on QEMU's `virt` machine."""

    name: str  # as `uname -m` says it there
    emulator: str
    emulator_package: str
    board: str  # QEMU's -M
    architecture: str  # Debian's name of it
    kernel_package: str
    loader: str
    console: str

    @property
    def host_name(self) -> str:
        return f"virt-{self.name}"


# triple → machine
MACHINES = {
    "riscv64-linux-gnu": Machine(
        name="riscv64",
        emulator="qemu-system-riscv64",
        emulator_package="qemu-system-misc",
        board="virt",
        architecture="riscv64",
        kernel_package="linux-image-riscv64",
        loader="ld-linux-riscv64-lp64d.so.1",
        console="ttyS0",
    ),
    "aarch64-linux-gnu": Machine(
        name="aarch64",
        emulator="qemu-system-aarch64",
        emulator_package="qemu-system-arm",
        board="virt,gic-version=3",  # version 2 ends at eight cores
        architecture="arm64",
        kernel_package="linux-image-arm64",
        loader="ld-linux-aarch64.so.1",
        console="ttyAMA0",
    ),
}


def machine_for(triple: str) -> Machine:
    """Raises ConfigError for a triple that no whole machine is emulated of."""
    if triple not in MACHINES:
        raise ConfigError(f"no emulated board for {triple!r}", hint=f"there is one for {', '.join(MACHINES)}")
    return MACHINES[triple]
