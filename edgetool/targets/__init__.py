"""Targets: what one is, and the executor that each asks for."""
