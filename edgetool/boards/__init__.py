"""Boards: their facts, their measuring conditions, and emulated ones."""
