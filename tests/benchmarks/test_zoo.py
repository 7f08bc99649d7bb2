"""The page of the zoo."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.zoo.page import write_page
from benchmarks.zoo.rows import Findings, ZooRow


@pytest.mark.parametrize(("other", "named"), [("second", True), ("first", False)])
def test_rows_name_their_runtime_where_there_are_several(tmp_path: Path, other: str, named: bool) -> None:
    rows = (ZooRow(model="a", task="none", runtime="first"), ZooRow(model="b", task="none", runtime=other))
    findings = Findings(rows=rows)
    write_page(tmp_path / "zoo.md", findings, ["a", "b"])
    row = next(line for line in (tmp_path / "zoo.md").read_text().splitlines() if line.startswith("| b "))
    assert (other in row) is named


@pytest.mark.parametrize(
    ("found", "shown"),
    [(None, None), ((), "none"), (("int8: Where 3.1 %", "fp16: Erf 2.2 %"), "int8: Where 3.1 %, fp16: Erf 2.2 %")],
)
def test_operators_without_vectors_are_named_where_instructions_were_counted(
    tmp_path: Path, found: tuple[str, ...] | None, shown: str | None
) -> None:
    write_page(tmp_path / "zoo.md", Findings(rows=(ZooRow(model="a", task="none", without_vectors=found),)), ["a"])
    header, _, row = (
        line.strip("| ") for line in (tmp_path / "zoo.md").read_text().splitlines() if line.startswith("|")
    )
    cells = dict(zip(header.split(" | "), row.split(" | "), strict=True))
    assert cells.get("without vectors") == shown
