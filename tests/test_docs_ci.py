"""The CI files in docs/ci are what GitHub and GitLab take, and their gate stops a regression that was built in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edgetool.records.goals import read_gates
from edgetool.reports.gate import gate
from edgetool.reports.goals import State, worst
from tests.reports.test_goals import INT8, counted
from tests.support.records import emulated_record, recorded, stored_run

CI = Path(__file__).parents[1] / "docs" / "ci"


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("github", "vendor.github-workflows"),
        ("gitlab", "vendor.gitlab-ci"),
        ("runtimes", "vendor.github-workflows"),
    ],
)
def test_the_workflow_fits_the_schema(name: str, schema: str) -> None:
    words = [sys.executable, "-P", "-m", "check_jsonschema", "--builtin-schema", schema]
    words += ["--data-transform", "gitlab-ci"] if name == "gitlab" else []
    done = subprocess.run([*words, CI / f"{name}.yml"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workflow_that_publishes_runtimes_gives_nobody_more_than_it_needs() -> None:
    zizmor = Path(sys.executable).parent / "zizmor"
    if not zizmor.is_file():
        pytest.skip("zizmor is not installed: pip install edgetool[dev]")
    words = ("--offline", "--persona", "pedantic", CI / "runtimes.yml")
    done = subprocess.run([zizmor, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("instructions", "state"), [(100_000, State.MET), (100_200, State.NOT_MET)])
def test_its_gate_stops_a_regression(tmp_path: Path, instructions: int, state: State) -> None:
    def run(name: str, scalar: int) -> Path:
        records = (
            emulated_record(instructions=counted(scalar)),
            emulated_record(model=INT8, instructions=counted(scalar)),
        )
        return stored_run(tmp_path / name, *map(recorded, records))

    checks = gate(read_gates(CI / "gates.toml"), run("after", instructions), run("before", 100_000))
    assert worst(checks) is state
