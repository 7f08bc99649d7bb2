"""Run prepared cases in a folder: keep the records that exist, measure the rest."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edgetool import __version__
from edgetool.errors import ConfigError, EdgetoolError, HarnessError, RunIncomplete
from edgetool.harness.journal import JOBS, Journal
from edgetool.pipeline.here import measure_here
from edgetool.pipeline.prepare import PreparedCase, UnpreparedCase
from edgetool.platform.context import StepContext
from edgetool.platform.format import plural
from edgetool.platform.store import key_of
from edgetool.platform.words import own_words
from edgetool.records.case import Case, CaseFailure, CaseResult, Fallback
from edgetool.records.compare import HOST
from edgetool.records.goals import Goal
from edgetool.records.record import Recorded
from edgetool.records.results import RECORDS, Criterion, RecordStore, Run, write_recorded, write_run
from edgetool.records.underway import Underway, clear_underway, write_underway

if TYPE_CHECKING:
    from filelock import FileLock

Fill = Callable[[Path], object]  # writes a record's files into a folder
Answer = Fill | EdgetoolError | CaseFailure
# Yields each case with its result as it finishes.
Schedule = Callable[[Sequence[PreparedCase], Journal], Generator[tuple[PreparedCase, Answer], None, None]]

NAMED = 3  # models or targets in a title; more are counted


class Watch(Protocol):
    """Receives the progress of a run."""

    def begin(self, cases: Sequence[Case]) -> None:
        """The cases that will be measured."""
        ...

    def step(self, target: str, text: str) -> None:
        """The current step of a target's board. Called from another thread."""
        ...

    def end(self, result: CaseResult) -> None:
        """A finished case."""
        ...


class Unwatched:
    """Ignores all events."""

    def begin(self, cases: Sequence[Case]) -> None:
        del cases

    def step(self, target: str, text: str) -> None:
        del target, text

    def end(self, result: CaseResult) -> None:
        del result


class _Told:
    """Forwards events to a watch, and writes the run's progress to a file in its folder."""

    def __init__(self, folder: Path, run: Underway, watch: Watch | None) -> None:
        self._folder, self._run, self._watch = folder, run, watch or Unwatched()

    def begin(self, cases: Sequence[Case]) -> None:
        write_underway(self._folder, self._run)
        self._watch.begin(cases)

    def step(self, target: str, text: str) -> None:
        self._watch.step(target, text)

    def end(self, result: CaseResult) -> None:
        self._run = replace(self._run, results=(*self._run.results, result))
        write_underway(self._folder, self._run)
        self._watch.end(result)

    def clear(self) -> None:
        clear_underway(self._folder)


def in_this_process(context: StepContext) -> Schedule:
    """Return a schedule that measures one case after the other, reporting their steps as progress."""

    def schedule(cases: Sequence[PreparedCase], journal: Journal) -> Generator[tuple[PreparedCase, Answer], None, None]:
        for case, answer in measure_here(cases, context, journal):
            yield case, answer if isinstance(answer, EdgetoolError) else _files_of(answer, case.case)

    return schedule


def _files_of(recorded: Recorded, case: Case) -> Fill:
    return lambda folder: write_recorded(folder, recorded, case.stem)


def on_many_boards(watch: Watch, *, scheduler: str | None = None) -> Schedule:
    """Return a schedule that measures on many boards in parallel, one case at a time on each.

    The cases of a board that are timed in turn share a process. Raises ConfigError when Dask isn't installed.
    """
    try:
        from edgetool.pipeline import cluster
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"measuring on several boards in parallel needs Dask Distributed: {error.msg}",
            hint='pip install "edgetool[sweep]"',
        ) from error

    def schedule(cases: Sequence[PreparedCase], journal: Journal) -> Generator[tuple[PreparedCase, Answer], None, None]:
        del journal  # the processes that measure may be on other machines
        with closing(cluster.measure_on_cluster(cases, scheduler=scheduler, on_step=watch.step)) as answers:
            for case, answer in answers:
                yield case, answer if isinstance(answer, CaseFailure) else _received(answer, case.case)

    return schedule


def _received(files: Mapping[str, bytes], case: Case) -> Fill:
    def fill(folder: Path) -> None:
        for name, data in files.items():
            if Path(name).name != name:
                raise HarnessError(f"{case.target}: {name!r} is not a file of a record")
            (folder / name).write_bytes(data)

    return fill


def title_of(cases: Sequence[Case]) -> str:
    """Name a run by what it measured and where, in one line. The host is named where there is no other target.

    >>> from edgetool.models.spec import Precision
    >>> fp32, int8 = (Case(model="net", precision=Precision(p), target="desk", threads=1) for p in ("fp32", "int8"))
    >>> title_of([fp32, replace(int8, target="host")])
    'net on desk'
    >>> title_of([replace(fp32, model=f"net{i}") for i in range(NAMED + 1)])
    '4 models on desk'
    """
    models = dict.fromkeys(case.model for case in cases)
    targets = dict.fromkeys(case.target for case in cases)
    targets = {target: None for target in targets if target != HOST} or targets
    return f"{_listed(models, 'model')} on {_listed(targets, 'target')}"


def _listed(names: Collection[str], noun: str) -> str:
    return ", ".join(names) if len(names) <= NAMED else plural(len(names), noun)


def run_cases(
    cases: Iterable[PreparedCase | UnpreparedCase],
    folder: Path,
    schedule: Schedule,
    *,
    command: str,
    name: str,
    watch: Watch | None = None,
    fallbacks: Sequence[Fallback] = (),
    goals: Sequence[Goal] = (),
    criterion: Criterion = Criterion.LATENCY,
    force: bool = False,
) -> Run:
    """Measure the cases without a record in `folder`, store each record as it arrives, and write `run.json`.

    A failing case becomes a result with its reason, but the error of a required one is raised. Raises ConfigError when
    another run is active in the folder.
    """
    from filelock import FileLock, Timeout

    created_at = datetime.now(UTC)
    known = tuple(cases)
    title = title_of([case.case for case in known])
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write to {folder}: {error.strerror}", hint="choose another folder") from error
    try:
        with FileLock(folder / ".lock", timeout=0):
            underway = Underway(
                title=title,
                started_at=created_at,
                words=own_words(),
                directory=str(Path.cwd()),
                cases=tuple(case.case for case in known),
            )
            told, jobs = _Told(folder, underway, watch), folder / JOBS
            if force:
                shutil.rmtree(jobs, ignore_errors=True)
            results = _measure(known, RecordStore(folder), schedule, Journal(jobs), watch=told, force=force)
            run = Run(
                schema=Run.SCHEMA,
                id=name,
                command=command,
                title=title,
                created_at=created_at,
                edgetool=__version__,
                results=results,
                fallbacks=tuple(fallbacks),
                goals=tuple(goals),
                criterion=criterion,
            )
            write_run(folder, run)
            told.clear()
            shutil.rmtree(jobs, ignore_errors=True)
            return run
    except Timeout as error:
        raise ConfigError(f"another run is active in {folder}", hint="wait for it, or choose another folder") from error


def _measure(
    cases: Sequence[PreparedCase | UnpreparedCase],
    store: RecordStore,
    schedule: Schedule,
    journal: Journal,
    *,
    watch: Watch,
    force: bool,
) -> tuple[CaseResult, ...]:
    """Return the results in the order of the cases."""
    results: dict[Case, CaseResult] = {}

    def finish(result: CaseResult) -> None:
        results[result.case] = result
        watch.end(result)

    left = [case for case in cases if isinstance(case, PreparedCase) and (force or not store.has(case.key))]
    watch.begin([case.case for case in left])
    for case in cases:
        if isinstance(case, UnpreparedCase):
            finish(CaseResult(case=case.case, failure=CaseFailure.of(case.error)))
        elif case not in left:
            finish(CaseResult(case=case.case, record=store.path(case.key), kept=True))
    if left:
        with closing(schedule(left, journal)) as answers:
            for case, answer in answers:
                finish(_keep(case, answer, store))
    return tuple(results[case.case] for case in cases)


def _keep(case: PreparedCase, answer: Answer, store: RecordStore) -> CaseResult:
    """Store the record of a case and return its result. Raises the error of a required case."""
    if not isinstance(answer, EdgetoolError | CaseFailure):
        try:
            return CaseResult(case=case.case, record=store.write(case.key, answer, case.case))
        except EdgetoolError as error:
            answer = error
    if isinstance(answer, CaseFailure):
        return CaseResult(case=case.case, failure=answer)
    if case.required:
        raise answer
    return CaseResult(case=case.case, failure=CaseFailure.of(answer))


@contextmanager
def new_run(runs: Path, cases: Sequence[PreparedCase | UnpreparedCase], *, force: bool = False) -> Iterator[Path]:
    """Yield a folder in which to run these cases. Call `publish` on it when all is done.

    Until then it is hidden and named after its cases, so a new run of the same cases resumes an interrupted one. Raises
    ConfigError when `runs` isn't writable.
    """
    from filelock import Timeout

    keys = sorted(case.key for case in cases if isinstance(case, PreparedCase))
    folder = runs / f".unfinished-{key_of({'cases': keys})}"
    try:
        runs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"cannot write to {runs}: {error.strerror}", hint="choose another folder with --runs"
        ) from error
    lock = _lock_of(folder)
    try:
        lock.acquire()
        _take_over(folder)
    except Timeout:  # the same run is active now, so use another folder
        folder = folder.with_name(f"{folder.name}-{secrets.token_hex(3)}")
        lock = _lock_of(folder)
        lock.acquire()
    if force:
        shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        if not list((folder / RECORDS).glob("*/*.json")) and not list(folder.glob(f"{JOBS}/*")):
            shutil.rmtree(folder, ignore_errors=True)  # nothing to resume
        _remove(lock)


def _lock_of(folder: Path) -> FileLock:
    """Return the lock that whoever fills an unfinished folder holds."""
    from filelock import FileLock

    return FileLock(folder.with_name(f"{folder.name}.lock"), timeout=0)


def _remove(lock: FileLock) -> None:
    with suppress(OSError):
        Path(lock.lock_file).unlink()
    lock.release()


def _take_over(folder: Path) -> None:
    """Move what second runs of the same cases left when they were interrupted to `folder`, where it is not there."""
    from filelock import Timeout

    for path in folder.parent.glob(f"{folder.name}-*.lock"):
        other = path.with_suffix("")
        lock = _lock_of(other)
        try:
            lock.acquire()
        except Timeout:
            continue
        for left in (*other.glob(f"{RECORDS}/[!.]*"), *other.glob(f"{JOBS}/*")):
            mine = folder / left.relative_to(other)
            mine.parent.mkdir(parents=True, exist_ok=True)
            if not mine.exists():
                left.rename(mine)
        shutil.rmtree(other, ignore_errors=True)
        _remove(lock)


def run_name() -> str:
    """Return a unique name for a run that starts now. Names sort by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def publish(folder: Path, name: str) -> Path:
    """Rename a finished run's folder to its name."""
    (folder / ".lock").unlink(missing_ok=True)
    return folder.rename(folder.with_name(name))


def check_complete(run: Run, folder: Path) -> None:
    """Check that all cases succeeded. Raises RunIncomplete, naming the targets with failures."""
    failed = [result for result in run.results if result.failure is not None]
    if failed:
        where = ", ".join(dict.fromkeys(result.case.target for result in failed))
        raise RunIncomplete(
            f"{len(failed)} of {len(run.results)} cases failed, on {where}",
            hint=f"{folder / 'report.md'} has the reasons; run the same command again to measure only the failed cases",
        )
