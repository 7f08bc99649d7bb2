"""The table of differences of accuracy: int8 from fp32, and targets from the host, on the same images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgetool.models.spec import Precision
from edgetool.platform.columns import Column, Detail, Shown, Table
from edgetool.records.case import OWN_RUNTIME, Case
from edgetool.records.compare import HOST
from edgetool.records.paired import CERTAIN, ClassDifference, Paired, differing_classes, paired
from edgetool.records.record import Record
from edgetool.reports.rows import Entry

CLASSES_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A candidate's accuracy beside a baseline's."""

    case: Case
    baseline: str
    found: Paired
    classes: tuple[ClassDifference, ...]


def differences(entries: Sequence[Entry]) -> Iterator[Difference]:
    """Yield each case beside fp32 in the same place, then beside the same model on the host."""
    records = {result.case: recorded.record for result, recorded in entries if recorded is not None}
    for case, record in records.items():
        for name, baseline in _baselines(case, records):
            if record.accuracy is None or baseline.accuracy is None:
                continue
            if (found := paired(baseline.accuracy, record.accuracy)) is not None:
                classes = differing_classes(baseline.accuracy, record.accuracy)
                yield Difference(case=case, baseline=name, found=found, classes=classes)


def _baselines(case: Case, records: dict[Case, Record]) -> Iterator[tuple[str, Record]]:
    for other, baseline in records.items():
        if other.model != case.model or other.threads != case.threads:
            continue
        of_fp32 = other.precision == Precision.FP32 != case.precision
        if of_fp32 and (other.target, other.runtime) == (case.target, case.runtime):
            yield "fp32", baseline
        of_host = other.target == HOST != case.target and other.runtime == OWN_RUNTIME
        if of_host and other.precision == case.precision:
            yield HOST, baseline


def _loss_text(row: Difference) -> str:
    points = [-100 * share for share in (row.found.loss.value, row.found.loss.high, row.found.loss.low)]
    value, low, high = (f"{point + 0.0:+.1f}".replace("-", "−").replace("+0.0", "0.0") for point in points)
    return f"{value} points ({low} to {high})"


def _p_text(p_value: float) -> str:
    return "< 0.001" if p_value < 0.001 else f"{p_value:.2g}"


def _classes_text(row: Difference) -> str | None:
    texts = [
        f"{each.label}: {each.correct_baseline} → {each.correct_candidate} of {each.images}"
        + (f" (p {_p_text(each.p_value)})" if each.p_value < CERTAIN else "")
        for each in row.classes[:CLASSES_SHOWN]
    ]
    more = len(row.classes) - CLASSES_SHOWN
    return "; ".join([*texts, *([f"{more} more"] if more > 0 else [])]) or None


COLUMNS: tuple[Column[Difference], ...] = (
    Column(title="model", value=lambda row: row.case.model, shown=Shown.IF_VARIED),
    Column(title="precision", value=lambda row: row.case.precision),
    Column(title="target", value=lambda row: row.case.target),
    Column(title="runtime", value=lambda row: row.case.runtime, shown=Shown.IF_VARIED),
    Column(title="threads", value=lambda row: row.case.threads, format=str, shown=Shown.IF_VARIED),
    Column(title="beside", value=lambda row: row.baseline),
    Column(title="images", value=lambda row: row.found.images, format=str),
    Column(
        title="changed",
        value=lambda row: f"{row.found.only_candidate} right, {row.found.only_baseline} wrong",
        meaning="images that only one of the two got right: became right, became wrong",
    ),
    Column(title="accuracy", value=_loss_text, meaning="the difference with its 95 % interval (Agresti & Min 2005)"),
    Column(
        title="p",
        value=lambda row: row.found.p_value,
        format=_p_text,
        meaning="McNemar's exact test of equal accuracy (McNemar 1947); below 0.05 the two differ",
    ),
    Column(title="verdict", value=lambda row: row.found.verdict, detail=Detail.BRIEF),
    Column(
        title="classes",
        value=_classes_text,
        shown=Shown.IF_ANY,
        meaning="labels of which the two got different numbers right, the most certain first, with McNemar's p where "
        "it is below 0.05 after Holm's correction for the number of classes",
    ),
)


def differences_table(entries: Sequence[Entry]) -> Table[Difference]:
    return Table(caption="Differences of accuracy", columns=COLUMNS, rows=tuple(differences(entries)))
