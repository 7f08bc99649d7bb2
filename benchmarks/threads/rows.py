"""What the benchmark of threads finds, one row for each model, precision and number of threads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from edgetool.platform.documents import read_document
from edgetool.platform.values import Name, Positive, Text, value


@value
class BusiestThread:
    """The thread of the most estimated cycles on a core; the middle of the interval."""

    core: Name
    cycles: float


@value
class ThreadsRow:
    model: Name
    precision: Name
    release: Text  # of the runtime
    vlen_bits: Positive
    threads: Positive
    elapsed: Positive  # weighted instructions on the clock of the thread that starts the inference
    busiest: tuple[BusiestThread, ...]


@value
class Findings:
    """`docs/threads.json`, which the page is made from."""

    SCHEMA: ClassVar[int] = 1
    schema: int = SCHEMA
    rows: tuple[ThreadsRow, ...] = ()

    def joined(self, found: tuple[ThreadsRow, ...]) -> Findings:
        """Put these in place of what was found of the same models before."""
        models = {row.model for row in found}
        return replace(self, rows=(*(row for row in self.rows if row.model not in models), *found))

    def alone(self, row: ThreadsRow) -> ThreadsRow:
        """Return the row of one thread. Raises StopIteration where it is missing."""
        key = (row.model, row.precision, row.vlen_bits, 1)
        return next(o for o in self.rows if (o.model, o.precision, o.vlen_bits, o.threads) == key)

    def efficiency(self, row: ThreadsRow) -> float:
        """Return the speed on all threads over that on one, by thread; 1 is the best."""
        return self.alone(row).elapsed / row.elapsed / row.threads

    def evenness(self, row: ThreadsRow) -> dict[str, float]:
        """Return the same by the busiest thread's estimated cycles on each core, where waiting costs nothing."""
        alone = {busiest.core: busiest.cycles for busiest in self.alone(row).busiest}
        return {busiest.core: alone[busiest.core] / busiest.cycles / row.threads for busiest in row.busiest}


def read_findings(path: Path) -> Findings:
    return read_document(path, Findings) if path.exists() else Findings()
