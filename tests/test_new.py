"""A new project's files: they are what edgetool and a CI take, and a model in it is deployed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edgetool.cli import app
from edgetool.commands.new import CI
from edgetool.errors import ConfigError
from edgetool.pipeline.plan import read_plan
from edgetool.records.goals import read_gates
from tests.support.commands import run_cli
from tests.test_docs_ci import CI as SOURCES

RUNNER = CliRunner()


@pytest.mark.parametrize("ci", CI)
def test_its_files_are_what_each_reader_takes(tmp_path: Path, ci: str) -> None:
    made = RUNNER.invoke(app, ["new", str(tmp_path / "mine"), "--ci", ci, "--target", "host"], catch_exceptions=False)
    assert made.exit_code == 0
    assert read_gates(tmp_path / "mine" / "gates.toml")
    assert read_plan(tmp_path / "mine" / "plan.toml").targets == ("host",)
    assert (tmp_path / "mine" / CI[ci]).read_text() == (SOURCES / f"{ci}.yml").read_text()


def test_no_file_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "gates.toml").write_text("mine")
    with pytest.raises(ConfigError, match=r"gates\.toml exists"):
        RUNNER.invoke(app, ["new", str(tmp_path)], catch_exceptions=False)
    assert [path.name for path in tmp_path.iterdir()] == ["gates.toml"]


def test_a_model_in_it_is_deployed(tmp_path: Path, tiny_path: Path, images_path: Path) -> None:
    assert run_cli("new", "mine", "--target", "host", cwd=tmp_path).exit_code == 0
    shutil.copy(tiny_path, tmp_path / "mine" / "model.onnx")
    shutil.copy(images_path, tmp_path / "mine" / "calibration.npz")
    words = ("--images", "2", "--repetitions", "1", "--warmup", "0", "--min-duration", "0")
    done = run_cli("deploy", *words, cwd=tmp_path / "mine")
    assert done.exit_code == 0, done.stderr.decode()
    assert len(list((tmp_path / "mine" / "runs").glob("*/report.html"))) == 1
