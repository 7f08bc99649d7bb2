"""How long `edgetool --help` takes, against an interpreter that imports typer and rich, as every Typer program does."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 15


def run() -> str:
    """Medians of whole processes, taken in turn."""
    commands = {
        "--help": [sys.executable, "-m", "edgetool.cli", "--help"],
        "typer": [sys.executable, "-c", "import typer, rich.console"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(RUNS + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(samples[1:]) for name, samples in times.items()}
    ours, theirs = medians["--help"], medians["typer"]
    return f"--help {ours * 1e3:.0f} ms, typer and rich alone {theirs * 1e3:.0f} ms: {ours / theirs:.2f}×"


if __name__ == "__main__":
    print(run())
