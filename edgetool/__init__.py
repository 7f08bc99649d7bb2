"""Export, quantize, package, run and measure vision models on edge targets, RISC-V first.

The functions behind the commands are available here: `edgetool.deploy`, `export`, `quantize`, `package`, `bench`,
`compare`, `estimate` and `load_run`. They are imported on first use.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgetool.api import Model, Signer, bench, compare, deploy, estimate, export, load_run, package, quantize

__all__ = [
    "Model",
    "Signer",
    "__version__",
    "bench",
    "compare",
    "deploy",
    "estimate",
    "export",
    "load_run",
    "package",
    "quantize",
]
__version__ = "0.1.0"

# ONNX Runtime sends telemetry from 1.29 on unless this is set before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def __getattr__(name: str) -> object:
    # Imported on access, since edgetool.api lies above every layer and this package below them all.
    if name in __all__:
        return getattr(import_module(f"{__name__}.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
