"""Export, quantize, package, run and measure vision models on edge targets, RISC-V first."""

import os

__version__ = "0.1.0"

# ONNX Runtime from 1.29 on reports each process to its makers unless told not to before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
