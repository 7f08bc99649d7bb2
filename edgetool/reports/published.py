"""How measured times stand to those that others published of the same model on the same core."""

from __future__ import annotations

from collections.abc import Iterable

from edgetool.estimates.published import Figure, Published, read_published
from edgetool.platform.values import value
from edgetool.records.record import Record
from edgetool.records.stats import summarize

MS = 1_000_000


@value
class Standing:
    """A record's median beside one figure."""

    title: str
    runtime: str
    threads: int
    p50_ns: float
    figure: Figure

    @property
    def ratio(self) -> float:
        """Measured here ÷ published."""
        return self.p50_ns / (self.figure.ms * MS)


def standings(records: Iterable[Record], published: Published | None = None) -> tuple[Standing, ...]:
    """Each record's on every figure of its model, precision and input; an emulator's time stands to none."""
    timed = [record for record in records if record.timing is not None and not record.emulated]
    return tuple(standing for record in timed for standing in _of(record, published or read_published()))


def _of(record: Record, published: Published) -> Iterable[Standing]:
    board, subject = record.environment.board, record.subject
    if board is None or record.timing is None:
        return
    for figure in published.on_board(board.model, board.cpu):
        shapes = [tensor.shape for tensor in subject.model.inputs]
        if (figure.model, figure.precision, [figure.shape]) == (subject.model.name, subject.precision, shapes):
            yield Standing(
                title=record.title,
                runtime=subject.runtime.title,
                threads=subject.threads,
                p50_ns=summarize(record.timing.samples_ns).p50_ns,
                figure=figure,
            )
