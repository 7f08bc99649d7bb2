"""Our kernels beside what else runs the same models on the same processors: `make bench-kernels`."""
