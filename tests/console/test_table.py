"""Tables fit their terminal: whole, then with fewer columns, then a line for each cell; a pipe gets all of it."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from edgetool.console.table import print_columns, print_table
from edgetool.platform.columns import Table
from edgetool.reports.rows import Row
from tests.reports.examples import REPORTS

HEADINGS = ("target", "what")


class Terminal(Console):
    """One of so many columns, without bold and dim."""

    def __init__(self, width: int) -> None:
        super().__init__(file=io.StringIO(), width=width, highlight=False)

    def lines(self) -> list[str]:
        assert isinstance(self.file, io.StringIO)
        return self.file.getvalue().splitlines()


def printed(of: Table[Row], width: int) -> list[str]:
    terminal = Terminal(width)
    print_columns(of, console=terminal)
    return terminal.lines()


@pytest.mark.parametrize("width", [300, 120, 80, 60, 30])
@pytest.mark.parametrize("name", ["emulated", "counted", "sweep"])
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    lines = printed(REPORTS[name].cases, width)
    assert max(cell_len(line) for line in lines) <= width


def test_at_80_columns_the_important_ones_are_there_and_no_number_is_cut() -> None:
    heading, first, *_, last = printed(REPORTS["board"].cases, 80)
    assert heading.split() == ["precision", "target", "size", "p50", "÷", "fp32", "accuracy"]
    assert first.split() == ["fp32", "host", "4", "kB", "1.4", "ms", "1×", "98.9", "%", "(356/360;", "97.2–99.6", "%)"]
    assert last == "8 more columns in a wider terminal and in the report"


def test_in_a_wide_terminal_every_column_is_there() -> None:
    lines = printed(REPORTS["board"].cases, 300)
    assert "peak RSS" in lines[0]
    assert "more columns" not in lines[-1]


def test_in_a_narrow_terminal_a_row_is_a_line_for_each_cell() -> None:
    lines = printed(REPORTS["board"].cases, 30)
    assert lines[:3] == ["precision  fp32", "target     host", "size       4 kB"]


def test_a_long_text_is_wrapped_between_its_words() -> None:
    terminal = Terminal(40)
    print_table(HEADINGS, [("qemu-riscv64", "an emulated processor with vectors of 256 bits")], console=terminal)
    assert [line.strip() for line in terminal.lines()] == [
        "target        what",
        "qemu-riscv64  an emulated processor with",
        "vectors of 256 bits",
    ]


def test_a_pipe_gets_every_column_between_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    print_columns(REPORTS["board"].cases)
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert {len(line) for line in lines} == {14}


SAID = [("[red]x[/red]", "a\x1b[2J\tb\nc")]


def test_what_a_board_says_is_no_markup_and_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(80)
    print_table(HEADINGS, SAID, console=terminal)
    print_table(HEADINGS, SAID)
    for said in (terminal.lines()[1], capsys.readouterr().out.splitlines()[1]):
        assert said.split() == ["[red]x[/red]", r"a\x1b[2J", "b", "c"]
