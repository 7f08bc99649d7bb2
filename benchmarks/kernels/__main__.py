"""Measure all models, or those that are named, and write the page; `--page` alone draws it from what was kept.

A model's rows take the place of its earlier ones as soon as it is done.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.answer import answer
from benchmarks.kernels.mca import find_llvm
from benchmarks.kernels.measure import choose_benchmarks, measure_all
from benchmarks.kernels.page import write_page
from benchmarks.kernels.rows import read_findings
from edgetool.console.progress import make_progress
from edgetool.platform.context import StepContext
from edgetool.platform.documents import write_document
from edgetool.platform.store import Store, cache_root

DOCS = Path(__file__).parents[2] / "docs"
FOUND = DOCS / "performance.json"
RUNS = Path(__file__).parents[2] / "runs" / "kernels"  # their records


def main(words: list[str]) -> int:
    def write() -> Path:
        if words != ["--page"]:
            measure(words)
        return write_page(read_findings(FOUND), DOCS)

    return answer(write)


def measure(names: list[str]) -> None:
    """Measure these models, all without one, and keep their rows. Raises EdgetoolError."""
    if find_llvm() is None:
        print("warning: no llvm-mca that knows the processor: the page gets no second opinion", file=sys.stderr)
        print("hint: as root: apt-get install llvm-22", file=sys.stderr)
    context = StepContext(store=Store(cache_root()), progress=make_progress(quiet=False))
    for benchmark in choose_benchmarks(names):
        write_document(FOUND, read_findings(FOUND).joined(measure_all(context, [benchmark], RUNS)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
