"""Tables whose columns are defined once and rendered for the terminal, Markdown, HTML and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Any, Generic, TypeVar

from edgetool.platform.foreign import csv_cell

T = TypeVar("T")

NOTHING = "–"


class Detail(IntEnum):
    """The level of detail at which a column appears."""

    BRIEF = 0  # also on a terminal 80 characters wide
    FULL = 1  # in the report
    RAW = 2  # only in the CSV, which has every column with a field


class Shown(Enum):
    """When a column appears in tables for people."""

    ALWAYS = "always"
    IF_ANY = "where a row has something to show"
    IF_VARIED = "where two rows differ"


def as_text(value: str | float) -> str:
    return str(value)


def no_note(row: object) -> str:
    del row
    return ""


@dataclass(frozen=True, kw_only=True)
class Column(Generic[T]):
    title: str
    value: Callable[[T], object]  # in base units; None when undefined or not measured
    format: Callable[[Any], str] = as_text  # applied to values other than None
    note: Callable[[T], str] = no_note  # shown after the value, or alone when there is no value
    field: str | None = None  # the CSV heading, with the base unit; None leaves the column out of the CSV
    detail: Detail = Detail.FULL
    shown: Shown = Shown.ALWAYS
    meaning: str = ""  # a sentence for the legend, shown after the title

    @property
    def is_number(self) -> bool:
        return self.format is not as_text

    def text(self, row: T) -> str:
        value = self.value(row)
        return " ".join(part for part in ("" if value is None else self.format(value), self.note(row)) if part)


def raw(field: str, value: Callable[[T], object]) -> Column[T]:
    """Return a column that only the CSV has."""
    return Column(title="", field=field, value=value, detail=Detail.RAW)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The text of a table cell and the value it is sorted by."""

    text: str
    value: object
    is_number: bool


@dataclass(frozen=True, kw_only=True)
class Table(Generic[T]):
    """Columns applied to rows. `mark` classifies a row for styling: "emulated", "failed" or ""."""

    caption: str
    columns: Sequence[Column[T]]
    rows: Sequence[T]
    mark: Callable[[T], str] = no_note

    def shown(self, detail: Detail = Detail.FULL) -> tuple[Column[T], ...]:
        return tuple(column for column in self.columns if column.detail <= detail and self._is_shown(column))

    def _is_shown(self, column: Column[T]) -> bool:
        match column.shown:
            case Shown.IF_ANY:
                return any(column.text(row) for row in self.rows)
            case Shown.IF_VARIED:
                return len({column.text(row) for row in self.rows}) > 1
            case Shown.ALWAYS:
                return True

    def cells(self, detail: Detail = Detail.FULL) -> list[list[Cell]]:
        """Return one list of cells for each row, in the order of `shown`."""
        columns = self.shown(detail)
        return [
            [
                Cell(text=column.text(row) or NOTHING, value=column.value(row), is_number=column.is_number)
                for column in columns
            ]
            for row in self.rows
        ]

    def marked(self, detail: Detail = Detail.FULL) -> list[tuple[str, list[Cell]]]:
        """Return the mark and the cells of each row."""
        return [(self.mark(row), cells) for row, cells in zip(self.rows, self.cells(detail), strict=True)]

    def legend(self, detail: Detail = Detail.FULL) -> list[Column[T]]:
        """Return the shown columns that need an explanation beyond their title."""
        return [column for column in self.shown(detail) if column.meaning]

    def csv(self) -> str:
        """Return one line for each row, with values in base units and empty cells for undefined values."""
        columns = [column for column in self.columns if column.field is not None]
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([csv_cell(column.field) for column in columns])  # a score's name may be anything
        writer.writerows([csv_cell(column.value(row)) for column in columns] for row in self.rows)
        return out.getvalue()
