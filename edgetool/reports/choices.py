"""Choose a runtime to ship: the best one by the user's criterion, and how it compares by the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from edgetool.models.tasks.base import Score
from edgetool.platform.values import value
from edgetool.records.results import Criterion
from edgetool.reports.rows import Row, groups


def _cost(row: Row) -> float | None:
    """Return the latency on a board, else weighted instructions. The two are never compared with each other."""
    if row.latency is not None and not row.emulated:
        return float(row.latency.p50_ns)
    return None if row.instructions_weighted is None else float(row.instructions_weighted)


def _size(row: Row) -> float | None:
    return None if row.size_bytes is None or row.library_bytes is None else float(row.size_bytes + row.library_bytes)


def _memory(row: Row) -> float | None:
    """Return the peak RSS. None under an emulator, whose own memory would be included."""
    return None if row.peak_rss_bytes is None or row.emulated else float(row.peak_rss_bytes)


def _score(row: Row) -> Score | None:
    """Return the first score of which is known what is better."""
    return next((score for score in row.scores if score.higher_is_better is not None), None)


def _errors(row: Row) -> float | None:
    """Return the share of misclassified images, else a score or its negative, so that less is better.

    Without either it is the share of images of another class than the exported model's.
    """
    if row.accuracy is not None:
        return 1 - row.accuracy.value
    if score := _score(row):
        return -score.value if score.higher_is_better else score.value
    return 1 - row.agreeing / row.agreement_samples if row.agreeing is not None and row.agreement_samples else None


# The quantity to minimize for each criterion.
QUANTITIES: Mapping[Criterion, Callable[[Row], float | None]] = {
    Criterion.LATENCY: _cost,
    Criterion.SIZE: _size,
    Criterion.MEMORY: _memory,
    Criterion.ACCURACY: _errors,
}


@value
class Cost:
    """The winner's value for another criterion, and the best value."""

    criterion: Criterion
    winner: float
    best: float

    @property
    def ratio(self) -> float | None:
        return self.winner / self.best if self.best else None

    @property
    def is_best(self) -> bool:
        return self.winner == self.best


@value
class Choice:
    """A choice among the runtimes and precisions of one model on one target."""

    model: str
    target: str
    criterion: Criterion
    counted: bool  # latency is unknown, so instructions are used instead
    winner: Row | None  # None if fewer than two rows have a value
    score: str | None = None  # by which accuracy is judged; None: by the share of images
    costs: tuple[Cost, ...]


def choices(table: Sequence[Row], criterion: Criterion) -> tuple[Choice, ...]:
    """Return a choice for each model, target and number of threads in `table`."""
    return tuple(_choose(cell, criterion) for cell in groups(table, lambda row: (row.model, row.target, row.threads)))


def _choose(cell: Sequence[Row], criterion: Criterion) -> Choice:
    known = [(quantity, row) for row in cell if (quantity := QUANTITIES[criterion](row)) is not None]
    winner = min(known, key=lambda pair: (pair[0], _size(pair[1]) or 0))[1] if len(known) > 1 else None
    costs = []
    score = None if winner is None or winner.accuracy is not None else _score(winner)
    for other, of in QUANTITIES.items():
        own = None if winner is None or other is criterion else of(winner)
        if own is not None:
            costs.append(
                Cost(criterion=other, winner=own, best=min(found for row in cell if (found := of(row)) is not None))
            )
    return Choice(
        model=cell[0].model,
        target=cell[0].target,
        criterion=criterion,
        counted=criterion is Criterion.LATENCY and any(row.emulated for row in cell),
        winner=winner,
        score=None if score is None else score.name,
        costs=tuple(costs),
    )
