"""Two records side by side, and the doubts about each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgetool.boards.facts import BoardFacts
from edgetool.errors import CompareError
from edgetool.measurements.accuracy import Accuracy
from edgetool.records.caveats import Caveat, caveats_of
from edgetool.records.compare import compare, output_difference
from edgetool.records.record import Record
from tests.support.records import emulated_record, environment, model_spec, record


def accuracy(images: int) -> Accuracy:
    return Accuracy(images=images, inputs_sha256="b" * 64, predictions=(1,) * images)


def test_an_unremarkable_record_has_no_caveats() -> None:
    assert caveats_of(record()) == ()


@pytest.mark.parametrize(
    ("doubtful", "caveat"),
    [
        (emulated_record(), Caveat.EMULATED),
        (record(samples_ns=(1_000_000,) * 19), Caveat.FEW_SAMPLES),
        (record(samples_ns=tuple(1_000_000 + 10_000 * (i * 37 % 100) for i in range(100))), Caveat.UNSTABLE),
        (record(first_run_ns=3_000_000), Caveat.SLOW_FIRST_RUN),
        (record(before=BoardFacts(governor="powersave")), Caveat.GOVERNOR),
        (record(before=BoardFacts(load_1min=1.5)), Caveat.BUSY),
        (record(after=BoardFacts(throttle_flags=0x50005)), Caveat.THROTTLED),
        (record(after=BoardFacts(cooling_steps=2)), Caveat.THROTTLED),
        (
            record(before=BoardFacts(throttle_flags=0), after=BoardFacts(throttle_flags=0x40000)),
            Caveat.THROTTLED,
        ),
        (record(model=model_spec(accuracy_means_something=False)), Caveat.RANDOM_WEIGHTS),
        (record(accuracy=accuracy(40)), Caveat.FEW_IMAGES),
    ],
)
def test_each_doubt_follows_from_the_record_alone(doubtful: Record, caveat: Caveat) -> None:
    assert caveats_of(doubtful) == (caveat,)


@pytest.mark.parametrize(
    "facts", [BoardFacts(governor="performance"), BoardFacts(load_1min=0.9), BoardFacts(throttle_flags=0x50000), None]
)
def test_a_quiet_machine_is_not_doubted(facts: BoardFacts | None) -> None:
    assert caveats_of(record(before=facts)) == ()


@pytest.mark.parametrize("caveat", list(Caveat))
def test_every_caveat_has_a_text_and_a_remedy(caveat: Caveat) -> None:
    assert caveat.text
    assert caveat.remedy


def test_a_record_compared_with_itself_differs_in_nothing() -> None:
    found = compare(record(), record())
    assert found.latency is not None
    assert (found.latency.value, found.size, found.caveats) == (1, 1, ())


def test_the_candidate_is_measured_against_the_baseline() -> None:
    slow = record(samples_ns=(3_000_000,) * 30, first_run_ns=3_000_000, model=model_spec(size_bytes=1000))
    found = compare(record(samples_ns=(1_500_000,) * 30), slow)
    assert found.latency is not None
    assert (found.latency.value, found.size) == (2, 0.25)


@pytest.mark.parametrize(
    "other",
    [
        record(model=model_spec(name="other")),
        record(model=model_spec(inputs=(replace(model_spec().inputs[0], shape=(1, 3, 32, 32)),))),
        record(inputs_sha256="c" * 64),
    ],
)
def test_records_of_another_model_or_other_inputs_are_refused(other: Record) -> None:
    with pytest.raises(CompareError):
        compare(record(), other)


def test_differences_between_the_two_are_caveats() -> None:
    loaded = environment().runtime
    assert loaded is not None
    newer = environment(runtime=replace(loaded, version="1.23.2"))
    other = record(environment=newer, model=model_spec(sha256="c" * 64))
    assert compare(record(), other).caveats == (Caveat.DIFFERENT_RUNTIME, Caveat.DIFFERENT_MODEL)


def test_times_of_one_target_that_were_not_taken_in_turn_say_so() -> None:
    assert compare(record(), record(session_load_ns=1)).caveats == (Caveat.APART,)
    assert compare(record(), record(target="board", session_load_ns=1)).caveats == ()


def test_the_caveats_of_both_are_the_comparisons() -> None:
    found = compare(record(first_run_ns=9_000_000), emulated_record())
    assert set(found.caveats) == {Caveat.SLOW_FIRST_RUN, Caveat.EMULATED}


def outputs(*rows: list[float]) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
    return {"logits": np.asarray(rows, dtype=np.float32)}


def test_outputs_differ_by_the_largest_distance_and_in_the_largest_class() -> None:
    found = output_difference(outputs([0, 4], [2, 1]), outputs([0, 4], [1, 2]), classes=True)
    assert found is not None
    assert (found.samples, found.max_abs, found.max_abs_relative, found.same_top1) == (2, 1, 0.25, 1)


def test_only_the_samples_that_both_have_are_compared() -> None:
    found = output_difference(outputs([0, 4], [2, 1]), outputs([0, 4]), classes=True)
    assert found is not None
    assert (found.samples, found.max_abs) == (1, 0)


@pytest.mark.parametrize("other", [{}, {"other": np.zeros((1, 2))}, {"logits": np.zeros((1, 3))}])
def test_outputs_that_share_nothing_have_no_difference(other: dict[str, Any]) -> None:
    assert output_difference(outputs([0, 4]), other, classes=True) is None


def test_one_image_has_a_class_too() -> None:
    found = output_difference(outputs([0, 4]), outputs([0, 3]), classes=True)
    assert found is not None
    assert found.same_top1 == 1


def test_what_does_not_classify_is_compared_as_tensors() -> None:
    found = output_difference(outputs([3, 4]), outputs([3, 3]), classes=False)
    assert found is not None
    assert found.same_top1 is None
    assert found.signal_to_noise_db == pytest.approx(10 * np.log10(25))
    assert found.cosine == pytest.approx(21 / (5 * np.sqrt(18)))


@pytest.mark.parametrize(
    "shape", [(4, 1, 8, 8), (4, 21, 8, 8), (4, 1), (4,)], ids=["mask", "segments", "score", "flat"]
)
def test_only_logits_have_a_class(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).standard_normal(shape)
    found = output_difference({"mask": array}, {"mask": array}, classes=True)
    assert found is not None
    assert (found.max_abs, found.same_top1) == (0, None)


def test_records_of_which_one_was_not_timed_have_no_ratio() -> None:
    assert compare(record(), record(timing=None)).latency is None
