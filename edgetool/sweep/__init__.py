"""Many boards at once: a plan of points, and the boards that measure them in parallel."""
