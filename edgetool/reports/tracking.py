"""A run in MLflow: the deployment as a run, and each of its records as one nested in it."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from edgetool.errors import ConfigError
from edgetool.models.spec import ModelSpec, TensorSpec
from edgetool.records.case import CaseResult
from edgetool.records.goals import Metric, score_title
from edgetool.records.record import Record, Recorded
from edgetool.records.stats import Interval
from edgetool.reports.metrics import MS, named, read_metric
from edgetool.reports.report import Report
from edgetool.reports.rows import Row

INSTALL = 'pip install "edgetool[mlflow]"'
EXPERIMENT, RUN_TAG = "edgetool", "edgetool.run"
FILES = ("run.json", "report.html", "report.md", "summary.csv")  # of the deployment
BATCH = 1000  # metrics that a server takes at once
VALUE_LIMIT = 500  # characters of a parameter
UNNAMEABLE = re.compile(r"[^\w. -]", re.ASCII)  # characters that not every store takes in a metric's name


class Mlflow:
    """A store of runs: a server, a database or a folder, as MLflow's own variables and `uri` say.

    Raises ConfigError where MLflow is not installed.
    """

    def __init__(self, uri: str | None = None) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # it would try for minutes
        try:
            import mlflow
        except ModuleNotFoundError as error:
            raise ConfigError(f"tracking needs MLflow: {error.msg}", hint=INSTALL) from error
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)  # they tell of each table they make
        self._client: Any = mlflow.MlflowClient(tracking_uri=uri)
        self._failure: type[Exception] = mlflow.exceptions.MlflowException
        self.uri: str = self._client.tracking_uri

    def log(self, report: Report) -> str:
        """Log a run, unless it is there already; returns its id in MLflow. Raises ConfigError where the store fails."""
        try:
            experiment = self._experiment()
            named = f"tags.`{RUN_TAG}` = '{_mark(report)}'"
            if there := self._client.search_runs([experiment], named, max_results=1):
                return str(there[0].info.run_id)
            return self._log(report, experiment)
        except (self._failure, OSError) as error:
            raise ConfigError(f"MLflow at {self.uri}: {str(error).splitlines()[0]}") from error

    def _experiment(self) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
        found = self._client.get_experiment_by_name(name)
        return str(self._client.create_experiment(name) if found is None else found.experiment_id)

    def _log(self, report: Report, experiment: str) -> str:
        run, started = report.stored.run, report.stored.run.created_at
        tags = {"mlflow.note.content": "\n".join(verdict.title for verdict in report.verdicts)}
        tags |= {"edgetool.command": run.command, "edgetool.version": run.edgetool}
        parent = self._start(experiment, run.title, _ms(started), tags)
        for row, (result, recorded) in zip(report.rows, report.stored.entries, strict=True):
            self._log_case(report, experiment, parent, row, result, recorded)
        for name in (*FILES, *(chart.path for chart in report.charts)):
            if (path := report.stored.folder / name).is_file():
                self._client.log_artifact(parent, str(path), path.parent.name if "/" in name else None)
        # Last of all, so that a run whose logging was interrupted is logged again.
        self._client.set_tag(parent, RUN_TAG, _mark(report))
        self._client.set_terminated(parent, "FAILED" if report.failed else "FINISHED")
        return parent

    def _start(self, experiment: str, name: str, started_ms: int, tags: dict[str, str]) -> str:
        return str(self._client.create_run(experiment, start_time=started_ms, run_name=name, tags=tags).info.run_id)

    def _log_case(
        self,
        report: Report,
        experiment: str,
        parent: str,
        row: Row,
        result: CaseResult,
        recorded: Recorded | None,
    ) -> None:
        from mlflow.entities import Metric as Logged
        from mlflow.entities import Param

        case = result.case
        when = _ms(report.stored.run.created_at if recorded is None else recorded.record.started_at)
        tags = {"mlflow.parentRunId": parent, "edgetool.caveats": ", ".join(caveat.value for caveat in row.caveats)}
        if result.failure is not None:
            tags["edgetool.failure"] = result.failure.reason
        child = self._start(experiment, f"{case.title} on {case.target}", when, tags)
        params = {"model": case.model, "precision": case.precision.value, "target": case.target}
        params |= {"runtime": case.runtime, "threads": str(case.threads)}
        if recorded is not None:
            params |= _parameters(recorded.record)
        self._client.log_batch(child, params=[Param(name, text[:VALUE_LIMIT]) for name, text in params.items()])
        if recorded is not None:
            metrics = [Logged(name, number, when, step) for name, number, step in _metrics(report, row, recorded)]
            for start in range(0, len(metrics), BATCH):
                self._client.log_batch(child, metrics=metrics[start : start + BATCH])
            self._client.log_text(child, _signature(recorded.record.subject.model), "model/MLmodel")
        if result.record is not None and (report.stored.folder / result.record).is_file():
            self._client.log_artifact(child, str(report.stored.folder / result.record))
        self._client.set_terminated(child, "FINISHED" if result.failure is None else "FAILED")


def _mark(report: Report) -> str:
    """The run's id, as a file says it, without what would end a text of MLflow's filters."""
    return report.stored.run.id.replace("'", "")


def _parameters(record: Record) -> dict[str, str]:
    subject, model = record.subject, record.subject.model
    return {
        "runtime.title": subject.runtime.title,
        "triple": subject.triple,
        "recipe": subject.recipe,
        "model.sha256": model.sha256,
        "model.weights": model.weights,
        "model.opset": str(model.opset),
        "emulator": record.environment.emulator or "none",
        "kernels": record.kernels or "unknown",
    }


def _metrics(report: Report, row: Row, recorded: Recorded) -> Iterator[tuple[str, float, int]]:
    """Each metric with the ends of its interval; of a board also each timed inference, by its number."""
    for metric, score in named(Metric, row):
        reading = read_metric(metric, row, recorded, entries=report.stored.entries, table=report.rows, score=score)
        if isinstance(reading, Interval):
            name = UNNAMEABLE.sub("_", score_title(metric, score) or metric.value)
            yield name, reading.value, 0
            if reading.low != reading.high:
                yield f"{name}.low", reading.low, 0
                yield f"{name}.high", reading.high, 0
    timing = recorded.record.timing
    if timing is not None and not recorded.record.emulated:
        for number, sample in enumerate(timing.samples_ns):
            yield "inference_ms", sample / MS, number


def _signature(model: ModelSpec) -> str:
    """The model's inputs and outputs as MLflow writes a signature."""
    import numpy as np
    from mlflow.models import Model
    from mlflow.models.signature import ModelSignature
    from mlflow.types import Schema
    from mlflow.types import TensorSpec as Tensor

    def schema(tensors: tuple[TensorSpec, ...]) -> Any:
        return Schema([Tensor(np.dtype(tensor.dtype), tensor.shape, tensor.name) for tensor in tensors])

    signature = ModelSignature(inputs=schema(model.inputs), outputs=schema(model.outputs))
    return str(Model(signature=signature).to_yaml())


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
