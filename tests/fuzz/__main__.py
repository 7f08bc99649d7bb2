"""`make fuzz`: every reader of foreign bytes for its share of ten minutes, guided by coverage where that can be had.

Inputs that reach something new are added to the corpus beside this file, so that the next run, and the tests, begin
with them. What ends in anything but an error of ours is kept there as well, and named.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz.native import HERE, SOURCES, build
from tests.fuzz.readers import READERS

CORPUS = HERE / "corpus"
NEW = Path(".fuzz").absolute()
LONGEST_INPUT_BYTES = 4096
LIMITS = ("-rss_limit_mb=4096", "-print_final_stats=0", "-verbosity=0")
KEPT_MAX = 40  # inputs of one reader


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join([*READERS, *SOURCES])}")
    parser.add_argument("--seconds", type=int, default=600, help="for all of them together")
    parser.add_argument("--jobs", type=int, default=2)
    wanted = parser.parse_args()
    names = wanted.names or [*READERS, *SOURCES]
    share = max(1, wanted.seconds * wanted.jobs // len(names))
    with ThreadPoolExecutor(wanted.jobs) as pool:
        failed = [
            name for name, well in zip(names, pool.map(lambda name: run(name, share), names), strict=True) if not well
        ]
    for name in failed:
        shows = f"python -m tests.fuzz.guided {name}" if name in READERS else f"{NEW / 'programs' / name} FILE"
        print(f"{name}: its find is in {CORPUS / name}; `{shows}` shows it")
    return 1 if failed else 0


def run(name: str, seconds: int) -> bool:
    """One of them, in a process of its own. Returns whether it found nothing."""
    for folder in (CORPUS / name, NEW / name):
        folder.mkdir(parents=True, exist_ok=True)
    if name in READERS:
        command = [
            sys.executable,
            "-m",
            "tests.fuzz.guided",
            name,
            *arguments(name, seconds),
            "-timeout=0",
            "-close_fd_mask=1",
        ]
    elif (clang := shutil.which("clang")) is None:
        print(f"{name}: not run, needs clang with libFuzzer: apt-get install clang libclang-rt-dev")
        return True
    else:
        program = build(name, NEW / "programs" / name, compiler=clang, fuzzer=True)
        # What it complains of is not read: the harness's options wrote 11 GB in two minutes. Sanitizers still report.
        command = [str(program), *arguments(name, seconds), "-close_fd_mask=3"]
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    taken_s = time.monotonic() - start
    print(f"{name}: {taken_s:.0f} s, {keep(name)} inputs more are kept, exit code {done.returncode}", flush=True)
    if done.returncode != 0:
        print(done.stderr[-4000:])
    return done.returncode == 0


def arguments(name: str, seconds: int) -> list[str]:
    """libFuzzer's; its first folder gets what reaches something new."""
    folders = [str(NEW / name), str(CORPUS / name), f"-artifact_prefix={CORPUS / name}/"]
    return [*folders, f"-max_total_time={seconds}", f"-max_len={LONGEST_INPUT_BYTES}", *LIMITS]


def keep(name: str) -> int:
    """Move the shortest new inputs into the corpus, as long as there is room; returns how many."""
    room = KEPT_MAX - len(list((CORPUS / name).iterdir()))
    found = sorted((NEW / name).iterdir(), key=lambda path: path.stat().st_size)[: max(0, room)]
    for path in found:
        path.replace(CORPUS / name / path.name)
    return len(found)


if __name__ == "__main__":
    sys.exit(main())
