"""Each page and each filter, run by Streamlit's own tester on real runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from edgetool.dashboard.shelf import LATEST, cells, read_report
from edgetool.models.tasks.base import Score
from edgetool.records.case import CaseResult
from edgetool.records.goals import Metric
from edgetool.records.results import run_folders
from edgetool.records.underway import Underway, write_underway
from edgetool.reports.report import Report
from tests.dashboard.conftest import DAY, HOSTILE, entries
from tests.support.records import record, recorded, stored_run

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
testing = pytest.importorskip("streamlit.testing.v1", reason="pip install edgetool[dashboard]")
PAGES = ("Runs", "History", "Latency", "Size, accuracy, cost", "Operators", "Pictures", "At work")


def program(root: str) -> None:
    from pathlib import Path

    from edgetool.dashboard.app import main

    main(Path(root))


def opened(root: Path, page: str = "Runs", state: Mapping[str, object] | None = None) -> AppTest:
    """A page as it is after a click on its name."""
    app: AppTest = testing.AppTest.from_function(program, args=(str(root),), default_timeout=60)
    for key, chosen in {"page": page, **(state or {})}.items():
        app.session_state[key] = chosen
    app.run()
    assert [error.value for error in app.exception] == []
    return app


def texts(app: AppTest) -> str:
    return "\n".join(each.value for each in app.text)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_without_an_error(runs: Path, page: str) -> None:
    app = opened(runs, page)
    assert app.title[0].value == page


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_an_empty_folder_says_so(tmp_path: Path, page: str) -> None:
    app = opened(tmp_path, page)
    assert "no run" in texts(app).lower()


@pytest.mark.parametrize(
    ("name", "chosen", "left"),
    [("Model", ["tiny"], 12), ("Precision", ["int8"], 6), ("Target", ["host"], 6), ("Runtime", ["auto"], 12)],
)
def test_a_filter_leaves_what_it_admits(runs: Path, name: str, chosen: list[str], left: int) -> None:
    assert len(opened(runs).dataframe[0].value) == 12
    assert len(opened(runs, state={name: chosen}).dataframe[0].value) == left


def test_no_time_of_an_emulator_is_in_the_table_of_runs(runs: Path) -> None:
    table = opened(runs).dataframe[0].value
    emulated = table[table["target"] == "qemu-riscv64 (emulated)"]
    assert len(emulated) == 6
    assert emulated["p50 [ms]"].isna().all()
    assert table[table["target"] == "host"]["p50 [ms]"].notna().all()


def test_the_latest_runs_are_read_first_and_the_others_when_they_are_asked_for(tmp_path: Path) -> None:
    for day in range(LATEST + 1):
        stored_run(tmp_path / f"run{day:02}", *entries(day))
    app = opened(tmp_path)
    assert len(set(app.dataframe[0].value["run"])) == LATEST
    assert "run00" not in set(app.dataframe[0].value["run"])
    app.toggle(key="all").set_value(True).run()
    assert len(set(app.dataframe[0].value["run"])) == LATEST + 1


def test_a_filter_is_a_choice_beside_the_page(runs: Path) -> None:
    app = opened(runs)
    app.multiselect(key="Precision").select("int8").run()
    assert set(app.dataframe[0].value["precision"]) == {"int8"}


def test_a_history_has_a_point_for_each_run_in_order(runs: Path) -> None:
    app = opened(runs, "History", {"Target": ["host"], "Precision": ["int8"]})
    assert app.selectbox(key="metric").value == Metric.P50_MS
    assert list(app.dataframe[0].value["steps"]) == ["too few runs"]
    points = app.dataframe[1].value
    assert list(points["value"]) == [1.0145, 1.0245, 1.0345]
    assert list(points["run"]) == ["run0", "run1", "run2"]


def test_each_score_has_a_history_under_its_name(tmp_path: Path) -> None:
    scores = (Score(name="mAP", value=0.31, samples=40), Score(name=HOSTILE, value=0.5, samples=40))
    stored_run(tmp_path / "run", recorded(record(accuracy=None, scores=scores)))
    app = opened(tmp_path, "History", {"metric": "mAP"})
    assert app.selectbox(key="metric").options[:2] == ["mAP", HOSTILE]
    assert list(app.dataframe[1].value["value"]) == [0.31]
    assert "mAP" in app.dataframe[1].proto.columns


def test_a_record_that_was_kept_by_a_later_run_is_one_point(tmp_path: Path) -> None:
    for name in ("first", "second"):
        stored_run(tmp_path / name, *entries(0))
    assert len(opened(tmp_path, "History").dataframe[1].value) == 2


def test_no_time_of_an_emulator_is_among_the_latencies(runs: Path) -> None:
    app = opened(runs, "Latency")
    assert all("qemu" not in option for option in app.multiselect(key="cases").options)
    assert "emulator" in texts(app)


def test_what_no_other_case_beats_comes_first(runs: Path) -> None:
    from edgetool.dashboard.views.accuracy import COSTS, tradeoffs

    reports = [found for folder in run_folders(runs) if isinstance(found := read_report(folder), Report)]
    points = tradeoffs(cells(reports), COSTS[0])
    # The most accurate and the smallest, each on the day on which it was fastest.
    assert [(point["case"], point["run"]) for point in points if point["best"]] == [
        ("tiny fp32 on host", "run0"),
        ("tiny int8 on host", "run0"),
    ]
    assert not any(point["best"] for point in points[2:])


def test_operators_stand_beside_each_other(runs: Path) -> None:
    points = opened(runs, "Operators").dataframe[0].value
    assert set(points["case"]) == {f"tiny {p} on {t}" for p in ("fp32", "int8") for t in ("host", "qemu-riscv64")}


def test_images_that_changed_class_come_first_with_every_answer(runs: Path) -> None:
    said = texts(opened(runs, "Pictures"))
    assert "5 of 40 images change class" in said
    first = said.index("image 35, label 1")
    assert "✓ 1: fp32 on host" in said[first:]
    assert "✗ 2: int8 on qemu-riscv64" in said[first:]


def test_every_image_is_there_when_all_are_asked_for(runs: Path) -> None:
    app = opened(runs, "Pictures")
    app.checkbox(key="only_changed").uncheck().run()
    assert texts(app).count("label 1") == 24


def test_a_run_that_cannot_be_read_is_named_and_the_others_are_shown(runs: Path) -> None:
    (runs / "run1" / "run.json").write_text("{}")
    app = opened(runs)
    assert "run1 can't be read" in texts(app)
    assert "run.json: schema: missing" in texts(app)
    assert len(app.dataframe[0].value) == 8


@contextmanager
def at_work(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True)
    with FileLock(folder / ".lock"):
        yield


def test_a_sweep_at_work_shows_each_case(tmp_path: Path) -> None:
    cases = tuple(each.case for each in stored(tmp_path / "old"))
    with at_work(tmp_path / "sweep"):
        done = CaseResult(case=cases[0], record="records/x.json")
        write_underway(tmp_path / "sweep", Underway(title=HOSTILE, started_at=DAY, cases=cases, results=(done,)))
        app = opened(tmp_path, "At work")
        assert list(app.dataframe[0].value["state"]) == ["done", "waits", "waits", "waits"]
        assert "interrupted" not in json.dumps(app.get("progress")[0].proto.text)
    assert "interrupted" in json.dumps(opened(tmp_path, "At work").get("progress")[0].proto.text)


def stored(folder: Path) -> tuple[CaseResult, ...]:
    from edgetool.records.results import read_run

    return read_run(stored_run(folder, *entries(0))).run.results


@pytest.mark.parametrize("page", PAGES)
def test_what_a_record_says_is_in_no_markdown(tmp_path: Path, page: str) -> None:
    stored_run(tmp_path / "run", *entries(0, target=HOSTILE), recorded(record(target=HOSTILE + "2")))
    app = opened(tmp_path, page)
    for kind in ("markdown", "header", "subheader", "title", "caption"):
        assert all("192.0.2.1" not in each.value for each in getattr(app, kind))
