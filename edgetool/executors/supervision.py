"""Scripts that manage sessions and jobs on a board. They call functions of board.sh."""

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
    """Start a session and keep it until "bye" on stdin, or until no "heartbeat" arrives for longer than a lease.

    Answers `busy HOLDER` while another session has the board's lock, then `ready ROOT HASHES`; or `failed WHY`.
    """
    lock = "yes" if exclusive else "no"
    return b"umask 077\n" + _calling("enter", identity, folder or "", f"{lease_s:.3f}", holder, lock)


def resume_script(work: str, identity: str) -> bytes:
    """Resume a session whose link was lost. Answers like enter_script, or `gone`."""
    return b"umask 077\n" + _calling("resume", work, identity)


def run_script(
    work: str, identity: str, number: int, argv: Sequence[str], env: Mapping[str, str], timeout_s: float | None
) -> bytes:
    """Start a job, or find it if it was started before, and wait for its end.

    Answers `ended CODE LATE` followed by its stdout, with its stderr on stderr; `failed WHY`; `gone` when the session
    no longer exists; or `lost` when the job doesn't.
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
    """End a job and all its processes."""
    return _calling("end_job", work, identity, str(number))


def attach_script(work: str, number: int) -> bytes:
    """Wait for a job started by another session. Answers like run_script."""
    return _calling("attach_job", work, str(number))


def written_script(work: str, number: int) -> bytes:
    """List the files that a job wrote: `f`, the path relative to the work folder and a zero byte each."""
    return _calling("written_by", work, str(number))


def discard_script(work: str, number: int) -> bytes:
    """Discard a job whose session is over. The last one's work folder is removed with it."""
    return _calling("discard", work, str(number))


def list_script(root: str) -> bytes:
    """List the jobs of all sessions: six zero-terminated fields each."""
    return _calling("list_jobs", root)
