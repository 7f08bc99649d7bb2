"""Write docs/estimates.md from what was counted; the counted records of the runs that are named are taken in first."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.answer import answer
from benchmarks.estimates.figures import CountedModel, read_counted
from benchmarks.estimates.page import write_page
from edgetool.estimates.cores import core_names, load_core
from edgetool.estimates.published import read_published
from edgetool.platform.documents import write_document
from edgetool.records.results import read_run

DOCS = Path(__file__).parents[2] / "docs"
COUNTED = DOCS / "estimates.json"


def main(words: list[str]) -> int:
    def write() -> Path:
        counted = read_counted(COUNTED)
        if words:
            counted = counted.joined(entry for word in words for entry in _counted(Path(word)))
            write_document(COUNTED, counted)
        published, page = read_published().figure, DOCS / "estimates.md"
        write_page(page, [load_core(name) for name in core_names()], published, counted)
        return page

    return answer(write)


def _counted(run: Path) -> Iterator[CountedModel]:
    """Of a run's counted records."""
    for recorded in read_run(run).recorded:
        subject, counts = recorded.record.subject, recorded.record.instructions
        if counts is not None:
            yield CountedModel(
                model=subject.model.name,
                precision=subject.precision,
                runtime=subject.runtime.title,
                vlen_bits=counts.vlen_bits,
                mix=counts.mean,
            )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
