"""How evenly our kernels share an inference among threads."""
