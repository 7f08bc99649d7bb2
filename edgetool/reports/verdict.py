"""What to deploy and why: a verdict on the precisions measured on one target, with its confidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum, StrEnum

from edgetool.models.spec import Precision
from edgetool.models.tasks.base import Score
from edgetool.platform.values import value
from edgetool.records.compare import HOST
from edgetool.records.paired import paired, paired_score
from edgetool.records.record import Recorded
from edgetool.records.stats import Interval, proportion
from edgetool.reports.rows import Entry, Row, groups

ACCEPTED_LOSS = 0.01  # of accuracy
EFFECT = 0.02  # smallest relevant difference of times
SAME_CLASS = 0.99  # of the images that host and target both classified


class Sureness(StrEnum):
    CLEAR = "clear"  # measured on the target itself, and the intervals leave no doubt
    LIKELY = "likely"  # all evidence supports it, but an interval or a substitute for time leaves doubt
    INCONCLUSIVE = "inconclusive"  # the evidence is mixed or insufficient


class Says(IntEnum):
    """What a reason implies for the judged precision, weakest first."""

    FOR, LIKELY_FOR, OPEN, AGAINST = range(4)


class Reason(StrEnum):
    """The reasons of a verdict. Their wording is in the section's template."""

    SMALLER = "smaller"
    NOT_SMALLER = "not-smaller"
    ACCURATE = "accurate"
    LIKELY_ACCURATE = "likely-accurate"
    LIKELY_LESS_ACCURATE = "likely-less-accurate"
    LESS_ACCURATE = "less-accurate"
    ACCURACY_UNKNOWN = "accuracy-unknown"
    NO_BETTER_THAN_CHANCE = "no-better-than-chance"
    SCORE_KEPT = "score-kept"
    SCORE_LIKELY_KEPT = "score-likely-kept"
    SCORE_LIKELY_LOST = "score-likely-lost"
    SCORE_LOST = "score-lost"
    SCORE_OPEN = "score-open"
    SCORE_ZERO = "score-zero"
    NOT_JUDGED = "not-judged"
    FASTER = "faster"
    AS_FAST = "as-fast"
    SLOWER = "slower"
    TIME_INCONCLUSIVE = "time-inconclusive"
    TIMED_APART = "timed-apart"
    FEWER_INSTRUCTIONS = "fewer-instructions"
    MORE_INSTRUCTIONS = "more-instructions"
    TIME_UNKNOWN = "time-unknown"
    OUTPUTS_DIFFER = "outputs-differ"
    NOTHING_TO_COMPARE = "nothing-to-compare"
    NOTHING_RAN = "nothing-ran"


SAYS = {
    Reason.SMALLER: Says.FOR,
    Reason.NOT_SMALLER: Says.OPEN,
    Reason.ACCURATE: Says.FOR,
    Reason.LIKELY_ACCURATE: Says.LIKELY_FOR,
    Reason.LIKELY_LESS_ACCURATE: Says.OPEN,
    Reason.LESS_ACCURATE: Says.AGAINST,
    Reason.ACCURACY_UNKNOWN: Says.OPEN,
    Reason.NO_BETTER_THAN_CHANCE: Says.OPEN,  # labels or preprocessing are not the model's: what int8 loses is not seen
    Reason.SCORE_KEPT: Says.FOR,
    Reason.SCORE_LIKELY_KEPT: Says.LIKELY_FOR,
    Reason.SCORE_LIKELY_LOST: Says.OPEN,
    Reason.SCORE_LOST: Says.AGAINST,
    Reason.SCORE_OPEN: Says.OPEN,  # which way is better, or how much is little, only its author knows
    Reason.SCORE_ZERO: Says.OPEN,
    Reason.NOT_JUDGED: Says.OPEN,
    Reason.FASTER: Says.FOR,
    Reason.AS_FAST: Says.FOR,
    Reason.SLOWER: Says.OPEN,  # smaller but slower: which matters more is for the user to decide
    Reason.TIME_INCONCLUSIVE: Says.OPEN,
    Reason.TIMED_APART: Says.LIKELY_FOR,
    Reason.FEWER_INSTRUCTIONS: Says.LIKELY_FOR,
    Reason.MORE_INSTRUCTIONS: Says.OPEN,
    Reason.TIME_UNKNOWN: Says.OPEN,
    Reason.OUTPUTS_DIFFER: Says.OPEN,
    Reason.NOTHING_TO_COMPARE: Says.OPEN,
    Reason.NOTHING_RAN: Says.OPEN,
}


@value
class Loss:
    """The accuracy that a precision loses relative to fp32, on images that both classified on one target."""

    target: str
    images: int
    correct: int  # in the precision
    correct_fp32: int
    classes: int  # that the labels tell apart
    share: Interval  # of the images; negative for a gain
    p_value: float = 1.0  # of McNemar's test of equal accuracy

    @property
    def fp32_guesses(self) -> bool:
        """Whether fp32 may be right no more often than by chance, by its 95 % interval."""
        return self.classes > 1 and proportion(self.correct_fp32, self.images).low <= 1 / self.classes


@value
class Verdict:
    """The verdict for one model on one target."""

    model: str
    target: str
    threads: int
    emulated: bool
    candidate: Row | None  # the precision judged; None if nothing ran
    fp32: Row | None  # the precision it is compared with
    loss: Loss | None
    choice: str | None  # a precision; None if nothing is chosen
    sureness: Sureness
    reasons: tuple[Reason, ...]
    score: Score | None = None  # of a model that does not classify, and fp32's on as many samples
    score_fp32: Score | None = None
    score_loss: Interval | None = None  # relative to fp32, on the same samples; negative for a gain

    @property
    def title(self) -> str:
        """A title such as "Deploy int8 on qemu-riscv64, 2 threads (likely)"."""
        sureness = "" if self.sureness is Sureness.INCONCLUSIVE else f" ({self.sureness})"
        threads = f", {self.threads} threads" if self.threads > 1 else ""
        return f"{self.answer} on {self.target}{threads}{sureness}"

    @property
    def answer(self) -> str:
        if self.candidate is not None and self.reasons == (Reason.NOTHING_TO_COMPARE,):
            return f"{self.candidate.precision} runs"
        if self.choice is None or self.candidate is None:
            return "Inconclusive"
        return f"Deploy {self.choice}" if self.choice == self.candidate.precision else f"Keep {self.choice}"


def verdicts(entries: Sequence[Entry], table: Sequence[Row]) -> tuple[Verdict, ...]:
    """Return a verdict for each model, target and number of threads with the deployed runtime.

    The host gets one only if there is no other target. `table` has the rows of `entries`.
    """
    deployed = [row for row in table if row.is_deployed]
    wanted = [row for row in deployed if row.target != HOST] or deployed
    return tuple(_judge(entries, cell) for cell in groups(wanted, lambda row: (row.model, row.target, row.threads)))


def _judge(entries: Sequence[Entry], cell: Sequence[Row]) -> Verdict:
    ran = [row for row in cell if row.failure is None]
    fp32 = next((row for row in ran if row.precision == Precision.FP32), None)
    candidates = [row for row in ran if row is not fp32]
    if fp32 is None or not candidates:
        reason = Reason.NOTHING_TO_COMPARE if ran else Reason.NOTHING_RAN
        return _verdict(cell, ran[0] if ran else None, None, None, [reason])
    judged = []
    for row in candidates:
        loss = loss_to_fp32(entries, row)
        score_loss = loss_of_score(entries, row)
        judged.append(_verdict(cell, row, fp32, loss, list(_reasons(row, fp32, loss, score_loss)), score_loss))
    return min(judged, key=_strength)


def _strength(verdict: Verdict) -> tuple[bool, int, float]:
    """Return a sort key that puts chosen precisions first, then more certain and smaller ones."""
    row = verdict.candidate
    chosen = row is not None and verdict.choice == row.precision
    return (not chosen, list(Sureness).index(verdict.sureness), 0 if row is None else row.size_bytes or 0)


def _verdict(
    cell: Sequence[Row],
    candidate: Row | None,
    fp32: Row | None,
    loss: Loss | None,
    reasons: Sequence[Reason],
    score_loss: Interval | None = None,
) -> Verdict:
    strongest = max(SAYS[reason] for reason in reasons)
    pair = None if candidate is None or fp32 is None or candidate.classifies else judged_by(candidate, fp32)
    choice, sureness = {
        Says.FOR: (candidate, Sureness.CLEAR),
        Says.LIKELY_FOR: (candidate, Sureness.LIKELY),
        Says.OPEN: (None, Sureness.INCONCLUSIVE),
        Says.AGAINST: (fp32, Sureness.CLEAR),
    }[strongest]
    return Verdict(
        model=cell[0].model,
        target=cell[0].target,
        threads=cell[0].threads,
        emulated=any(row.emulated for row in cell),
        candidate=candidate,
        fp32=fp32,
        loss=loss,
        score=None if pair is None else pair[0],
        score_fp32=None if pair is None else pair[1],
        score_loss=None if pair is None else score_loss,
        choice=None if choice is None else choice.precision,
        sureness=sureness,
        reasons=tuple(reasons),
    )


def _reasons(row: Row, fp32: Row, loss: Loss | None, score_loss: Interval | None) -> Iterator[Reason]:
    yield Reason.SMALLER if (row.size_bytes or 0) < (fp32.size_bytes or 0) else Reason.NOT_SMALLER
    yield _of_accuracy(loss) if row.classifies else _of_scores(row, fp32, score_loss)
    yield _of_cost(row)
    if row.ratio_in_turn is False:
        yield Reason.TIMED_APART
    if row.same_predictions is not None and row.same_predictions < SAME_CLASS * (row.compared_samples or 0):
        yield Reason.OUTPUTS_DIFFER


def _of_accuracy(loss: Loss | None) -> Reason:
    if loss is None:
        return Reason.ACCURACY_UNKNOWN
    if loss.fp32_guesses:
        return Reason.NO_BETTER_THAN_CHANCE
    if loss.share.high <= ACCEPTED_LOSS:
        return Reason.ACCURATE
    if loss.share.low > ACCEPTED_LOSS:
        return Reason.LESS_ACCURATE
    return Reason.LIKELY_ACCURATE if loss.share.value <= ACCEPTED_LOSS else Reason.LIKELY_LESS_ACCURATE


def judged_by(row: Row, fp32: Row) -> tuple[Score, Score] | None:
    """Return the first score that both rows have on equally many samples: the row's, and fp32's."""
    for score in row.scores:
        beside = fp32.score(score.name)
        if beside is not None and beside.samples == score.samples:
            return score, beside
    return None


def _of_scores(row: Row, fp32: Row, loss: Interval | None) -> Reason:
    pair = judged_by(row, fp32)
    if pair is None:
        return Reason.NOT_JUDGED
    score, before = pair
    if not score.has_points:
        return Reason.SCORE_OPEN
    if before.value == 0:
        return Reason.SCORE_ZERO
    if loss is not None and loss.high <= ACCEPTED_LOSS:
        return Reason.SCORE_KEPT
    if loss is not None and loss.low > ACCEPTED_LOSS:
        return Reason.SCORE_LOST
    return Reason.SCORE_LIKELY_KEPT if before.value - score.value <= ACCEPTED_LOSS else Reason.SCORE_LIKELY_LOST


def _of_cost(row: Row) -> Reason:
    """Judge by time if it is meaningful, otherwise by instructions."""
    if row.ratio is not None:
        return judge_time(row.ratio)
    if row.instructions_ratio is None:
        return Reason.TIME_UNKNOWN
    return Reason.FEWER_INSTRUCTIONS if row.instructions_ratio < 1 else Reason.MORE_INSTRUCTIONS


def judge_time(ratio: Interval) -> Reason:
    """Compare times: faster or slower if the interval excludes 1 and the effect is relevant.

    As fast if the interval contains no relevant effect.
    """
    if ratio.low >= 1 - EFFECT and ratio.high <= 1 + EFFECT:
        return Reason.AS_FAST
    if ratio.high < 1 and ratio.value < 1 - EFFECT:
        return Reason.FASTER
    return Reason.SLOWER if ratio.low > 1 and ratio.value > 1 + EFFECT else Reason.TIME_INCONCLUSIVE


def loss_to_fp32(entries: Sequence[Entry], row: Row) -> Loss | None:
    """Return the loss on the target that classified the most images with both models, preferring this one."""
    found = [loss for target in dict.fromkeys(r.case.target for r, _ in entries) if (loss := _on(entries, row, target))]
    return max(found, key=lambda loss: (loss.images, loss.target == row.target), default=None)


def loss_of_score(entries: Sequence[Entry], row: Row, name: str | None = None) -> Interval | None:
    """Return how much a share loses relative to fp32 on the same samples and target: the first score, or the named one.

    None where the score has no draws, or is no share of which more is better.
    """
    fp32, own = (_recorded(entries, row, row.target, precision) for precision in (Precision.FP32, row.precision))
    if fp32 is None or own is None or row.precision == Precision.FP32:
        return None
    before = {score.name: score for score in fp32.record.scores}
    for score in own.record.scores:
        if name in (None, score.name) and (found := before.get(score.name)) is not None:
            return paired_score(found, score)
    return None


def _on(entries: Sequence[Entry], row: Row, target: str) -> Loss | None:
    fp32, own = (_recorded(entries, row, target, precision) for precision in (Precision.FP32, row.precision))
    if fp32 is None or own is None or fp32.record.accuracy is None or own.record.accuracy is None:
        return None
    found = paired(fp32.record.accuracy, own.record.accuracy)
    if found is None:
        return None
    return Loss(
        target=target,
        images=found.images,
        correct=found.correct_candidate,
        correct_fp32=found.correct_baseline,
        classes=len(set((own.record.accuracy.labels or ())[: found.images])),
        share=found.loss,
        p_value=found.p_value,
    )


def _recorded(entries: Sequence[Entry], row: Row, target: str, precision: str) -> Recorded | None:
    wanted = (row.model, precision, target, row.runtime)
    return next(
        (
            recorded
            for result, recorded in entries
            if (c := result.case) and (c.model, c.precision, c.target, c.runtime) == wanted and recorded is not None
        ),
        None,
    )
