"""Machines that QEMU can emulate: the emulator for each triple, and the Debian packages they need."""

from __future__ import annotations

from dataclasses import dataclass

from edgetool.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Machine:
    """QEMU's `virt` machine with Debian's kernel."""

    name: str  # as in `uname -m`
    emulator: str
    emulator_package: str
    board: str  # QEMU's -M
    architecture: str  # Debian's name
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
        board="virt,gic-version=3",  # GIC version 2 supports only eight cores
        architecture="arm64",
        kernel_package="linux-image-arm64",
        loader="ld-linux-aarch64.so.1",
        console="ttyAMA0",
    ),
}


def machine_for(triple: str) -> Machine:
    """Return the machine for a triple. Raises ConfigError when there is none."""
    if triple not in MACHINES:
        raise ConfigError(f"no emulated board for {triple!r}", hint=f"emulated boards exist for {', '.join(MACHINES)}")
    return MACHINES[triple]
