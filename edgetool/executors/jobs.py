"""Jobs on a board: each runs in its own process group and survives the loss of the link."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Protocol, runtime_checkable

from edgetool.errors import ConfigError, ConnectError, ExecutorError, JobLost, LinkLost
from edgetool.executors.base import FOLDER_LIMIT_BYTES, CommandResult, Executor
from edgetool.executors.link import ENDING_S, Link, refused
from edgetool.executors.scripts import Ended
from edgetool.executors.shell import answer_in
from edgetool.executors.supervision import (
    attach_script,
    discard_script,
    end_script,
    list_script,
    run_script,
    written_script,
)
from edgetool.executors.transfer import get_listed
from edgetool.platform.foreign import one_line
from edgetool.platform.values import Name, Text, value

ID = re.compile(r"(?P<session>[0-9a-f]{8})\.(?P<number>[1-9][0-9]{0,8})")
LIST_LIMIT = 1000


class State(StrEnum):
    RUNNING = "running"
    ENDED = "ended"
    LOST = "lost"  # the board rebooted, or the job's shell was killed


@value
class Job:
    """A job on a board whose result nobody has fetched yet."""

    id: Name
    state: State
    exit_code: int | None
    command: Text
    holder: Text  # who started it


@runtime_checkable
class JobSupervisor(Executor, Protocol):
    """An executor whose target continues jobs without a link and stores files for later sessions."""

    def next_job(self) -> str:
        """The name, without the target, of the job that the next `run` starts."""
        ...

    def jobs(self) -> tuple[Job, ...]:
        """Return the running jobs and the finished ones whose result nobody has fetched."""
        ...

    def attach(self, job: str, into: Path) -> CommandResult:
        """Wait for a job started by another session, and copy the files it wrote into `into`."""
        ...

    def cancel(self, job: str) -> None:
        """End a job and all its processes."""
        ...

    def clean(self) -> int:
        """Remove everything stored on the target for later sessions. Return its size in bytes."""
        ...


def run_job(
    link: Link, number: int, argv: tuple[str, ...], *, env: Mapping[str, str], timeout_s: float | None
) -> CommandResult:
    """Start job `number` of the session and wait for its end, reconnecting as often as needed.

    The board enforces `timeout_s` itself. Raises LinkLost when the link doesn't come back; the job then continues.
    Raises JobLost when the board no longer knows the job. Any other exception, such as an interrupt, ends the job.
    """
    script = run_script(link.work, link.identity, number, argv, env, timeout_s)
    start = time.monotonic()

    def wait() -> Ended:
        ended = link.start(script).collect(None if timeout_s is None else timeout_s + ENDING_S + link.timeout_s)
        if ended is None:
            raise ConnectError(f"{link.board} did not end `{argv[0]}` after its time was up", hint="is it overloaded?")
        return ended

    try:
        result = _told(link, argv, link.again(wait), time.monotonic() - start)
    except LinkLost as error:
        raise LinkLost(
            error.message,
            hint=f"the job continues on the board: `edgetool attach {link.target}/{link.identity}.{number}`",
        ) from error
    except BaseException:
        with contextlib.suppress(ExecutorError, BrokenPipeError):
            link.start(end_script(link.work, link.identity, number)).collect(link.timeout_s)
        raise
    link.forget(number)
    return result


def _told(link: Link, argv: tuple[str, ...], said: Ended, duration_s: float) -> CommandResult:
    """Convert the board's answer about a finished job to its result."""
    match answer_in(said.stdout):
        case (["ended", code, late], stdout) if code.isdecimal() and len(code) < 4:
            return CommandResult(
                argv=argv,
                exit_code=int(code),
                stdout=stdout,
                stderr=said.stderr,
                duration_s=duration_s,
                timed_out=late == "late",
            )
        case (["failed", why, _], _):
            raise refused(f"run {argv[0]}", why.encode())
        case _:
            raise JobLost(
                f"the job on {link.board} no longer exists: the board rebooted, or its shell was killed",
                hint="run it again",
            )


def list_jobs(link: Link) -> tuple[Job, ...]:
    """Return the jobs on a board. Raises TransferError, LinkLost."""
    return parse_jobs(link.again(lambda: link.do(list_script(link.root), "list the jobs")).stdout)


def parse_jobs(said: bytes) -> tuple[Job, ...]:
    """Parse the list of jobs: six zero-terminated fields each. Entries with an invalid ID or state are skipped."""
    texts = [one_line(part.decode(errors="replace")) for part in said.split(b"\0")[:-1]]
    jobs = []
    for session, number, state, code, command, holder in zip(*[iter(texts[: 6 * LIST_LIMIT])] * 6, strict=False):
        if ID.fullmatch(f"{session}.{number}") and state in tuple(State):
            exit_code = int(code) if code.isdecimal() and len(code) < 4 else None
            name = f"{session}.{number}"
            jobs.append(Job(id=name, state=State(state), exit_code=exit_code, command=command, holder=holder[:100]))
    return tuple(jobs)


def attach_job(link: Link, job: str, into: Path) -> CommandResult:
    """Wait for a job started by another session, and copy the files it wrote into `into`.

    Raises JobLost when there is no job of that name, TransferError, LinkLost.
    """
    work, _, number = _place(link, job)
    start = time.monotonic()

    def wait() -> Ended:
        ended = link.start(attach_script(work, number)).collect(None)
        assert ended is not None
        return ended

    result = _told(link, (job,), link.again(wait), time.monotonic() - start)
    listed = link.again(lambda: link.do(written_script(work, number), f"list what {job} wrote")).stdout
    link.again(
        lambda: get_listed(
            link, listed, PurePosixPath("."), into, files=f"{work}/files", limit_bytes=FOLDER_LIMIT_BYTES
        )
    )
    (into / "stdout").write_bytes(result.stdout)
    (into / "stderr").write_bytes(result.stderr)
    link.again(lambda: link.do(discard_script(work, number), f"forget {job}"))
    return result


def cancel_job(link: Link, job: str) -> None:
    """End a job and all its processes. Raises JobLost when there is no job of that name, TransferError, LinkLost."""
    work, session, number = _place(link, job)
    link.again(lambda: link.do(end_script(work, session, number), f"cancel {job}"))
    link.again(lambda: link.do(discard_script(work, number), f"forget {job}"))


def _place(link: Link, job: str) -> tuple[str, str, int]:
    found = ID.fullmatch(job)
    if found is None:
        raise ConfigError(f"{job!r} is not a job", hint="`edgetool jobs` lists them")
    if not any(known.id == job for known in list_jobs(link)):
        raise JobLost(f"{link.board} has no job {job}", hint="`edgetool jobs` lists running jobs and unfetched results")
    return f"{link.root}/work/{found['session']}", found["session"], int(found["number"])
