"""`edgetool tune`: what is searched, kept and recommended."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgetool.estimates.cores import load_core
from edgetool.estimates.estimate import estimate
from edgetool.models.recipes import Form, Ranges, Recipe, read_recipe
from edgetool.pipeline.candidates import Candidate, recommend
from edgetool.pipeline.costs import estimated_costs
from edgetool.pipeline.search import search
from edgetool.pipeline.tune import passing
from edgetool.records.stats import Interval
from tests.integration.test_own_models import detector, segmenter, two_inputs
from tests.integration.test_own_models import folder as folder
from tests.models.test_layers_of_models import ruined_graph
from tests.support.commands import run_cli
from tests.support.models import save_model, tiny_inputs
from tests.support.records import instruction_mix

KEPT = ((), ("a",))


class Counted:
    """A judge that prefers entropy's ranges, and keeps what it was asked about."""

    def __init__(self) -> None:
        self.asked: list[Recipe] = []

    def __call__(self, recipe: Recipe) -> tuple[float, int] | None:
        self.asked.append(recipe)
        if recipe.form is Form.QOPERATOR:
            return None
        return (30.0 if recipe.ranges is Ranges.ENTROPY else 20.0, 1000 + len(recipe.keep_float))


def test_the_default_recipe_is_tried_first_and_the_best_is_found(tmp_path: Path) -> None:
    judge = Counted()
    found = search(tmp_path / "journal", KEPT, 20, judge)
    assert judge.asked[:2] == [Recipe(), Recipe(keep_float=("a",))]
    assert len(judge.asked) == 20
    assert found[0].ranges is Ranges.ENTROPY
    assert Form.QOPERATOR not in {recipe.form for recipe in found}


def test_types_that_no_runtime_takes_are_never_proposed_and_fp16_only_for_nodes_that_are_kept(tmp_path: Path) -> None:
    judge = Counted()
    search(tmp_path / "journal", KEPT, 40, judge)
    assert ("int8", "uint8") not in {(recipe.activations, recipe.weights) for recipe in judge.asked}
    assert {recipe.kept_in for recipe in judge.asked if not recipe.keep_float} == {"fp32"}
    assert {recipe.kept_in for recipe in judge.asked if recipe.keep_float} == {"fp32", "fp16"}


def test_a_search_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    class Interrupted(Exception):
        pass

    def interrupting(recipe: Recipe) -> tuple[float, int] | None:
        if len(first.asked) == 5:
            raise Interrupted
        return first(recipe)

    first, second, third = Counted(), Counted(), Counted()
    with pytest.raises(Interrupted):
        search(tmp_path / "journal", KEPT, 12, interrupting)
    search(tmp_path / "journal", KEPT, 12, second)
    assert len(first.asked) + len(second.asked) in (11, 12)  # the one that was interrupted counts as a failure
    assert search(tmp_path / "journal", KEPT, 12, third)
    assert third.asked == []


def interval(value: float, half: float = 0.0) -> Interval:
    return Interval(value=value, low=value - half, high=value + half)


FP32 = Candidate(
    recipe=None, size_bytes=4000, signal_to_noise_db=None, accuracy=interval(0.99), cost_ratio=interval(1.0)
)


def int8(*, cost: Interval | None, loss: float = 0.0, half: float = 0.005, snr: float = 20.0) -> Candidate:
    return Candidate(
        recipe=Recipe(),
        size_bytes=1000,
        signal_to_noise_db=snr,
        accuracy=interval(0.99 - loss),
        loss=interval(loss, half),
        cost_ratio=cost,
    )


@pytest.mark.parametrize(
    ("candidates", "best", "is_clear", "says"),
    [
        ([int8(cost=interval(0.5)), int8(cost=interval(0.8))], 1, True, "0.50 of fp32's cost"),
        ([int8(cost=interval(0.5, 0.6))], 1, False, "0.50 of fp32's cost"),
        ([int8(cost=interval(0.5), half=0.05)], 1, False, "loses 0.0 points"),
        ([int8(cost=interval(1.4))], 0, True, "int8 is no cheaper here"),
        ([int8(cost=interval(1.01, 0.1))], 0, False, "int8 is no cheaper here"),
        ([int8(cost=interval(0.4), loss=0.05)], 0, False, "the best loses 5.0 points"),
        ([int8(cost=interval(0.4), loss=0.05), int8(cost=interval(0.6))], 2, True, "0.60 of fp32's cost"),
        ([int8(cost=interval(0.5)), int8(cost=interval(0.505), snr=30)], 2, True, "0.51 of fp32's cost"),
        ([int8(cost=None)], 1, False, "its cost here is not known"),
    ],
)
def test_the_cheapest_that_loses_little_is_recommended_or_else_fp32(
    candidates: list[Candidate], best: int, is_clear: bool, says: str
) -> None:
    found = recommend([FP32, *candidates])
    assert found[:2] == (best, is_clear)
    assert says in found[2]


def test_what_no_metric_judges_is_recommended_by_cost_and_noise_and_never_clearly() -> None:
    unjudged = [replace(int8(cost=interval(0.5), snr=snr), accuracy=None, loss=None) for snr in (20.0, 30.0)]
    best, is_clear, reason = recommend([replace(FP32, accuracy=None), *unjudged])
    assert (best, is_clear) == (2, False)
    assert "30.0 dB against fp32, which no metric judges" in reason


def test_tuning_finds_the_nodes_that_int8_ruins_and_deploys_without_them(tmp_path: Path) -> None:
    """On this machine, where times are real."""
    save_model(tmp_path / "ruined.onnx", ruined_graph())
    held_out = tiny_inputs(24, seed=9)
    np.savez(tmp_path / "images.npz", calibration_images=tiny_inputs(16, seed=5), heldout_images=held_out)
    words = ["tune", "--target", "host", "--model", "ruined.onnx", "--calibration", "images.npz", "--trials", "4"]
    done = run_cli(*words, "-o", "tuned", "--json", cwd=tmp_path)
    assert done.exit_code == 0, done.stderr.decode()
    tuning = json.loads(done.stdout)["tuning"]
    fp32, *others = tuning["candidates"]
    assert (fp32["recipe"], fp32["cost_ratio"]["value"], tuning["unit"]) == (None, 1.0, "ns")
    assert {"spread", "gather"} <= set(
        max(others, key=lambda other: other["signal_to_noise_db"])["recipe"]["keep_float"]
    )
    assert (tmp_path / "tuned" / "pareto.svg").read_text().startswith("<?xml")
    if tuning["best"]:
        chosen = tuning["candidates"][tuning["best"]]["recipe"]
        assert read_recipe(tmp_path / "tuned" / "recipe.json").keep_float == tuple(chosen["keep_float"])


@pytest.mark.parametrize(
    ("make", "task", "data", "judged_by"),
    [
        (detector, "detection", "boxes", "mAP"),
        (segmenter, "segmentation", "pictures.npz", "mIoU against fp32"),
        (two_inputs, "regression", "two.npz", "signal to noise"),
    ],
)
def test_what_does_not_classify_is_judged_by_its_tasks_score_or_by_agreement_in_it(
    folder: Path, make: Callable[[], onnx.ModelProto], task: str, data: str, judged_by: str
) -> None:
    onnx.save(make(), folder / "net.onnx")
    words = ["tune", "--target", "host", "--model", "net.onnx", "--calibration", data, "--task", task, "--trials", "2"]
    done = run_cli(*words, "--json", cwd=folder, timeout_s=300)
    assert done.exit_code == 0, done.stderr.decode()
    tuning = json.loads(done.stdout)["tuning"]
    fp32, *others = tuning["candidates"]
    assert tuning["judged_by"] == judged_by
    if judged_by == "signal to noise":
        assert {candidate["accuracy"] for candidate in tuning["candidates"]} == {None}
    else:
        assert fp32["accuracy"]["value"] == pytest.approx(1.0, abs=1e-3)
        assert all(0 <= other["accuracy"]["value"] <= 1 for other in others)
        assert all(
            other["loss"]["value"] == pytest.approx(fp32["accuracy"]["value"] - other["accuracy"]["value"], abs=1e-5)
            for other in others
        )


def test_costs_on_an_emulator_are_a_cores_estimated_cycles() -> None:
    core = load_core("x60")
    fp32 = instruction_mix(scalar=10_000, vector=20_000, weight=80_000)
    half = instruction_mix(scalar=5_000, vector=10_000, weight=40_000)
    first, second = estimated_costs([fp32, half], core)
    assert first.ratio == Interval(value=1.0, low=1.0, high=1.0)
    assert second.ratio is not None
    assert second.ratio.value == pytest.approx(0.5, rel=0.01)
    whole = estimate(fp32, core)
    assert first.cost == Interval(value=whole.middle, low=whole.low, high=whole.high)


def test_a_candidate_that_is_int8_throughout_reaches_the_end_though_others_are_less_noisy() -> None:
    kept = [(Recipe(keep_float=(f"conv{i}",)), f"kept{i}") for i in range(5)]
    whole = (Recipe(), "whole")
    assert passing([*kept, whole], 4) == [*kept[:3], whole]
    assert passing([whole, *kept], 4) == [whole, *kept[:3]]
    assert passing(kept, 4) == kept[:4]
