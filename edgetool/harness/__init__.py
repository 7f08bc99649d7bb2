"""Run the timing harness on targets and read its results."""
