"""Estimates beside published measurements that they were not made from: `python -m benchmarks.estimates`."""
