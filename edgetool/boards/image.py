"""Build the image of an emulated board from signed packages: Debian's kernel and an initramfs."""

from __future__ import annotations

import lzma
import shutil
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

from edgetool.boards.machines import Machine
from edgetool.platform import cpio
from edgetool.platform.debian.packages import unpack_packages
from edgetool.platform.debian.pins import Packages
from edgetool.platform.files import write_atomically
from edgetool.platform.progress import Note, unheard
from edgetool.platform.store import Store
from edgetool.runtimes.description import copy_closure

RECIPE = 3  # increment when the image is built differently
SUITE = "trixie"
PACKAGES = ("busybox-static", "dropbear-bin", "libc6", "libstdc++6", "libgcc-s1")
KERNEL = "boot/vmlinu*"
MODULE = "usr/lib/modules/*/{}.ko.xz"
MODULES = ("failover", "net_failover", "virtio_mmio", "virtio_net")  # in order of dependency
READY = "edgetool: ssh is listening"

# The network comes up last, so a client that can connect always finds the SSH server.
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
for module in @modules@; do insmod "/lib/modules/$module.ko"; done
hostname @host@
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0
dropbear -s -j -k -W 262144 -r /etc/dropbear/host_ed25519 -p 22
ip link set eth0 up
echo "@ready@"
exec init
"""
# busybox init reaps orphans and powers off on a signal.
INITTAB = "::ctrlaltdel:/bin/poweroff\n::shutdown:/bin/sync\n"


@dataclass(frozen=True, kw_only=True)
class BoardImage:
    kernel: Path
    initramfs: Path  # without keys; each board gets its own


def board_image(machine: Machine, store: Store, *, note: Note = unheard, force: bool = False) -> BoardImage:
    """Build the image, or take it from the cache; `note` receives progress. Raises BuildError, FetchError."""
    kernel = Packages(suite=SUITE, architecture=machine.architecture, packages=(machine.kernel_package,))
    programs = replace(kernel, packages=PACKAGES)
    init = _init(machine)

    def make(folder: Path) -> None:
        root = folder / "root"
        unpack_packages(kernel, store.root, root, note=note, only=(KERNEL, *map(MODULE.format, MODULES)))
        unpack_packages(programs, store.root, root, note=note)
        shutil.copyfile(min(root.glob(KERNEL)), folder / "kernel")
        write_atomically(folder / "initramfs", cpio.archive(_members(machine, init, root, folder / "lib")))
        shutil.rmtree(folder / "lib")
        shutil.rmtree(root)

    packages = {**kernel.digests(), **programs.digests()}
    inputs = {"recipe": RECIPE, "packages": packages, "init": init + INITTAB}
    path = store.entry("board-image", inputs, make, force=force).path
    return BoardImage(kernel=path / "kernel", initramfs=path / "initramfs")


def _init(machine: Machine) -> str:
    words = {"@modules@": " ".join(MODULES), "@host@": machine.host_name, "@ready@": READY}
    return reduce(lambda text, word: text.replace(*word), words.items(), INIT)


def _members(machine: Machine, init: str, root: Path, libraries: Path) -> list[cpio.Member]:
    dropbear = root / "usr/sbin/dropbear"
    own = [
        *root.rglob(machine.loader),
        *root.rglob("libstdc++.so.6"),
        *root.rglob("libgcc_s.so.1"),
        *root.rglob("libm.so.6"),
        # empty since glibc 2.34, but programs that also run with older releases name them
        *root.rglob("libdl.so.2"),
        *root.rglob("libpthread.so.0"),
        *root.rglob("librt.so.1"),
    ]
    copy_closure([dropbear, *own], root, libraries)
    (libraries / "dropbear").unlink()
    return [
        cpio.file("init", init.encode(), 0o755),
        cpio.file("etc/inittab", INITTAB.encode()),
        cpio.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"),
        cpio.file("etc/group", b"root:x:0:\n"),
        cpio.file("bin/busybox", (root / "usr/bin/busybox").read_bytes(), 0o755),
        cpio.file("sbin/dropbear", dropbear.read_bytes(), 0o755),
        cpio.link("usr/bin", "/bin"),
        cpio.link("usr/sbin", "/sbin"),
        *(cpio.folder(name) for name in ("proc", "sys", "dev", "run", "var")),
        cpio.folder("tmp", 0o1777),
        cpio.folder("root", 0o700),
        cpio.character_device("dev/console", 5, 1),
        *(cpio.file(f"lib/{path.name}", path.read_bytes(), 0o755) for path in sorted(libraries.iterdir())),
        *(cpio.file(f"lib/modules/{name}.ko", _module(root, name)) for name in MODULES),
    ]


def _module(root: Path, name: str) -> bytes:
    return lzma.decompress(min(root.rglob(f"{name}.ko.xz")).read_bytes())
