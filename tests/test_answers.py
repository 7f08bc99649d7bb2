"""The forms of --json: each command has one, its schema is written down, and what is printed is of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from jsonschema import Draft202012Validator
from typer.core import TyperGroup
from typer.testing import CliRunner

from edgetool.cli import app
from edgetool.commands.answers import ANSWERS, schema_name, write_schemas
from edgetool.models.spec import Precision
from tests.answers import SCHEMAS, check_answer
from tests.reports.examples import COUNTS
from tests.support.commands import run_cli
from tests.support.records import emulated_record, model_spec, record, recorded, stored_run

INTERACTIVE = {"board ssh"}


def commands(command: Any, words: tuple[str, ...] = ()) -> dict[str, Any]:
    if not isinstance(command, TyperGroup):
        return {" ".join(words): command}
    return {
        name: found for key, below in command.commands.items() for name, found in commands(below, (*words, key)).items()
    }


COMMANDS = commands(typer.main.get_command(app))


def test_every_command_takes_json_and_has_a_form() -> None:
    assert set(COMMANDS) - INTERACTIVE <= set(ANSWERS)
    assert not [name for name in COMMANDS.keys() - INTERACTIVE if "json" not in {p.name for p in COMMANDS[name].params}]


def test_the_schemas_are_those_of_the_code(tmp_path: Path) -> None:
    write_schemas(tmp_path)
    assert {path.name for path in SCHEMAS.iterdir()} == {schema_name(command) for command in ANSWERS}
    for path in tmp_path.iterdir():
        assert (SCHEMAS / path.name).read_text() == path.read_text(), "python -m edgetool.commands.answers docs/schemas"
        Draft202012Validator.check_schema(json.loads(path.read_text()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs with counts."""
    folder = tmp_path_factory.mktemp("answers")
    models = [model_spec(), model_spec(precision=Precision.INT8, sha256="c" * 64, size_bytes=1000)]
    for run in ("first", "second"):
        there = [record(model=model) for model in models]
        far = [emulated_record(model=model, instructions=COUNTS) for model in models]
        stored_run(folder / run, *(recorded(each) for each in (*there, *far)))
    return folder


@pytest.mark.parametrize(
    "line",
    [
        "report first",
        "status first",
        "compare first second",
        "history --runs .",
        "estimate first --core x60",
        "targets",
        "targets list",
        "targets show host",
        "config",
        "new project",
        "runtime list",
        "runtime remove --builds",
        "cache list",
        "cache prune",
        "cache verify",
        "board status",
        "board down",
        "doctor --target host",
    ],
)
def test_an_answer_is_of_its_schema(line: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("EDGETOOL_CACHE", str(folder / "cache"))
    done = CliRunner().invoke(app, [*line.split(), "--json"])
    assert done.exit_code == 0, done.output
    check_answer(line, json.loads(done.stdout))


def test_records_of_an_answer_are_what_other_commands_take(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    records = json.loads(CliRunner().invoke(app, ["report", "first", "--json"]).stdout)["records"]
    assert len(records) == 4
    done = CliRunner().invoke(app, ["compare", records[0], records[1], "--json"])
    assert done.exit_code == 0
    check_answer("compare", json.loads(done.stdout))


@pytest.mark.parametrize(
    ("line", "code", "hint"),
    [("targets show toaster", 2, "known targets"), ("deploy --thread 3", 2, None), ("report absent", 7, "runs there")],
)
def test_an_error_is_of_its_schema(line: str, code: int, hint: str | None, tmp_path: Path) -> None:
    done = run_cli(*line.split(), "--json", cwd=tmp_path)
    told = json.loads(done.stderr)
    check_answer("error", told)
    assert done.stdout == b""
    assert told["exit_code"] == done.exit_code == code
    assert (hint or "") in (told["hint"] or "")
