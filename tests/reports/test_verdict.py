"""What to deploy: the judgement follows from sizes, paired accuracies and costs, and says how sure it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgetool.measurements.accuracy import Accuracy
from edgetool.models.spec import Precision
from edgetool.models.tasks.base import Score
from edgetool.records.case import Case
from edgetool.reports.board import Phase
from edgetool.reports.exporters.markdown import export_markdown
from edgetool.reports.report import Report
from edgetool.reports.verdict import Reason, Sureness, Verdict
from tests.reports.examples import (
    COUNTED,
    COUNTS,
    EMULATED,
    HALF,
    HOST,
    INT8,
    Entry,
    accuracy,
    entry,
    failed,
    on_board,
    report_of,
)
from tests.support.records import emulated_record, model_spec, record

LARGE = record(target="board", model=replace(INT8, size_bytes=4000), accuracy=accuracy())


def verdict(*entries: Entry) -> Verdict:
    (found,) = report_of(*entries).verdicts
    return found


def board(*, wrong: int = 4, images: int = 360, **changes: Any) -> tuple[Entry, Entry]:
    """fp32 with four wrong images, and int8 with `wrong`."""
    fp32, _ = on_board(accuracy=accuracy(images=images), **changes)
    _, int8 = on_board(accuracy=accuracy(images=images, wrong=wrong), **changes)
    return fp32, int8


def test_a_format_that_is_smaller_as_accurate_and_faster_is_chosen_clearly() -> None:
    found = verdict(*board(images=2000))
    assert (found.title, found.sureness) == ("Deploy int8 on board (clear)", Sureness.CLEAR)
    assert found.reasons == (Reason.SMALLER, Reason.ACCURATE, Reason.FASTER)


def test_a_format_that_loses_more_than_a_point_for_sure_is_not_chosen() -> None:
    found = verdict(*board(wrong=60))
    assert (found.answer, found.sureness) == ("Keep fp32", Sureness.CLEAR)
    assert found.loss is not None
    assert found.loss.share.value == 56 / 360


def test_too_few_images_leave_it_likely() -> None:
    found = verdict(*board(wrong=5, images=100))
    assert (found.answer, found.sureness) == ("Deploy int8", Sureness.LIKELY)
    assert Reason.LIKELY_ACCURATE in found.reasons


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        (board(fast_ns=2_000_000), Reason.SLOWER),
        (board(wrong=9), Reason.LIKELY_LESS_ACCURATE),
        ((on_board()[0], entry(LARGE)), Reason.NOT_SMALLER),
        ((*HOST, *EMULATED), Reason.TIME_UNKNOWN),
        (HOST[:1], Reason.NOTHING_TO_COMPARE),
    ],
)
def test_what_speaks_for_both_or_tells_too_little_is_inconclusive(entries: tuple[Entry, ...], reason: Reason) -> None:
    found = verdict(*entries)
    assert (found.choice, found.sureness) == (None, Sureness.INCONCLUSIVE)
    assert reason in found.reasons


def test_without_labels_no_accuracy_is_known() -> None:
    found = verdict(*on_board(accuracy=replace(accuracy(), labels=None)))
    assert (found.loss, found.choice) == (None, None)
    assert Reason.ACCURACY_UNKNOWN in found.reasons


def scored(
    fp32: float, int8: float, *, better: bool | None = True, noise: float | None = None, samples: int = 40
) -> tuple[Entry, ...]:
    """What doesn't classify, and was judged by a score, whose loss scatters by `noise` from draw to draw."""
    draws: tuple[tuple[float, ...], ...] = ((), ())
    if noise is not None:
        draws = ((fp32,) * 200, tuple(int8 + noise * (-1) ** i for i in range(200)))
    before, after = (
        Score(name="mAP", value=found, samples=samples, higher_is_better=better, resampled=drawn)
        for found, drawn in zip((fp32, int8), draws, strict=True)
    )
    (first, _), (_, second) = (on_board(accuracy=None, scores=(score,)) for score in (before, after))
    return first, second


@pytest.mark.parametrize(
    ("entries", "answer", "reason"),
    [
        (scored(0.4, 0.395), "Deploy int8", Reason.SCORE_LIKELY_KEPT),
        (scored(0.4, 0.395, noise=0.01), "Deploy int8", Reason.SCORE_LIKELY_KEPT),
        (scored(0.4, 0.38), "Inconclusive", Reason.SCORE_LIKELY_LOST),
        (scored(0.4, 0.38, noise=0.01), "Inconclusive", Reason.SCORE_LIKELY_LOST),
        (scored(0.4, 0.4, better=None), "Inconclusive", Reason.SCORE_OPEN),
        (scored(0.0, 0.0), "Inconclusive", Reason.SCORE_ZERO),
        (on_board(accuracy=None), "Inconclusive", Reason.NOT_JUDGED),
    ],
)
def test_what_does_not_classify_is_judged_by_its_score(entries: tuple[Entry, ...], answer: str, reason: Reason) -> None:
    found = verdict(*entries)
    assert (found.answer, found.sureness is Sureness.CLEAR) == (answer, False)
    assert reason in found.reasons


@pytest.mark.parametrize(
    ("int8", "answer", "reason"), [(0.399, "Deploy int8", Reason.SCORE_KEPT), (0.3, "Keep fp32", Reason.SCORE_LOST)]
)
def test_enough_images_make_a_score_clear(int8: float, answer: str, reason: Reason) -> None:
    found = verdict(*scored(0.4, int8, noise=0.001, samples=1000))
    assert (found.answer, found.sureness) == (answer, Sureness.CLEAR)
    assert reason in found.reasons
    assert found.score_loss is not None
    assert found.score_loss.value == pytest.approx(0.4 - int8)


def test_every_reason_of_a_score_has_its_words() -> None:
    told = {
        " ".join(export_markdown(report_of(*entries))["report.md"].decode().split())
        for entries in (
            scored(0.4, 0.399, noise=0.001, samples=1000),
            scored(0.4, 0.395, noise=0.01),
            scored(0.4, 0.38, noise=0.01),
            scored(0.4, 0.3, noise=0.001, samples=1000),
            scored(0.0, 0.0),
        )
    }
    for words in (
        "It loses no more than one point of mAP.",
        "It probably loses no more than one point of mAP, but 40 samples cannot rule out a loss of",
        "It probably loses more than one point of mAP, but 40 samples are too few to be sure.",
        "It loses at least 9.",
        "Its mAP tells nothing, because fp32's own is 0: check that the numbers of the classes",
    ):
        assert any(words in page for page in told), words


def test_labels_that_fp32_meets_no_more_often_than_by_chance_settle_nothing() -> None:
    labels, right = (0, 1, 2, 3) * 90, (0, 1, 2, 3) * 90
    known, shifted = (
        Accuracy(images=360, labels=each, inputs_sha256="b" * 64, predictions=right)
        for each in (labels, (*labels[1:], 0))
    )
    assert verdict(*on_board(accuracy=known)).reasons[1] is Reason.ACCURATE
    found = verdict(*on_board(accuracy=shifted))
    assert (found.answer, found.reasons[1]) == ("Inconclusive", Reason.NO_BETTER_THAN_CHANCE)
    page = export_markdown(report_of(*on_board(accuracy=shifted)))["report.md"].decode()
    assert "fp32 itself is right on 0 of 360 images, which may be chance" in page


def test_the_board_of_a_detector_on_the_host_alone_names_it_and_its_ground_truth() -> None:
    score = Score(name="mAP", value=0.3, samples=16, higher_is_better=True)
    alone = [entry(record(model=model, accuracy=None, scores=(score,))) for model in (model_spec(), INT8)]
    found = {task.title: task.found for task in report_of(*alone).tasks}
    assert found["Choose model and target"] == "tiny on host"
    assert found["Hold out inputs with ground truth"] == "16 samples"


def test_a_precision_alone_shows_its_accuracy_on_the_most_images_and_who_agrees() -> None:
    here = entry(record(model=INT8, accuracy=accuracy(wrong=36)))
    there = entry(emulated_record(model=INT8, accuracy=accuracy(images=40, wrong=2)))
    page = export_markdown(report_of(here, there))["report.md"].decode()
    assert "**Accuracy: 90.0 %**. 95 %: 86.5 % to 92.7 %. 324 of 360 held-out images, on host" in page


def test_the_board_of_a_model_that_came_quantized_asks_for_no_export() -> None:
    def optimizing(parent: str | None) -> list[tuple[str, str, str]]:
        alone = entry(record(model=replace(INT8, parent=parent), accuracy=None))
        return [(t.title, t.progress, t.found) for t in report_of(alone).tasks if t.phase is Phase.OPTIMIZE]

    assert optimizing(None) == [("Take the quantized model as it is", "done", "int8, 1 kB")]
    assert optimizing("b" * 64) == [
        ("Export to ONNX", "open", "no fp32 was measured"),
        ("Quantize", "done", "int8, 1 kB"),
    ]


def test_counts_are_never_clearer_than_likely() -> None:
    found = verdict(*HOST, *COUNTED)
    assert (found.answer, found.sureness) == ("Deploy int8", Sureness.LIKELY)
    assert found.reasons[-1] == Reason.FEWER_INSTRUCTIONS


def test_more_instructions_leave_it_open() -> None:
    more = [emulated_record(model=m, instructions=c) for m, c in ((model_spec(), HALF), (INT8, COUNTS))]
    assert Reason.MORE_INSTRUCTIONS in verdict(*HOST, *map(entry, more)).reasons


def test_the_accuracy_is_that_of_the_target_that_classified_most() -> None:
    loss = verdict(*HOST, *COUNTED).loss
    assert loss is not None
    assert (loss.target, loss.images, loss.correct) == ("host", 360, 356)


def test_a_target_that_classifies_unlike_the_host_is_not_trusted() -> None:
    result, there = board(images=2000)[1]
    assert there is not None
    logits = there.outputs["logits"]
    other = type(there)(record=there.record, outputs={"logits": np.roll(logits, 1, axis=1)})
    found = verdict(*HOST, board(images=2000)[0], (result, other))
    assert found.choice is None
    assert Reason.OUTPUTS_DIFFER in found.reasons


def test_each_target_of_a_sweep_has_its_own_and_the_host_none() -> None:
    report = report_of(*HOST, *on_board("a"), *on_board("b", fast_ns=3_000_000))
    assert [found.title for found in report.verdicts] == ["Deploy int8 on a (clear)", "Inconclusive on b"]


def test_a_target_where_nothing_ran_says_so() -> None:
    report: Report = report_of(failed(Case(model="tiny", precision=Precision.FP32, target="gone", threads=1)))
    (found,) = report.verdicts
    assert (found.reasons, found.candidate) == ((Reason.NOTHING_RAN,), None)


def test_of_two_formats_the_one_that_can_be_chosen_is_judged() -> None:
    dynamic = model_spec(precision=Precision.INT8_DYNAMIC, sha256="d" * 64, size_bytes=900)
    slow = entry(record(target="board", model=dynamic, accuracy=accuracy(images=2000), samples_ns=(9_000_000,) * 30))
    assert verdict(*board(images=2000), slow).answer == "Deploy int8"


def test_a_run_without_the_targets_own_runtime_is_judged_with_the_one_it_has() -> None:
    entries = tuple(entry(recorded.record, "ncnn") for _, recorded in board(images=2000) if recorded is not None)
    assert verdict(*entries).title == "Deploy int8 on board (clear)"


def test_a_target_in_another_runtime_is_judged_and_not_the_host_that_ran_in_its_own() -> None:
    there = tuple(entry(recorded.record, "debian") for _, recorded in board(images=2000) if recorded is not None)
    report = report_of(*HOST, *there)
    assert [found.title for found in report.verdicts] == ["Deploy int8 on board (clear)"]
    assert {task.title: task.found for task in report.tasks}["Run on the target"] == "2 cases"
