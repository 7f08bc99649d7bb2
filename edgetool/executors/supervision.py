"""Scripts that keep a visit to a board and its jobs, whatever becomes of the link; the functions are in board.sh."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from edgetool.errors import ExecutorError
from edgetool.executors.shell import compound, quote

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@cache
def _functions() -> str:
    return Path(__file__).with_name("board.sh").read_text()


def _calling(*words: str, before: Sequence[str] = ()) -> bytes:
    return compound(_functions(), *before, " ".join(quote(word) for word in words))


def enter_script(identity: str, folder: str | None, *, lease_s: float, holder: str, exclusive: bool) -> bytes:
    """Make a visit and keep it until "bye" on stdin, or until no "beat" has come for more than a lease.

    Answers `busy HOLDER` for as long as another has the board's lock, then `ready ROOT HASHES`; or `failed WHY`.
    """
    lock = "yes" if exclusive else "no"
    return b"umask 077\n" + _calling("enter", identity, folder or "", f"{lease_s:.3f}", holder, lock)


def resume_script(work: str, identity: str) -> bytes:
    """Go on with a visit whose link was lost. Answers like enter_script, or `gone`."""
    return b"umask 077\n" + _calling("resume", work, identity)


def run_script(
    work: str, identity: str, number: int, argv: Sequence[str], env: Mapping[str, str], timeout_s: float | None
) -> bytes:
    """Start a job, or find it under way when it was started before, and wait for its end.

    Answers `ended CODE LATE`, then its stdout follows and its stderr on stderr; `failed WHY`; or `gone` or `lost` when
    the visit or the job is no longer there.
    """
    for name in env:
        if not NAME.fullmatch(name):
            raise ExecutorError(f"{name!r} is not an environment variable's name")
    command = " ".join(quote(word) for word in argv)
    program = [
        "program() {",
        *(f"  {name}={quote(text)}; export {name}" for name, text in env.items()),
        f"  exec $leader {command} </dev/null",
        "}",
    ]
    limit = "" if timeout_s is None else f"{timeout_s:.3f}"
    return _calling("run_job", work, identity, str(number), limit, command, before=program)


def end_script(work: str, identity: str, number: int) -> bytes:
    """End a job with all its processes."""
    return _calling("end_job", work, identity, str(number))


def attach_script(work: str, number: int) -> bytes:
    """Wait for the end of a job that was started elsewhere. Answers like run_script."""
    return _calling("attach_job", work, str(number))


def written_script(work: str, number: int) -> bytes:
    """The files that a job wrote: `f`, the path relative to the work folder, a zero byte."""
    return _calling("written_by", work, str(number))


def discard_script(work: str, number: int) -> bytes:
    """Forget a job whose visit is over; with the last one its work folder goes."""
    return _calling("discard", work, str(number))


def list_script(root: str) -> bytes:
    """All jobs of all visits: six parts each, a zero byte after every one."""
    return _calling("list_jobs", root)
