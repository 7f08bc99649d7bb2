"""What a person sees of many boards at work."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console

from edgetool.console.sweep import LiveBoards, PlainBoards, watch_boards
from edgetool.models.spec import Precision
from edgetool.records.case import Case, CaseFailure, CaseResult

PRECISIONS = (Precision.FP32, Precision.INT8, Precision.INT8_DYNAMIC)
CASES = [Case(model="tiny", precision=precision, target="desk", threads=2) for precision in PRECISIONS]
LOST = CaseFailure(error="ConnectError", message="the link to desk was lost\nmore")


def drawn(boards: LiveBoards) -> str:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(boards)
    return capture.get()


def test_a_live_row_says_what_its_board_does_and_what_failed() -> None:
    boards = LiveBoards()
    boards.begin(CASES)
    assert "0/3" in drawn(boards)
    boards.step("desk", "time [red]fp32[/] on desk")
    boards.step("unknown", "no board of ours")
    assert "time [red]fp32[/] on desk" in drawn(boards)
    for number, case in enumerate(CASES):
        failure = LOST if number == 1 else None
        boards.end(CaseResult(case=case, record=None if failure else "r.json", failure=failure))
    (row,) = [line.split() for line in drawn(boards).splitlines() if "desk" in line]
    assert row == ["desk", "3/3", "1", "done"]


def test_plain_lines_tell_each_step_and_each_end(capsys: pytest.CaptureFixture[str]) -> None:
    with watch_boards(quiet=False) as boards:
        assert isinstance(boards, PlainBoards)
        boards.begin(CASES)
        boards.step("desk", "self-test on desk")
        boards.end(CaseResult(case=replace(CASES[0], threads=1), record="r.json", kept=True))
        boards.end(CaseResult(case=CASES[0], record="r.json"))
        boards.end(CaseResult(case=CASES[1], failure=LOST))
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "… desk: self-test on desk",
        "✓ desk: tiny fp32, 1 thread: has a record",
        "✓ desk: tiny fp32, 2 threads (1 of 3 cases, 0 s, about 0 s left)",
        "✗ desk: tiny int8, 2 threads: ConnectError: the link to desk was lost (2 of 3 cases, 0 s, about 0 s left)",
    ]
