"""The three verbs every executor speaks, and what else tells one kind from another."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Protocol, Self

from edgetool.errors import CommandFailed, CommandTimeout, IllegalInstruction
from edgetool.platform.foreign import one_line
from edgetool.platform.values import value
from edgetool.targets.spec import Target

UNDO = ".edgetool-undo"  # a shell script in the work folder: a board runs it when its visitor is gone
FOLDER_LIMIT_BYTES = 8 * 1024**3  # of what comes back when nobody knows how much it should be
SIGILL_EXIT_CODES = frozenset({-4, 132})  # as a signal, and as a shell reports it


@value
class CommandResult:
    """How a command on the target ended; raising is the caller's choice."""

    argv: tuple[str, ...]
    exit_code: int
    stdout: bytes
    stderr: bytes
    duration_s: float
    timed_out: bool

    def check(self) -> Self:
        """Raises CommandTimeout, IllegalInstruction or CommandFailed unless the command succeeded."""
        name = PurePosixPath(self.argv[0]).name
        if self.timed_out:
            raise CommandTimeout(
                f"{name} took longer than {self.duration_s:.0f} s",
                hint="raise timeout_s in the target's [benchmark] table",
            )
        if self.exit_code in SIGILL_EXIT_CODES:
            raise IllegalInstruction(
                f"{name} used an instruction that the target's CPU does not have",
                hint="package with a runtime built for this CPU; `edgetool targets show` says what the target is",
            )
        if self.exit_code != 0:
            last = [one_line(line) for line in self.stderr.decode(errors="replace").strip().splitlines()[-5:]]
            raise CommandFailed(
                "\n  ".join([f"`{shlex.join(self.argv)}` ended with exit code {self.exit_code}", *last])
            )
        return self


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What packaging, counting and scheduling ask of a kind of executor, before one is open."""

    has_libc: bool  # programs of the target's machine find their libc there; else they bring it along
    runs_here: bool  # on this machine's processors, which it shares with whatever else runs here
    emulates: bool  # by an emulator: no time of its is a latency
    loads_plugins: bool = False  # that emulator takes plugins, and so can count instructions


class Executor(Protocol):
    """A target that is open: files go in and out, commands run.

    Remote paths are relative to a work folder that the executor makes on entering and removes on leaving. A local
    `Path` is here, a `PurePosixPath` is there.
    """

    @property
    def traits(self) -> Traits: ...

    emulator: str | None  # what executes the target's instructions, None on silicon

    @classmethod
    def identity(cls, target: Target) -> object:
        """What an answer of the target holds for: the same place gives it again. Plain data."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def put(self, local: Path, remote: PurePosixPath) -> None:
        """Copy a file, or a folder with all it holds. Raises TransferError."""
        ...

    def get(self, remote: PurePosixPath, local: Path, *, limit_bytes: int = FOLDER_LIMIT_BYTES) -> None:
        """Copy a file, or a folder without its links, back. Raises TransferError, for more than `limit_bytes` too."""
        ...

    def run(
        self,
        argv: Sequence[str | PurePosixPath],
        *,
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> CommandResult:
        """Run a program of the target's machine in the work folder. A non-zero exit code is data."""
        ...

    def native(self) -> bool:
        """Whether `run` also starts the target's own programs, such as a shell, and so /proc and /sys are its own."""
        ...
