"""Which runtime to ship: the best by the criterion that the user gives, and what it costs by the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from edgetool.platform.values import value
from edgetool.records.results import Criterion
from edgetool.reports.rows import Row, groups


def _cost(row: Row) -> float | None:
    """Time where a board's clock took it, else weighted instructions: never compared with one another."""
    if row.latency is not None and not row.emulated:
        return float(row.latency.p50_ns)
    return None if row.instructions_weighted is None else float(row.instructions_weighted)


def _size(row: Row) -> float | None:
    return None if row.size_bytes is None or row.library_bytes is None else float(row.size_bytes + row.library_bytes)


def _memory(row: Row) -> float | None:
    """None under an emulator, whose own memory is in the number."""
    return None if row.peak_rss_bytes is None or row.emulated else float(row.peak_rss_bytes)


def _errors(row: Row) -> float | None:
    """The share of the images that were classified wrongly, or unlike the exported model where there are no labels."""
    if row.accuracy is not None:
        return 1 - row.accuracy.value
    return 1 - row.agreeing / row.agreement_samples if row.agreeing is not None and row.agreement_samples else None


# What is to be small.
QUANTITIES: Mapping[Criterion, Callable[[Row], float | None]] = {
    Criterion.LATENCY: _cost,
    Criterion.SIZE: _size,
    Criterion.MEMORY: _memory,
    Criterion.ACCURACY: _errors,
}


@value
class Cost:
    """What the winner has of another criterion's quantity, beside the best there is."""

    criterion: Criterion
    winner: float
    best: float

    @property
    def ratio(self) -> float | None:
        return self.winner / self.best if self.best else None


@value
class Choice:
    """Among the runtimes and precisions of one model on one target."""

    model: str
    target: str
    criterion: Criterion
    counted: bool  # a latency is unknown, and instructions stand in for it
    winner: Row | None  # None where the criterion's quantity is not known of two rows
    costs: tuple[Cost, ...]


def choices(table: Sequence[Row], criterion: Criterion) -> tuple[Choice, ...]:
    """One for each model, target and number of threads of `table`."""
    return tuple(_choose(cell, criterion) for cell in groups(table, lambda row: (row.model, row.target, row.threads)))


def _choose(cell: Sequence[Row], criterion: Criterion) -> Choice:
    known = [(quantity, row) for row in cell if (quantity := QUANTITIES[criterion](row)) is not None]
    winner = min(known, key=lambda pair: (pair[0], _size(pair[1]) or 0))[1] if len(known) > 1 else None
    costs = []
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
        costs=tuple(costs),
    )
