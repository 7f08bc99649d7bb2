"""`edgetool jobs`, `attach` and `cancel`: what runs on a board whether or not anyone listens."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgetool.commands.completion import complete_target
from edgetool.commands.options import Json, Runs
from edgetool.commands.output import print_json

if TYPE_CHECKING:
    from edgetool.executors.jobs import JobSupervisor
    from edgetool.harness.journal import JournalEntry

JobId = Annotated[str, typer.Argument(metavar="TARGET/ID", help="Job, as listed by `edgetool jobs`.")]


def jobs(
    target: Annotated[str, typer.Option("--target", "-t", help="Target name or file.", autocompletion=complete_target)],
    json: Json = False,
) -> None:
    """List the jobs on a board: running, and ended but not fetched.

    Example: edgetool jobs --target visionfive2
    """
    from edgetool.console.table import print_table

    with job_supervisor(target) as executor:
        found = executor.jobs()
    if json:
        from edgetool.commands.answers import JobRow, JobsAnswer

        rows = (
            JobRow(
                id=f"{target}/{job.id}",
                state=job.state,
                exit_code=job.exit_code,
                command=job.command,
                holder=job.holder,
            )
            for job in found
        )
        print_json(JobsAnswer(target=target, jobs=tuple(rows)))
        return
    cells = [
        (
            f"{target}/{job.id}",
            f"{job.state}" if job.exit_code is None else f"{job.state} with {job.exit_code}",
            job.command,
            job.holder,
        )
        for job in found
    ]
    print_table(("job", "state", "command", "by"), cells)


def attach(
    job: JobId,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Only fetch the job's files, into this folder.")
    ] = None,
    runs: Runs = Path("runs"),
    json: Json = False,
) -> None:
    """Wait until a job ends, and finish the run that it was for. Ctrl-C leaves the job running.

    The interrupted command is run again where it was called, with the results that it had and the job's. A job of no
    run in `--runs` has its files fetched into job-ID.

    Example: edgetool attach visionfive2/0a1b2c3d.4
    """
    from edgetool.console.progress import make_progress
    from edgetool.errors import ConfigError
    from edgetool.harness.journal import find_entry
    from edgetool.platform.files import staged

    target, name = _parts(job)
    found = find_entry(runs, name) if output is None else None
    if found is not None:
        _finish_run(job, *found, json=json)
        return
    folder = output or Path(f"job-{name}")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        # the board chooses the names: .git/hooks/post-checkout, or one behind a link
        raise ConfigError(f"{folder} is not an empty folder", hint="--output names a new one")
    with (
        job_supervisor(target) as executor,
        make_progress(quiet=json).step(f"attach {job}") as step,
        staged(folder) as beside,
    ):
        result = executor.attach(name, beside)
        step.note(f"ended with exit code {result.exit_code}" + (", its time was up" if result.timed_out else ""))
    if json:
        from edgetool.commands.answers import AttachAnswer

        answer = AttachAnswer(
            job=job, exit_code=result.exit_code, timed_out=result.timed_out, folder=str(folder), run=None
        )
        print_json(answer)
    else:
        print(f"{folder}: what {job} wrote")
    result.check()


def _finish_run(job: str, run: Path, entry: JournalEntry, *, json: bool) -> None:
    """Fetch what the job wrote into the run's journal, and run the run's command again."""
    import shlex
    import sys
    from json import loads

    from edgetool.commands.answers import AttachAnswer
    from edgetool.console.progress import make_progress
    from edgetool.errors import ConfigError
    from edgetool.platform.files import scratch_folder
    from edgetool.platform.process import become, run_process
    from edgetool.platform.terminal import tell
    from edgetool.records.underway import read_underway

    target, name = _parts(job)
    underway = read_underway(run)
    with (
        scratch_folder() as scratch,
        job_supervisor(target) as executor,
        make_progress(quiet=json).step(f"attach {job}") as step,
    ):
        result = executor.attach(name, scratch / "fetched")
        if result.exit_code == 0:
            entry.keep_fetched(scratch / "fetched")
        else:
            entry.forget()  # it failed or was cancelled: the run measures again
        step.note(f"ended with exit code {result.exit_code}" + (", its time was up" if result.timed_out else ""))
    if not underway.words:
        raise ConfigError(
            f"{run} is a run of a program, not of a command", hint="start the program again: it goes on with the job"
        )
    words = ["edgetool", *underway.words, *(each for each in ("--wait",) if each not in underway.words)]
    program = [sys.executable, "-P", "-m", *words]
    if not json:
        tell(f"going on with `{shlex.join(words)}`")
        os.chdir(underway.directory)
        become(program)
    done = run_process([*program, *(each for each in ("--json",) if each not in words)], cwd=Path(underway.directory))
    if done.exit_code != 0:
        sys.stderr.buffer.write(done.stderr)
        raise typer.Exit(done.exit_code)
    made = str(Path(underway.directory) / loads(done.stdout)["run"])
    print_json(AttachAnswer(job=job, exit_code=result.exit_code, timed_out=result.timed_out, folder=made, run=made))


def cancel(job: JobId, json: Json = False) -> None:
    """End a job and all its processes.

    Example: edgetool cancel visionfive2/0a1b2c3d.4
    """
    target, name = _parts(job)
    with job_supervisor(target) as executor:
        executor.cancel(name)
    if json:
        from edgetool.commands.answers import CancelAnswer

        print_json(CancelAnswer(job=job, cancelled=True))
    else:
        print(f"{job}: ended")


def _parts(job: str) -> tuple[str, str]:
    from edgetool.errors import ConfigError

    target, slash, name = job.rpartition("/")
    if not slash:
        raise ConfigError(f"{job!r} names no target", hint="for example desk/0a1b2c3d.4, as `edgetool jobs` prints it")
    return target, name


@contextmanager
def job_supervisor(target: str) -> Iterator[JobSupervisor]:
    """A board that keeps jobs, however busy it is. Raises ConfigError for another target."""
    from edgetool.errors import ConfigError
    from edgetool.executors.jobs import JobSupervisor
    from edgetool.targets.registry import load_target, open_executor

    executor = open_executor(load_target(target), exclusive=False)
    if not isinstance(executor, JobSupervisor):
        raise ConfigError(f"{target} keeps no jobs", hint="boards reached over SSH do")
    with executor:
        yield executor
