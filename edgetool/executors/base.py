"""What a target is, and the three verbs every executor speaks."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Annotated, Any, ClassVar, Protocol, Self

from annotated_types import Ge, Le

from edgetool.errors import CommandFailed, CommandTimeout, IllegalInstruction
from edgetool.platform.values import Name, NonNegative, Positive, Text, value

Seconds = Annotated[float, Ge(0), Le(7 * 24 * 3600)]

UNDO = ".edgetool-undo"  # a shell script in the work folder: a board runs it when its visitor is gone
SIGILL_EXIT_CODES = frozenset({-4, 132})  # as a signal, and as a shell reports it


@value
class BenchmarkSpec:
    """How often to repeat: until both a number of repetitions and a duration are reached."""

    warmup: NonNegative = 5
    min_repetitions: Positive = 30
    max_repetitions: Annotated[int, Ge(1), Le(1_000_000)] = 200_000
    min_duration_s: Seconds = 2.0
    threads: Annotated[int, Ge(1), Le(1024)] = 1
    cpus: Name | None = None  # "0-3,6"; None: wherever the kernel puts it
    governor: Name | None = None  # "performance"; None: as it is
    cooldown_celsius: Annotated[float, Ge(0), Le(150)] | None = None  # not before the board is as cool
    timeout_s: Seconds = 600.0  # for one command on the target


@value
class EvaluationSpec:
    """How many held-out images to classify on the target, and on how many threads."""

    images: NonNegative = 200
    threads: Annotated[int, Ge(1), Le(1024)] = 1


@value
class Target:
    """A place a bundle can run: a file `targets/<name>.toml`."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    name: Name = "unnamed"  # the file's name, filled in on reading
    description: Text
    triple: Name  # "native" for this machine's
    runtime: Name = "auto"  # a provider's name
    executor: dict[str, Any]  # `kind` and that executor's own settings
    benchmark: BenchmarkSpec = BenchmarkSpec()
    evaluation: EvaluationSpec = EvaluationSpec()


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
            last = self.stderr.decode(errors="replace").strip().splitlines()[-5:]
            raise CommandFailed(
                "\n  ".join([f"`{shlex.join(self.argv)}` ended with exit code {self.exit_code}", *last])
            )
        return self


class Executor(Protocol):
    """A target that is open: files go in and out, commands run.

    Remote paths are relative to a work folder that the executor makes on entering and removes on leaving. A local
    `Path` is here, a `PurePosixPath` is there.
    """

    emulator: str | None  # what executes the target's instructions, None on silicon

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def put(self, local: Path, remote: PurePosixPath) -> None:
        """Copy a file, or a folder with all it holds. Raises TransferError."""
        ...

    def get(self, remote: PurePosixPath, local: Path) -> None:
        """Copy a file or folder back. Raises TransferError."""
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
