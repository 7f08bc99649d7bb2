"""The one way through: a plan's cases are prepared, measured and kept as records."""
