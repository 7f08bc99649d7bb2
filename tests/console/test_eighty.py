"""Every command's tables on a terminal of 80 columns, with long names: no line is wider, no letter has its own line."""

from __future__ import annotations

import json

import pytest
from rich.cells import cell_len

from edgetool.models.spec import Precision
from edgetool.platform.store import INPUTS
from tests.reports.examples import COUNTS
from tests.support.records import emulated_record, model_spec, record, recorded, stored_run
from tests.support.terminal import on_a_terminal

NAME = "a_detector_of_small_things_on_conveyor_belts_v2"
TARGET = "the-third-board-of-the-second-shelf"
TOML = 'schema = 1\ndescription = "{}"\ntriple = "native"\n[executor]\nkind = "local"\n'
PROGRAM = """
import sys
from edgetool.cli import app
for line in sys.argv[1:]:
    print(f"$ {line}", flush=True)
    try:
        app(line.split(), standalone_mode=False)
    except SystemExit:
        pass
    sys.stdout.flush()
"""
COMMANDS = {
    "targets list": TARGET,
    "doctor --target host": "onnxruntime",
    "cache list": "export",
    "cache list --all": "export",
    "runtime list": "runtime",
    "report first": TARGET,
    "status first": NAME,
    "compare first second": NAME,
    "history --runs .": "size_bytes",
    "estimate first --core x60 --operators": NAME,
}


@pytest.fixture(scope="module")
def screens(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What each command shows, all of them in one process on one terminal."""
    folder = tmp_path_factory.mktemp("eighty")
    models = [model_spec(name=NAME), model_spec(name=NAME, precision=Precision.INT8, sha256="c" * 64, size_bytes=1000)]
    for run in ("first", "second"):
        there = [record(model=model) for model in models]
        far = [emulated_record(model=model, target=TARGET, instructions=COUNTS) for model in models]
        stored_run(folder / run, *(recorded(each) for each in (*there, *far)))
    (folder / "targets").mkdir()
    (folder / "targets" / f"{TARGET}.toml").write_text(TOML.format("what is " + "very long to say " * 8))
    entry = folder / "cache" / "export" / ("0" * 16)
    entry.mkdir(parents=True)
    (entry / INPUTS).write_text(json.dumps({"step": "export"}))
    env = {"EDGETOOL_TARGETS": str(folder / "targets"), "EDGETOOL_CACHE": str(folder / "cache"), "TERM": "dumb"}
    seen = on_a_terminal("-c", PROGRAM, *COMMANDS, env=env, cwd=folder)
    parts = seen.replace("\r\n", "\n").split("$ ")[1:]
    return {part.partition("\n")[0]: part.partition("\n")[2].splitlines() for part in parts}


@pytest.mark.parametrize(("command", "shown"), COMMANDS.items())
def test_a_table_fits_80_columns_and_no_letter_has_a_line_of_its_own(
    screens: dict[str, list[str]], command: str, shown: str
) -> None:
    lines = screens[command]
    assert "Traceback" not in "\n".join(lines), lines
    assert shown[:24] in "\n".join(lines), lines  # a longer word may be folded after so many
    assert max(map(cell_len, lines)) <= 80
    assert not [line for line in lines if line.strip() and len(line.strip()) < 3], lines
