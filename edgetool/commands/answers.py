"""What each command prints with --json: a value, whose JSON Schema is docs/schemas' file of the command's name.

`python -m edgetool.commands.answers docs/schemas` writes the schemas anew.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from edgetool.boards.probe import Probe
from edgetool.boards.virtual import BoardState
from edgetool.doctor import Finding
from edgetool.estimates.rows import EstimateRow, Judgement
from edgetool.executors.jobs import State
from edgetool.models.spec import ModelSpec
from edgetool.pipeline.deploy import Finished
from edgetool.pipeline.diff import Diff, LayerNoise
from edgetool.pipeline.kernels import TunedKernels
from edgetool.pipeline.tune import Tuning
from edgetool.platform.cache import Item
from edgetool.platform.documents import schema_document, to_json
from edgetool.platform.files import write_atomically
from edgetool.platform.values import value
from edgetool.records.case import CaseResult, Fallback
from edgetool.records.compare import Comparison
from edgetool.reports.board import Task
from edgetool.reports.goals import Check
from edgetool.reports.history import History
from edgetool.reports.rows import Row
from edgetool.reports.verdict import Verdict
from edgetool.runtimes.cache import CachedRuntime
from edgetool.runtimes.spec import RuntimeBuild
from edgetool.targets.spec import Target


@value
class ErrorAnswer:
    """Of any command that fails, on stderr; stdout has the command's own answer, or nothing."""

    error: str
    hint: str | None
    exit_code: int


@value
class RunAnswer:
    run: str  # the folder, as `report`, `status`, `compare` and `estimate` take it
    report: str
    records: tuple[str, ...]  # files, as `compare` and `estimate` take them
    fallbacks: tuple[Fallback, ...]
    cases: tuple[CaseResult, ...]
    rows: tuple[Row, ...]
    verdicts: tuple[Verdict, ...]
    tracked: str | None  # the run's id with the tracker, where one was named

    @classmethod
    def of(cls, done: Finished, *, tracked: str | None) -> RunAnswer:
        return cls(
            run=str(done.folder),
            report=str(done.folder / "report.html"),
            records=tuple(str(done.folder / each.record) for each in done.run.results if each.record is not None),
            fallbacks=done.run.fallbacks,
            cases=done.run.results,
            rows=done.report.rows,
            verdicts=done.report.verdicts,
            tracked=tracked,
        )


@value
class ModelAnswer:
    path: str  # as `quantize` and `package` take it
    model: ModelSpec
    size_before_bytes: int | None  # None where nothing was quantized


@value
class PackageAnswer:
    bundle: str  # as `bench` takes it
    archive: str | None  # likewise
    id: str


@value
class CompareAnswer:
    comparisons: tuple[Comparison, ...]
    goals: tuple[Check, ...]


@value
class StatusAnswer:
    tasks: tuple[Task, ...]
    goals: tuple[Check, ...]


@value
class HistoryAnswer:
    histories: tuple[History, ...]
    unreadable: tuple[str, ...]


@value
class EstimateAnswer:
    estimates: tuple[EstimateRow, ...]
    baseline: tuple[EstimateRow, ...]
    judgement: Judgement | None


@value
class TraceAnswer:
    trace: str  # a file for ui.perfetto.dev
    node_data: tuple[str, ...]  # files for Model Explorer, one for each profiled case


@value
class DiffAnswer:
    diff: Diff
    first: LayerNoise | None  # the first layer with more noise than it may have


@value
class TuneAnswer:
    folder: str
    recipe: str | None  # as `quantize` and `deploy` take it; None where fp32 is to be deployed
    tuning: Tuning


@value
class NewAnswer:
    folder: str
    files: tuple[str, ...]


@value
class SettingRow:
    command: tuple[str, ...]
    option: str
    name: str
    value: str | bool | tuple[str, ...]
    source: str  # a variable or a file


@value
class ConfigAnswer:
    files: tuple[str, ...]  # that were read, the most important first
    settings: tuple[SettingRow, ...]


@value
class DashboardAnswer:
    dashboard: str  # its address


@value
class DoctorAnswer:
    target: str
    ready: bool
    missing: tuple[str, ...]  # names of the findings that it lacks
    findings: tuple[Finding, ...]


@value
class JobRow:
    id: str  # TARGET/ID, as `attach` and `cancel` take it
    state: State
    exit_code: int | None
    command: str
    holder: str


@value
class JobsAnswer:
    target: str
    jobs: tuple[JobRow, ...]


@value
class AttachAnswer:
    job: str
    exit_code: int
    timed_out: bool
    folder: str  # of what the job wrote: the run's, where it was for one
    run: str | None  # the finished run that the job was for, as `report` takes it


@value
class CancelAnswer:
    job: str
    cancelled: bool


@value
class CleanAnswer:
    target: str
    freed_bytes: int


@value
class TargetsAnswer:
    targets: tuple[Target, ...]
    broken: tuple[str, ...]


@value
class NewTargetAnswer:
    path: str
    target: Target
    probe: Probe


@value
class CheckedTargetAnswer:
    target: str
    probe: Probe


@value
class RemovedTargetAnswer:
    target: str
    removed: str


@value
class BuildAnswer:
    path: str
    key: str  # as `runtime show` and `--runtime key:KEY` take it
    runtime: RuntimeBuild


@value
class RuntimeAnswer:
    key: str
    path: str
    size_bytes: int
    made_at: datetime
    runtime: RuntimeBuild

    @classmethod
    def of(cls, entry: CachedRuntime) -> RuntimeAnswer:
        return cls(
            key=entry.key,
            path=str(entry.runtime.root),
            size_bytes=entry.size_bytes,
            made_at=entry.made_at,
            runtime=entry.build,
        )


@value
class RuntimesAnswer:
    runtimes: tuple[RuntimeAnswer, ...]
    builds: dict[str, int]  # folder → bytes


@value
class RemovedBuildsAnswer:
    removed_bytes: int


@value
class SelftestAnswer:
    runtime: RuntimeBuild
    target: str
    cases: int


@value
class DistAnswer:
    version: str
    runtime: RuntimeBuild
    files: dict[str, str]  # path → sha256
    left_out: dict[str, str]  # version of CPython that gets no wheel → why


@value
class CacheRow:
    kind: str
    path: str
    size_bytes: int
    used_at: datetime

    @classmethod
    def of(cls, items: Iterable[Item]) -> tuple[CacheRow, ...]:
        return tuple(
            cls(kind=item.kind, path=str(item.path), size_bytes=item.size_bytes, used_at=item.used_at) for item in items
        )


@value
class CacheAnswer:
    root: str
    items: tuple[CacheRow, ...]


@value
class PruneAnswer:
    removed: tuple[CacheRow, ...]
    in_use: tuple[CacheRow, ...]


@value
class DamagedRow:
    kind: str
    path: str
    size_bytes: int
    used_at: datetime
    found: tuple[str, ...]


@value
class VerifyAnswer:
    entries: int
    damaged: tuple[DamagedRow, ...]


@value
class BoardsAnswer:
    boards: dict[str, BoardState]


@value
class DownAnswer:
    ended: tuple[str, ...]
    not_running: tuple[str, ...]


ANSWERS: dict[str, Any] = {
    "error": ErrorAnswer,
    **dict.fromkeys(("deploy", "bench", "sweep", "report"), RunAnswer),
    **dict.fromkeys(("export", "quantize"), ModelAnswer),
    "package": PackageAnswer,
    "compare": CompareAnswer,
    "status": StatusAnswer,
    "history": HistoryAnswer,
    "estimate": EstimateAnswer,
    "trace": TraceAnswer,
    "diff": DiffAnswer,
    "tune": TuneAnswer,
    "new": NewAnswer,
    "config": ConfigAnswer,
    "dashboard": DashboardAnswer,
    "doctor": DoctorAnswer,
    "jobs": JobsAnswer,
    "attach": AttachAnswer,
    "cancel": CancelAnswer,
    "clean": CleanAnswer,
    **dict.fromkeys(("targets", "targets list"), TargetsAnswer),
    "targets show": Target,
    "targets add": NewTargetAnswer,
    "targets check": CheckedTargetAnswer,
    "targets remove": RemovedTargetAnswer,
    "runtime build": BuildAnswer,
    "runtime list": RuntimesAnswer,
    "runtime show": RuntimeAnswer,
    "runtime remove": RuntimeAnswer | RemovedBuildsAnswer,
    "runtime selftest": SelftestAnswer,
    "runtime tune": TunedKernels,
    "runtime dist": DistAnswer,
    "cache list": CacheAnswer,
    "cache prune": PruneAnswer,
    "cache verify": VerifyAnswer,
    "board up": BoardState,
    "board status": BoardsAnswer,
    "board down": DownAnswer,
}


def schema_name(command: str) -> str:
    """The file of a command's schema.

    >>> schema_name("targets list")
    'targets-list.schema.json'
    """
    return f"{command.replace(' ', '-')}.schema.json"


def write_schemas(folder: Path) -> None:
    """One file for each command."""
    folder.mkdir(parents=True, exist_ok=True)
    for command, kind in ANSWERS.items():
        write_atomically(folder / schema_name(command), to_json(schema_document(kind, title=command)))


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]))
