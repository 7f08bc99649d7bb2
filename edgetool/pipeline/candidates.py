"""The candidates of a tuning, and which of them to deploy."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.models.recipes import Recipe
from edgetool.platform.values import NonNegative, value
from edgetool.records.stats import Interval, exactly
from edgetool.reports.verdict import ACCEPTED_LOSS, EFFECT


@value
class Candidate:
    """fp32, or a recipe, with what was found of it; None was not asked or can't be told."""

    recipe: Recipe | None  # None: fp32
    size_bytes: NonNegative
    signal_to_noise_db: float | None
    accuracy: Interval | None = None  # or mAP, or mIoU, on all of the held-out images; without labels of how far it
    # agrees with fp32; None where only signal to noise judges
    loss: Interval | None = None  # of it against fp32, on the same images
    cost: Interval | None = None  # on the target, in the tuning's unit
    cost_ratio: Interval | None = None  # ÷ that of fp32

    @property
    def title(self) -> str:
        return "fp32" if self.recipe is None else self.recipe.title


def recommend(candidates: Sequence[Candidate], interval: str = "95 %") -> tuple[int, bool, str]:
    """The index of what to deploy, whether that is clear, and why; the first candidate is fp32.

    The cheapest of those that lose a point of accuracy at most; of two within 2 % the more accurate one. Where costs
    are unknown, size is the cost. `interval` says what those of the costs are.
    """
    fp32 = candidates[0]
    fit = [i for i, entry in enumerate(candidates[1:], 1) if entry.loss is None or entry.loss.value <= ACCEPTED_LOSS]
    if not fit:
        least = min((entry.loss.value for entry in candidates[1:] if entry.loss is not None), default=0.0)
        return 0, False, f"every int8 candidate loses more than a point; the best loses {least * 100:.1f} points"
    known = [i for i in fit if candidates[i].cost_ratio is not None]
    if not known:
        best = max(fit, key=lambda i: _quality(candidates[i]))
        size = candidates[best].size_bytes / fp32.size_bytes
        return best, False, f"{_loss_text(candidates[best])}, {size:.0%} of fp32's size; its cost here is not known"
    cheapest = min(_ratio(candidates[i]).value for i in known)
    near = [i for i in known if _ratio(candidates[i]).value <= cheapest * (1 + EFFECT)]
    best = max(near, key=lambda i: _quality(candidates[i]))
    found = _ratio(candidates[best])
    text = f"{found.value:.2f} of fp32's cost ({interval}: {found.low:.2f} to {found.high:.2f})"
    if found.value >= 1 - EFFECT:
        return 0, found.low > 1, f"int8 is no cheaper here: the cheapest that fits takes {text}"
    loss = candidates[best].loss
    is_clear = found.high < 1 - EFFECT and loss is not None and loss.high <= ACCEPTED_LOSS
    return best, is_clear, f"{text}, {_loss_text(candidates[best])}"


def _ratio(candidate: Candidate) -> Interval:
    return candidate.cost_ratio or exactly(float("inf"))


def _quality(candidate: Candidate) -> tuple[float, float]:
    return (candidate.accuracy.value if candidate.accuracy else 0.0, candidate.signal_to_noise_db or 0.0)


def _loss_text(candidate: Candidate) -> str:
    loss = candidate.loss
    if loss is None:
        noise = candidate.signal_to_noise_db
        return "its loss is not known" if noise is None else f"{noise:.1f} dB against fp32, which no metric judges"
    return f"loses {loss.value * 100:.1f} points (95 %: {loss.low * 100:.1f} to {loss.high * 100:.1f})"
