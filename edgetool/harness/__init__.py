"""Measure, keep the record, compare."""
