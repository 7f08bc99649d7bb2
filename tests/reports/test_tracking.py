"""Runs in MLflow, in a database and on a server: what is there after a run was logged, and what is not done twice."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from edgetool.errors import ConfigError
from edgetool.records.results import read_run
from edgetool.reports.exporters import write_report
from edgetool.reports.report import Report
from edgetool.reports.tracking import RUN_TAG, Mlflow
from tests.dashboard.conftest import entries
from tests.support.commands import run_cli
from tests.support.records import stored_run

without = pytest.mark.skipif("EDGETOOL_TEST_MLFLOW" in os.environ, reason="MLflow is installed")
with_mlflow = pytest.mark.skipif(
    "EDGETOOL_TEST_MLFLOW" not in os.environ, reason="set EDGETOOL_TEST_MLFLOW, or make test-mlflow"
)
pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own


@pytest.fixture
def report(tmp_path: Path) -> Report:
    """fp32 and int8 on the host and under an emulator."""
    stored_run(tmp_path / "run", *entries(0))
    return write_report(tmp_path / "run")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of MLflow's own server, on loopback."""
    folder = tmp_path_factory.mktemp("server")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder}/server.db",
        "--artifacts-destination",
        str(folder / "files"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            said = [*takewhile(lambda line: "startup complete" not in line, process.stdout)]
            assert process.poll() is None, "".join(said)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture(params=["database", "server"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mlflow:
    monkeypatch.chdir(tmp_path)  # where the database keeps artifacts
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", re.sub(r"\W", "-", request.node.name))
    if request.param == "server":
        return Mlflow(request.getfixturevalue("server"))
    return Mlflow(f"sqlite:///{tmp_path}/mlflow.db")


def runs_in(store: Mlflow, filter_string: str = "") -> list[Any]:
    experiment = store._client.get_experiment_by_name(os.environ["MLFLOW_EXPERIMENT_NAME"])
    return list(store._client.search_runs([experiment.experiment_id], filter_string))


@without
def test_without_mlflow_the_error_says_what_to_install(tmp_path: Path) -> None:
    done = run_cli("report", tmp_path, "--track", "mlflow")
    assert done.exit_code == 2
    assert 'pip install "edgetool[mlflow]"' in done.stderr.decode()


def test_another_tracker_is_not_known(tmp_path: Path) -> None:
    done = run_cli("report", tmp_path, "--track", "notebook")
    assert done.exit_code == 2
    assert "--track 'notebook' is not known" in done.stderr.decode()


@with_mlflow
def test_each_record_is_a_run_nested_in_the_deployments(report: Report, store: Mlflow, tmp_path: Path) -> None:
    parent = store.log(report)
    nested = runs_in(store, f"tags.`mlflow.parentRunId` = '{parent}'")
    assert sorted((run.data.params["precision"], run.data.params["target"]) for run in nested) == [
        (precision, target) for precision in ("fp32", "int8") for target in ("host", "qemu-riscv64")
    ]
    for name in ("report.html", "run.json", report.charts[0].path):
        path = store._client.download_artifacts(parent, name, str(tmp_path))
        assert Path(path).read_bytes() == (report.stored.folder / name).read_bytes()


@with_mlflow
def test_a_board_has_a_metric_with_steps_and_an_emulator_no_latency(report: Report, store: Mlflow) -> None:
    store.log(report)
    (host,) = runs_in(store, "params.target = 'host' and params.precision = 'int8'")
    assert host.data.metrics["p50_ms"] == pytest.approx(1.0145)
    assert host.data.metrics["p50_ms.low"] <= host.data.metrics["p50_ms"] <= host.data.metrics["p50_ms.high"]
    steps = store._client.get_metric_history(host.info.run_id, "inference_ms")
    assert [point.step for point in steps] == list(range(30))
    (emulated,) = runs_in(store, "params.target = 'qemu-riscv64' and params.precision = 'int8'")
    assert "p50_ms" not in emulated.data.metrics
    assert "inference_ms" not in emulated.data.metrics
    assert emulated.data.metrics["instructions"] > 0


@with_mlflow
def test_a_record_has_its_models_signature(report: Report, store: Mlflow, tmp_path: Path) -> None:
    from mlflow.models import Model

    store.log(report)
    (host,) = runs_in(store, "params.target = 'host' and params.precision = 'fp32'")
    path = store._client.download_artifacts(host.info.run_id, "model", str(tmp_path))
    signature = Model.load(path).signature
    assert [(tensor.name, tensor.shape) for tensor in signature.inputs.inputs] == [("input", (1, 3, 16, 16))]


@with_mlflow
def test_a_run_that_is_there_is_not_logged_again(report: Report, store: Mlflow, tmp_path: Path) -> None:
    parent = store.log(report)
    assert store.log(Report(read_run(tmp_path / "run"))) == parent
    assert len(runs_in(store, f"tags.`{RUN_TAG}` != ''")) == 1


@with_mlflow
def test_a_server_that_is_not_there_is_an_error_that_names_it(report: Report) -> None:
    with pytest.raises(ConfigError, match=r"MLflow at http://127\.0\.0\.1:9"):
        Mlflow("http://127.0.0.1:9").log(report)


@with_mlflow
def test_the_command_says_where_the_run_is(report: Report, tmp_path: Path) -> None:
    done = run_cli("report", report.stored.folder, "--track", f"mlflow=sqlite:///{tmp_path}/other.db", cwd=tmp_path)
    assert done.exit_code == 0, done.stderr.decode()
    assert f"at sqlite:///{tmp_path}/other.db" in done.stdout.decode()
