"""Export, quantize, package, run and measure vision models on edge targets, RISC-V first."""

__version__ = "0.1.0"
