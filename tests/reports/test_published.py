"""Published figures beside what was measured on the same core."""

from __future__ import annotations

from typing import Any

import pytest

from edgetool.boards.facts import BoardFacts
from edgetool.estimates.published import read_published
from edgetool.models.spec import Precision, TensorSpec
from edgetool.records.record import Record
from edgetool.reports.exporters.markdown import export_markdown
from edgetool.reports.published import standings
from tests.reports.examples import entry, report_of
from tests.support.records import emulated_record, environment, model_spec, record

BOARD = environment(board=BoardFacts(model="spacemit k1-x deb1 board", cpu="Spacemit(R) X60"))
MODEL = {
    "name": "mobilenet_v2",
    "precision": Precision.INT8,
    "inputs": (TensorSpec(name="input", dtype="float32", shape=(1, 3, 224, 224)),),
}


def on_board(**changes: Any) -> Record:
    whole = {"model": model_spec(**MODEL), "environment": BOARD, "target": "bananapi-f3"}
    return record(**{**whole, "samples_ns": (56_800_000,) * 30, **changes})


def test_a_time_on_a_known_board_stands_beside_each_figure_of_its_core() -> None:
    found = standings([on_board()])
    assert {standing.figure.core for standing in found} == {"x60"}
    assert next(standing.ratio for standing in found if standing.figure.ms == 28.4) == pytest.approx(2)


@pytest.mark.parametrize(
    "other",
    [
        on_board(environment=environment(board=BoardFacts(cpu="Cortex-A72"))),
        on_board(environment=environment(board=None)),
        on_board(model=model_spec(**{**MODEL, "inputs": model_spec().inputs})),
        on_board(model=model_spec(**{**MODEL, "name": "resnet18"})),
        emulated_record(model=model_spec(**MODEL)),
    ],
)
def test_another_board_model_or_input_and_an_emulator_stand_to_none(other: Record) -> None:
    assert standings([other]) == ()


def test_the_report_names_figure_and_source() -> None:
    page = export_markdown(report_of(entry(on_board())))["report.md"].decode()
    assert "Published figures" in page
    assert "28.4 ms" in page
    assert "modelzoo" in page
    assert b"Published figures" not in export_markdown(report_of(entry(record())))["report.md"]


def test_every_core_with_figures_has_words_to_tell_it_by() -> None:
    published = read_published()
    assert {figure.core for figure in published.figure} <= published.boards.keys()
