"""How long `edgetool --help` takes, against an interpreter that imports nothing."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 15


def run() -> str:
    """Medians of whole processes, taken in turn."""
    commands = {"--help": [sys.executable, "-m", "edgetool.cli", "--help"], "empty": [sys.executable, "-c", "pass"]}
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(RUNS + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(samples[1:]) for name, samples in times.items()}
    return f"--help {medians['--help'] * 1e3:.0f} ms, an empty interpreter {medians['empty'] * 1e3:.0f} ms"


if __name__ == "__main__":
    print(run())
