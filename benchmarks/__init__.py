"""Timings of edgetool itself. Run `make bench`; nothing here is a test."""
