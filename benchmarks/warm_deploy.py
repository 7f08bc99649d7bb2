"""How long `edgetool deploy` takes, nothing having changed, until it measures."""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import tempfile
import time

RUNS = 5


def run(target: str = "qemu-riscv64") -> str:
    """From the start of the process to its line after the first self-test; the process is then interrupted."""
    times = [_until_measuring(target) for _ in range(RUNS + 1)][1:]
    return f"{statistics.median(times):.2f} s until it measures ({min(times):.2f} to {max(times):.2f})"


def _until_measuring(target: str) -> float:
    with tempfile.TemporaryDirectory() as runs:
        start = time.perf_counter()
        command = [sys.executable, "-m", "edgetool.cli", "deploy", "--target", target, "--runs", runs]
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
            assert process.stderr is not None
            for line in process.stderr:
                if "✓ self-test" in line:
                    break
            elapsed = time.perf_counter() - start
            process.send_signal(signal.SIGINT)
    return elapsed


if __name__ == "__main__":
    print(run(*sys.argv[1:]))
