"""Measurements: one module for each kind, with its values and its instrument."""
