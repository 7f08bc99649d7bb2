"""Targets: their files, and the executors they use."""
