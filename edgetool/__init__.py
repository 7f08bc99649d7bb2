"""Export, quantize, package, run and measure vision models on edge targets, RISC-V first.

The functions that the commands call are here: `edgetool.deploy`, `export`, `quantize`, `package`, `bench`, `compare`,
`estimate` and `load_run`. They are loaded when they are first used.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgetool.api import Model, bench, compare, deploy, estimate, export, load_run, package, quantize

__all__ = [
    "Model",
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

# ONNX Runtime from 1.29 on reports each process to its makers unless told not to before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def __getattr__(name: str) -> object:
    # The package's front stands before every layer, so that it names the one above them all only when it is asked.
    if name in __all__:
        return getattr(import_module(f"{__name__}.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
