"""Reject measurements that are impossible, such as zero times or more time than has passed."""

from __future__ import annotations

from edgetool.errors import HarnessError

CLOCKS_DIFFER = 1.05  # largest ratio between a board's clock and ours
START_S = 1.0


def check_times(samples_ns: tuple[int, ...], others_ns: int, *, wall_s: float, name: str) -> None:
    """Compare the timed nanoseconds with the wall time of the whole run. Raises HarnessError."""
    if 0 in samples_ns:
        raise HarnessError(
            f"{name}: an inference took 0 ns", hint="the board's clock stands still, or its harness reports false times"
        )
    claimed_s = (sum(samples_ns) + others_ns) / 1e9
    if claimed_s > wall_s * CLOCKS_DIFFER + START_S:
        raise HarnessError(
            f"{name}: {claimed_s:.1f} s were timed, but only {wall_s:.1f} s passed",
            hint="the board's clock runs fast, or its harness reports false times",
        )


def check_memory(peak_rss_bytes: int | None, memory_bytes: int | None, *, name: str) -> None:
    """Check the peak RSS. Raises HarnessError when it exceeds the board's memory."""
    if peak_rss_bytes is not None and memory_bytes is not None and peak_rss_bytes > memory_bytes:
        raise HarnessError(
            f"{name}: a peak RSS of {peak_rss_bytes >> 20} MiB on a board of {memory_bytes >> 20} MiB",
            hint="its kernel counts differently, or its harness reports false numbers",
        )
