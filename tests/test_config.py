"""Defaults of options: where each comes from, which one wins, and what a wrong one says."""

from __future__ import annotations

import json
import os
import pty
import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edgetool.cli import app
from edgetool.commands.settings import user_file
from edgetool.errors import ConfigError
from tests.support.commands import run_cli

RUNNER = CliRunner()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: one of a repository, with a user's own file beside no other."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    user_file().parent.mkdir(parents=True)
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def default(command: str, option: str) -> tuple[object, str] | None:
    """What `edgetool config` says of an option, and where it is from."""
    found = RUNNER.invoke(app, ["config", "--json"], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    for setting in json.loads(found.output)["settings"]:
        if (" ".join(setting["command"]), setting["option"]) == (command, option):
            return setting["value"], setting["source"]
    return None


def test_each_place_comes_before_the_next(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert default("deploy", "--target") is None
    user_file().write_text('target = "user"\n')
    assert default("deploy", "--target") == ("user", str(user_file()))
    (project / "pyproject.toml").write_text('[tool.edgetool]\ntarget = "project"\n')
    assert default("deploy", "--target") == ("project", str(project / "pyproject.toml"))
    (project / "edgetool.toml").write_text('target = "own"\n[deploy]\ntarget = "own-deploy"\n')
    assert default("deploy", "--target") == ("own-deploy", str(project / "edgetool.toml"))
    assert default("bench", "--target") == (["own"], str(project / "edgetool.toml"))
    monkeypatch.setenv("EDGETOOL_TARGET", "variable")
    assert default("deploy", "--target") == ("variable", "$EDGETOOL_TARGET")
    monkeypatch.setenv("EDGETOOL_DEPLOY_TARGET", "variable-deploy")
    assert default("deploy", "--target") == ("variable-deploy", "$EDGETOOL_DEPLOY_TARGET")
    assert default("bench", "--target") == (["variable"], "$EDGETOOL_TARGET")


def test_a_command_takes_its_default_and_an_option_comes_before_it(project: Path) -> None:
    (project / "edgetool.toml").write_text('[targets.list]\njson = true\n[deploy]\ntarget = "toaster"\n')
    assert json.loads(RUNNER.invoke(app, ["targets", "list"]).output)["targets"]
    with pytest.raises(ConfigError, match="no target 'toaster'"):
        RUNNER.invoke(app, ["deploy"], catch_exceptions=False)
    with pytest.raises(ConfigError, match="no target 'kettle'"):
        RUNNER.invoke(app, ["deploy", "--target", "kettle"], catch_exceptions=False)


def test_files_are_relative_to_the_file_that_names_them(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "edgetool.toml").write_text(
        '[deploy]\nruns = "results"\nmodel = "m.onnx"\ncalibration = "my.data:samples"\ncheckpoint = "/w.pt"\n'
    )
    (project / "below").mkdir()
    monkeypatch.chdir(project / "below")
    found = {option: default("deploy", option) for option in ("--runs", "--model", "--calibration", "--checkpoint")}
    assert {option: said and said[0] for option, said in found.items()} == {
        "--runs": str(project / "results"),
        "--model": str(project / "m.onnx"),
        "--calibration": "my.data:samples",
        "--checkpoint": "/w.pt",
    }


def test_a_file_above_the_repository_is_none_of_ours(project: Path) -> None:
    (project.parent / "edgetool.toml").write_text('target = "foreign"\n')
    assert default("deploy", "--target") is None


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('tagret = "desk"', "tagret"),
        ("[deploi]\nimages = 1", "deploi"),
        ('[deploy]\nprecison = "fp32"', "deploy.precison"),
        ('images = "many"', "images"),
        ("images = 0", "images"),
        ("images = [1, 2]", "images"),
        ("images = true", "images"),
        ("precision = [1979-05-27]", "precision"),
        ('[board.up]\nports = "1"', "board.up.ports"),
    ],
)
def test_a_wrong_one_names_file_and_key(project: Path, text: str, key: str) -> None:
    (project / "edgetool.toml").write_text(text)
    with pytest.raises(ConfigError, match=re.escape(f"{project / 'edgetool.toml'}: {key}: ")):
        RUNNER.invoke(app, ["config"], catch_exceptions=False)


def test_a_misspelt_one_is_told_the_right_one(project: Path) -> None:
    (project / "edgetool.toml").write_text("[deploy]\nmin-duratoin = 3\n")
    done = run_cli("deploy", cwd=project)
    assert done.exit_code == 2
    assert "did you mean deploy.min-duration?" in done.stderr.decode()


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_no_color_is_respected(variables: dict[str, str], coloured: bool) -> None:
    said = b""
    pid, terminal = pty.fork()
    if pid == 0:
        kept = {name: text for name, text in os.environ.items() if name != "NO_COLOR"}
        os.execve(
            sys.executable,
            [sys.executable, "-m", "edgetool", "--help"],
            {**kept, "TERM": "xterm-256color", **variables},
        )
    try:
        while part := os.read(terminal, 65536):
            said += part
    except OSError:  # as a terminal's end says that nobody writes any more
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    finally:
        os.close(terminal)
    assert b"deploy" in said
    assert (re.search(rb"\x1b\[[0-9;]*3[0-7]", said) is not None) == coloured
