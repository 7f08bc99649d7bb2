"""What is installed, what is missing, and the command that mends it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from edgetool.platform.values import value


@value
class Finding:
    name: str
    found: str | None  # a version or path; None when missing
    needed_for: str
    remedy: str
    required: bool  # for the default target

    @property
    def ok(self) -> bool:
        return self.found is not None


PACKAGES = (
    ("onnxruntime", "running models on this machine", "pip install onnxruntime", True),
    ("ziglang", "building the harness", "pip install ziglang", True),
    ("torch", "exporting from PyTorch", 'pip install "edgetool[export]"', True),
    ("torchvision", "exporting torchvision's models", 'pip install "edgetool[export]"', True),
    ("onnxscript", "exporting from PyTorch", 'pip install "edgetool[export]"', True),
    ("safetensors", "reading checkpoints", 'pip install "edgetool[export]"', True),
)
PROGRAMS = (
    (("qemu-riscv64", "qemu-riscv64-static"), "target qemu-riscv64", "apt-get install qemu-user-static", True),
    (("mmdebstrap",), "Debian's ONNX Runtime for riscv64", "apt-get install mmdebstrap", True),
    (("qemu-aarch64", "qemu-aarch64-static"), "target qemu-aarch64", "apt-get install qemu-user-static", False),
)


def examine() -> tuple[Finding, ...]:
    """All findings, python first."""
    return (_python(), *_packages(), *_programs())


def _python() -> Finding:
    supported = sys.version_info >= (3, 11)
    return Finding(
        name="python",
        found=sys.version.split()[0] if supported else None,
        needed_for="edgetool",
        remedy="use Python 3.11 or newer",
        required=True,
    )


def _packages() -> Iterator[Finding]:
    for name, needed_for, remedy, required in PACKAGES:
        try:
            found = version(name)
        except PackageNotFoundError:
            found = None
        yield Finding(name=name, found=found, needed_for=needed_for, remedy=remedy, required=required)


def _programs() -> Iterator[Finding]:
    for names, needed_for, remedy, required in PROGRAMS:
        found = next((path for name in names if (path := shutil.which(name))), None)
        yield Finding(name=names[0], found=found, needed_for=needed_for, remedy=f"as root: {remedy}", required=required)
