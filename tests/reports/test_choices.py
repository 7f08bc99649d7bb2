"""Which runtime to ship, by each criterion."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgetool.measurements.instructions import InstructionCounts
from edgetool.models.spec import Precision
from edgetool.models.tasks.base import Score
from edgetool.records.case import Case, CaseFailure, CaseResult
from edgetool.records.goals import Goal, Metric
from edgetool.records.results import Criterion
from edgetool.reports.choices import Choice, choices
from edgetool.reports.exporters.markdown import export_markdown
from edgetool.reports.goals import State, judge_goals
from edgetool.reports.rows import Row, rows
from edgetool.reports.tables.shipping import shipping_table
from tests.reports.examples import COUNTED, COUNTS, HALF, HOST, Entry, accuracy, entry, failed, report_of
from tests.support.records import emulated_record, model_spec, record, runtime_identity


def ran(name: str, *, median_ns: int, model: int, library: int, memory: int, wrong: int) -> Entry:
    """A runtime on a board."""
    return entry(
        record(
            target="board",
            model=model_spec(size_bytes=model),
            runtime=runtime_identity(name=name, kind=name, title=f"{name} 1.0", size_bytes=library),
            samples_ns=(median_ns,) * 9,
            peak_rss_bytes=memory,
            accuracy=accuracy(wrong=wrong),
        ),
        name,
    )


BOARD = (
    ran("auto", median_ns=30_000, model=400, library=20_000, memory=90, wrong=4),
    ran("ncnn", median_ns=10_000, model=900, library=3_000, memory=70, wrong=9),
    ran("tflite", median_ns=20_000, model=300, library=4_000, memory=50, wrong=5),
)


def chosen(criterion: Criterion, *entries: Entry) -> Choice:
    table = shipping_table(rows(entries)).rows
    (choice,) = choices(table, criterion)
    return choice


@pytest.mark.parametrize(
    ("criterion", "winner"),
    [(Criterion.LATENCY, "ncnn"), (Criterion.SIZE, "ncnn"), (Criterion.MEMORY, "tflite"), (Criterion.ACCURACY, "auto")],
)
def test_the_goal_decides(criterion: Criterion, winner: str) -> None:
    choice = chosen(criterion, *BOARD)
    assert (choice.winner and choice.winner.runtime, choice.counted) == (winner, False)


def test_what_it_costs_elsewhere_is_told_beside_the_best_there() -> None:
    costs = {cost.criterion: cost.ratio for cost in chosen(Criterion.ACCURACY, *BOARD).costs}
    assert costs == {
        Criterion.LATENCY: pytest.approx(3.0),
        Criterion.SIZE: pytest.approx(20_400 / 3_900),
        Criterion.MEMORY: pytest.approx(90 / 50),
    }


@pytest.mark.parametrize(("higher_is_better", "winner"), [(True, "auto"), (False, "ncnn"), (None, None)])
def test_a_score_stands_for_the_accuracy_of_what_does_not_classify(
    higher_is_better: bool | None, winner: str | None
) -> None:
    def judged(of: Entry, number: float) -> Entry:
        result, recorded = of
        assert recorded is not None
        score = Score(name="mine", value=number, samples=40, higher_is_better=higher_is_better)
        return result, replace(recorded, record=replace(recorded.record, accuracy=None, scores=(score,)))

    beside = [judged(each, number) for each, number in zip(BOARD, (0.31, 0.28), strict=False)]
    choice = chosen(Criterion.ACCURACY, *beside)
    assert (choice.winner and choice.winner.runtime, choice.score) == (winner, winner and "mine")
    if higher_is_better:
        page = export_markdown(report_of(*beside))["report.md"].decode()
        assert "Its mine is 0.28; the best is 0.31." in " ".join(page.split())


def test_an_emulators_time_and_memory_choose_nothing() -> None:
    emulated = [
        (result, recorded and replace(recorded, record=emulated_record(runtime=recorded.record.subject.runtime)))
        for result, recorded in BOARD
    ]
    for criterion in (Criterion.LATENCY, Criterion.MEMORY):
        assert chosen(criterion, *emulated).winner is None


def test_an_emulators_time_and_memory_are_not_in_the_table_to_choose_by() -> None:
    shown = {column.title for column in shipping_table(rows(BOARD)).shown()}
    emulated = (COUNTED[0], entry(emulated_record(runtime=runtime_identity(name="ncnn", title="ncnn 1.0")), "ncnn"))
    assert shown - {column.title for column in shipping_table(rows(emulated)).shown()} >= {"load", "p50", "peak RSS"}


def test_instructions_stand_in_for_a_latency_and_say_so() -> None:
    ncnn = entry(emulated_record(instructions=HALF, runtime=runtime_identity(name="ncnn", title="ncnn 1.0")), "ncnn")
    choice = chosen(Criterion.LATENCY, COUNTED[0], ncnn)
    assert (choice.winner and choice.winner.runtime, choice.counted) == ("ncnn", True)


def test_a_missing_runtime_is_a_row_with_its_reason() -> None:
    case = Case(model="tiny", precision=Precision.FP32, target="board", threads=1, runtime="tflite")
    failure = CaseFailure(error="ConfigError", message="riscv64 has no TensorFlow Lite")
    table = shipping_table(rows((BOARD[0], (CaseResult(case=case, failure=failure), None))))
    row: Row = table.rows[1]
    assert (row.runtime, row.failure) == ("tflite", failure)
    assert "riscv64 has no TensorFlow Lite" in " ".join(cell.text for cell in list(table.cells())[1])


def test_the_targets_own_runtime_is_called_as_a_user_calls_it_where_it_did_not_run() -> None:
    case = Case(model="tiny", precision=Precision.FP16, target="board", threads=1)
    table = shipping_table(rows((*BOARD[1:], failed(case))))
    assert [cells[1].text for cells in map(list, table.cells())][-1] == "onnxruntime"


def test_without_labels_the_text_is_of_agreement() -> None:
    unlabelled = replace(accuracy(), labels=None)
    board = (entry(replace(of.record, accuracy=unlabelled), result.case.runtime) for result, of in BOARD if of)
    host = entry(record(accuracy=unlabelled))
    assert "disagrees with the exported model on 0.0 % of the images, the fewest." in markdown_of(host, *board)
    assert "of the images wrong" in markdown_of(*HOST, *BOARD)


def markdown_of(*entries: Entry) -> str:
    return export_markdown(report_of(*entries))["report.md"].decode()


def test_the_first_runtime_named_is_the_deployed_one_where_the_targets_own_was_not_measured() -> None:
    ncnn, tflite = rows(BOARD[1:])
    assert (ncnn.is_deployed, tflite.is_deployed) == (True, False)
    assert ncnn.runtime_ratio is None
    assert tflite.runtime_ratio is not None
    assert tflite.runtime_ratio.value == pytest.approx(2.0)
    assert [row.is_deployed for row in rows((*BOARD[1:], BOARD[0]))] == [False, False, True]


def test_the_first_runtime_named_is_counted_estimated_and_judged() -> None:
    def counted(name: str, counts: InstructionCounts) -> Entry:
        return entry(emulated_record(instructions=counts, runtime=runtime_identity(name=name, title=name)), name)

    report = report_of(*HOST, counted("tflite", COUNTS), counted("ncnn", HALF))
    assert [(row.runtime, row.deployed_ratio) for row in report.runtimes.rows] == [
        ("ncnn", pytest.approx(0.5, rel=1e-3)),
        ("tflite", None),
    ]
    assert [record.subject.runtime.name for record, *_ in report.counted] == ["tflite"]
    page = export_markdown(report)["report.md"].decode()
    assert "In tflite: Only fp32 was measured" in page
    (check,) = judge_goals([Goal(metric=Metric.INSTRUCTIONS, max=2e6)], report.stored.entries, report.rows)
    assert (check.state, check.target) == (State.MET, "qemu-riscv64")


def test_one_runtime_alone_makes_no_section() -> None:
    assert not report_of(*HOST).shipping.rows
    assert report_of(*BOARD).choices[0].criterion is Criterion.LATENCY


def test_the_board_names_each_runtime_and_how_many_of_its_cases_ran() -> None:
    lost = failed(Case(model="tiny", precision=Precision.INT8, target="board", threads=1, runtime="ncnn"))
    (task,) = (task for task in report_of(*BOARD, lost).tasks if task.title == "Compare runtimes")
    assert task.found == "auto 1.0: 1 of 1 cases, ncnn 1.0: 1 of 2 cases, tflite 1.0: 1 of 1 cases"
    assert "Compare runtimes" not in [task.title for task in report_of(BOARD[0], *HOST).tasks]


def test_a_run_on_the_host_alone_has_run_where_its_deployed_runtime_has() -> None:
    lost = failed(Case(model="tiny", precision=Precision.FP32, target="host", threads=1, runtime="ncnn"))
    (task,) = (task for task in report_of(HOST[0], lost).tasks if task.title == "Run on the target")
    assert task.found == "1 case"


def test_what_does_not_classify_agrees_by_its_outputs() -> None:
    host, other = (
        replace(row, agreeing=None, agreement_db=db) for row, db in zip(rows(BOARD), (None, 31.0), strict=False)
    )
    table = shipping_table([host, other])
    (place,) = (i for i, column in enumerate(table.shown()) if column.field == "agreement_db")
    assert [list(cells)[place].text for cells in table.cells()] == ["–", "31 dB"]


def test_what_does_not_classify_has_no_agreement_of_classes() -> None:
    table = shipping_table([replace(row, agreeing=None, agreement_samples=12) for row in rows(BOARD)])
    assert "agreement" not in {column.field for column in table.shown()}
