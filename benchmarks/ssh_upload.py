"""A large file to a real OpenSSH server on loopback: our executor against scp, each with its connection."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path, PurePosixPath

from edgetool.platform.process import run_process
from edgetool.targets.registry import open_executor
from tests.executors.servers import openssh

SIZE_BYTES = 400_000_000
ROUNDS = 3
MEMORY = Path("/dev/shm")  # the link and its ciphers are compared, not the disk


def run() -> str:
    """The best of three rounds each, taken in turn; the second put of the same file sends none of it."""
    ours: list[float] = []
    again: list[float] = []
    scp: list[float] = []
    with (
        tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as scratch,
        openssh(Path(scratch) / "server") as server,
    ):
        file = Path(scratch) / "file"
        for _ in range(ROUNDS):
            file.write_bytes(os.urandom(SIZE_BYTES))
            for seconds in (ours, again):
                start = time.perf_counter()
                with open_executor(server.target(cache_mib=500)) as executor:
                    executor.put(file, PurePosixPath("file"))
                seconds.append(time.perf_counter() - start)
            start = time.perf_counter()
            copied = run_process(["scp", "-q", "-F", server.folder / "config", file, f"board:{scratch}/copy"])
            assert copied.exit_code == 0, copied.stderr.decode()
            scp.append(time.perf_counter() - start)
    speed, theirs = (SIZE_BYTES / 1e6 / min(seconds) for seconds in (ours, scp))
    return (
        f"{speed:.0f} MB/s, scp {theirs:.0f} MB/s, ratio {speed / theirs:.2f}; "
        f"the same file again in {min(again):.1f} s"
    )


if __name__ == "__main__":
    print(run())
