"""docs/security.md names the tests that hold what is promised, and where each danger is met: they are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text()
HEADS = re.compile(r"\|(-+\|)+$|\| (threat|promise) ")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("|") and not HEADS.match(line)
]
THREATS = [row for row in ROWS if len(row) == 4]
PROMISES = [row for row in ROWS if len(row) == 2]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_row_names_tests_that_there_are(row: list[str]) -> None:
    tests = re.findall(r"`(tests/[^`]+)`", row[-1])
    assert tests, "no test is named"
    for test in tests:
        path, _, name = test.partition("::")
        assert re.search(rf"^def {name or 'test_'}", (ROOT / path).read_text(), re.MULTILINE), test


@pytest.mark.parametrize("row", THREATS, ids=lambda row: row[0])
def test_each_danger_is_met_in_files_that_there_are(row: list[str]) -> None:
    for name in re.findall(r"`([^`]+)`", row[2]):
        assert (ROOT / "edgetool" / name).is_file(), name


def test_each_promise_names_one_test() -> None:
    assert len(PROMISES) >= 20
    assert all("::" in row[1] for row in PROMISES)
