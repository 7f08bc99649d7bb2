"""Executors: places where a bundle can run, behind one protocol."""
