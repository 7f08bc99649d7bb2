"""The protocol that every executor implements."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from edgetool.errors import CommandFailed, CommandTimeout, IllegalInstruction
from edgetool.platform.foreign import one_line
from edgetool.platform.values import value
from edgetool.targets.spec import Target

UNDO = ".edgetool-undo"  # a shell script in the work folder that a board runs when its session is over
FOLDER_LIMIT_BYTES = 8 * 1024**3  # default limit for files copied back
SIGILL_EXIT_CODES = frozenset({-4, 132})  # as a signal, and as a shell's exit code


@value
class CommandResult:
    """The result of a command on the target. The caller decides whether to raise an error."""

    argv: tuple[str, ...]
    exit_code: int
    stdout: bytes
    stderr: bytes
    duration_s: float
    timed_out: bool

    def check(self) -> Self:
        """Return the result if the command succeeded.

        Raises CommandTimeout, IllegalInstruction or CommandFailed when it didn't.
        """
        name = PurePosixPath(self.argv[0]).name
        if self.timed_out:
            raise CommandTimeout(
                f"{name} took longer than {self.duration_s:.0f} s",
                hint="raise timeout_s in the target's [benchmark] table",
            )
        if self.exit_code in SIGILL_EXIT_CODES:
            raise IllegalInstruction(
                f"{name} used an instruction that the target's CPU doesn't support",
                hint="package with a runtime built for this CPU; `edgetool targets show` describes the target",
            )
        if self.exit_code != 0:
            last = [one_line(line) for line in self.stderr.decode(errors="replace").strip().splitlines()[-5:]]
            raise CommandFailed(
                "\n  ".join([f"`{shlex.join(self.argv)}` ended with exit code {self.exit_code}", *last])
            )
        return self


@dataclass(frozen=True, kw_only=True)
class Traits:
    """Properties of a kind of executor that packaging, counting and scheduling need before one is open."""

    has_libc: bool  # provides a libc to the target's programs; otherwise the bundle contains one
    runs_here: bool  # runs on this machine's processors, which it shares with other work
    emulates: bool  # uses an emulator, so its times are not latencies
    loads_plugins: bool = False  # the emulator loads plugins, which count instructions


@runtime_checkable
class Watchable(Protocol):
    """An executor that sees files grow while a program writes them."""

    def written_bytes(self, remote: PurePosixPath) -> int:
        """Return the size of a file in the work folder, 0 when it isn't there."""
        ...


class Executor(Protocol):
    """An open target: copies files in and out and runs commands.

    Remote paths are relative to a work folder that the executor creates on entering and removes on leaving. A `Path` is
    local, a `PurePosixPath` is on the target.
    """

    @property
    def traits(self) -> Traits: ...

    emulator: str | None  # the program that executes the target's instructions; None on silicon

    @classmethod
    def identity(cls, target: Target) -> object:
        """Return plain data that identifies the place for which a cached result from this target is valid."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def put(self, local: Path, remote: PurePosixPath) -> None:
        """Copy a file or a folder to the target. Raises TransferError."""
        ...

    def get(self, remote: PurePosixPath, local: Path, *, limit_bytes: int = FOLDER_LIMIT_BYTES) -> None:
        """Copy a file or a folder from the target, skipping links. Raises TransferError, also beyond `limit_bytes`."""
        ...

    def run(
        self,
        argv: Sequence[str | PurePosixPath],
        *,
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> CommandResult:
        """Run a program for the target's machine in the work folder. A non-zero exit code is not an error."""
        ...

    def native(self) -> bool:
        """Return whether `run` can start the target's own programs, such as a shell.

        If so, /proc and /sys are the target's own too.
        """
        ...
