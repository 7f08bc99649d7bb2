"""Run on this machine in a temporary work folder. The local emulators build on this executor."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Literal, Self

from edgetool.errors import ExecutorError, TransferError
from edgetool.executors.base import FOLDER_LIMIT_BYTES, CommandResult, Traits
from edgetool.platform.copying import copy_untrusted
from edgetool.platform.files import is_inside, scratch_folder
from edgetool.platform.process import Completed, run_process
from edgetool.platform.progress import SILENT, Progress
from edgetool.platform.values import value
from edgetool.targets.spec import Target


class LocalExecutor:
    """Run commands on this machine. `prefix` precedes every command."""

    traits = Traits(has_libc=True, runs_here=True, emulates=False)

    @value
    class Settings:
        kind: Literal["local"]

    def __init__(self, *, prefix: Sequence[str] = (), emulator: str | None = None) -> None:
        self.emulator = emulator
        self._prefix = tuple(prefix)
        self._work: Path | None = None
        self._open = ExitStack()

    @classmethod
    def open(cls, target: Target, *, exclusive: bool = True, progress: Progress = SILENT) -> Self:
        del target, exclusive, progress
        return cls()

    @classmethod
    def identity(cls, target: Target) -> object:
        return target.executor

    def __enter__(self) -> Self:
        self._work = self._open.enter_context(scratch_folder())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._work = None
        self._open.close()

    def native(self) -> bool:
        return self.emulator is None

    def put(self, local: Path, remote: PurePosixPath) -> None:
        self._copy(local, self._there(remote))

    def get(self, remote: PurePosixPath, local: Path, *, limit_bytes: int = FOLDER_LIMIT_BYTES) -> None:
        """Copy without links, since a program's links may point to any file on this machine."""
        self._there(remote)
        try:
            copy_untrusted(self._there(PurePosixPath(".")), remote, local, limit_bytes=limit_bytes)
        except OSError as error:
            raise TransferError(f"cannot get {remote}: {error.strerror or error}") from error

    def written_bytes(self, remote: PurePosixPath) -> int:
        """Return the size of a file in the work folder, 0 when it isn't there."""
        try:
            return self._there(remote).lstat().st_size
        except OSError:
            return 0

    def run(
        self,
        argv: Sequence[str | PurePosixPath],
        *,
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> CommandResult:
        folder, words = self._there(PurePosixPath(".")), self._started(self._words(argv))
        try:
            done = run_process(words, cwd=folder, env=env, timeout_s=timeout_s)
        except OSError as error:
            raise ExecutorError(
                f"cannot run {words[0]}: {error.strerror}",
                hint="`edgetool doctor` lists what is missing",
            ) from error
        return self._result(argv, done)

    def _started(self, words: Sequence[str]) -> list[str]:
        """Return the command line that runs a program for the target's machine."""
        return [*self._prefix, *words]

    def _words(self, argv: Sequence[str | PurePosixPath]) -> list[str]:
        """Return the command with the full path of a program in the work folder.

        A name without a slash is looked up on PATH.
        """
        words = [str(word) for word in argv]
        if "/" in words[0] and not words[0].startswith("/"):
            words[0] = str(self._there(PurePosixPath(".")) / words[0])
        return words

    @staticmethod
    def _result(argv: Sequence[str | PurePosixPath], done: Completed) -> CommandResult:
        return CommandResult(
            argv=tuple(map(str, argv)),
            exit_code=done.exit_code,
            stdout=done.stdout,
            stderr=done.stderr,
            duration_s=done.duration_s,
            timed_out=done.timed_out,
        )

    def _there(self, remote: PurePosixPath) -> Path:
        if self._work is None:
            raise ExecutorError("the executor is not open", hint="use it in a `with` block")
        if not is_inside(str(remote)):
            raise TransferError(f"{remote} is not inside the work folder")
        return self._work / remote

    @staticmethod
    def _copy(source: Path, destination: Path) -> None:
        # Copied, not linked: programs must not modify the originals.
        try:
            destination.parent.mkdir(parents=True, exist_ok=True)
            if not source.is_dir() and not source.is_file():
                # devices and pipes have no end
                raise TransferError(f"cannot copy {source}: it is missing or not a file")
            if source.is_dir():
                shutil.copytree(source, destination, dirs_exist_ok=True)
            else:
                shutil.copy2(source, destination)
        except shutil.Error as error:  # for folders: a list of source, destination and reason
            raise TransferError(f"cannot copy {source} to {destination}: {error.args[0][0][2]}") from error
        except OSError as error:
            raise TransferError(f"cannot copy {source} to {destination}: {error}") from error
