"""Run on a board over SSH. The board needs only a POSIX shell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Annotated, Literal, Self

from annotated_types import Ge, Le

from edgetool.errors import ExecutorError, TransferError
from edgetool.executors import transfer
from edgetool.executors.base import FOLDER_LIMIT_BYTES, CommandResult, Traits
from edgetool.executors.hostkeys import known_identity
from edgetool.executors.jobs import Job, attach_job, cancel_job, list_jobs, run_job
from edgetool.executors.link import Link, SessionSettings
from edgetool.executors.sshconfig import resolve_host
from edgetool.platform.documents import check_table
from edgetool.platform.files import is_inside
from edgetool.platform.progress import SILENT, Progress
from edgetool.platform.values import Name, value
from edgetool.targets.spec import Seconds, Target


class SshExecutor:
    """A board that stays locked while the executor is open.

    Jobs are detached from the link. After a lost link edgetool reconnects and finds the running job again. When the
    link stays away longer than a lease, the board cleans up after the running job has ended.
    """

    traits = Traits(has_libc=True, runs_here=False, emulates=False)

    @value
    class Settings:
        kind: Literal["ssh"]
        host: Name  # a Host of ~/.ssh/config, or user@host
        config: Name | None = None  # replaces ~/.ssh/config
        accept_new: bool = False  # accept an unknown host key; a changed one is never accepted
        folder: Name | None = None  # on the board; replaces ~/.cache/edgetool, and /tmp/edgetool for its lock
        cache_mib: Annotated[int, Ge(0), Le(2**20)] = 2048  # limit for files stored on the board
        connect_timeout_s: Annotated[float, Ge(1), Le(600)] = 30.0
        lease_s: Annotated[float, Ge(1), Le(3600)] = 60.0  # how long a lost link may take to come back
        wait_s: Seconds = 0.0  # how long to wait for another session's lock
        emulator: Name | None = None  # the emulator that executes its instructions, if it isn't silicon

    def __init__(
        self, settings: Settings, *, name: str = "board", exclusive: bool = True, progress: Progress = SILENT
    ) -> None:
        self.emulator = settings.emulator
        self._name = name
        self._settings = settings
        self._exclusive = exclusive
        self._progress = progress
        self._open = ExitStack()
        self._link: Link | None = None
        self._jobs = 0

    @classmethod
    def open(cls, target: Target, *, exclusive: bool = True, progress: Progress = SILENT) -> Self:
        settings = check_table(cls.Settings, target.executor, where=f"target {target.name}: executor")
        return cls(settings, name=target.name, exclusive=exclusive, progress=progress)

    @classmethod
    def identity(cls, target: Target) -> object:
        """Identify the board itself, even if its alias leads elsewhere later."""
        settings = check_table(cls.Settings, target.executor, where=f"target {target.name}: executor")
        return {"kind": settings.kind, "board": known_identity(resolve_host(settings.host, _config(settings)))}

    def __enter__(self) -> Self:
        settings = self._settings
        config = _config(settings)
        link = Link(
            resolve_host(settings.host, config),
            SessionSettings(
                target=self._name,
                folder=settings.folder,
                lease_s=settings.lease_s,
                exclusive=self._exclusive,
                wait_s=settings.wait_s,
            ),
            config=config,
            accept_new=settings.accept_new,
            timeout_s=settings.connect_timeout_s,
            progress=self._progress,
        )
        self._link = self._open.enter_context(link)
        self._jobs = 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._open.close()
        finally:
            self._link = None

    @property
    def link(self) -> Link:
        if self._link is None:
            raise ExecutorError("the executor is not open", hint="use it in a `with` block")
        return self._link

    def native(self) -> bool:
        return True

    def put(self, local: Path, remote: PurePosixPath) -> None:
        link = self._checked(remote)
        cap_kib = self._settings.cache_mib * 1024
        link.again(lambda: transfer.put(link, local, remote, cap_kib=cap_kib))

    def get(self, remote: PurePosixPath, local: Path, *, limit_bytes: int = FOLDER_LIMIT_BYTES) -> None:
        link = self._checked(remote)
        link.again(lambda: transfer.get(link, remote, local, limit_bytes=limit_bytes))

    def run(
        self,
        argv: Sequence[str | PurePosixPath],
        *,
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> CommandResult:
        link = self.link
        self._jobs += 1
        return run_job(link, self._jobs, tuple(map(str, argv)), env=env or {}, timeout_s=timeout_s)

    def next_job(self) -> str:
        return f"{self.link.identity}.{self._jobs + 1}"

    def jobs(self) -> tuple[Job, ...]:
        """Return the running jobs and the finished ones whose result nobody has fetched."""
        return list_jobs(self.link)

    def attach(self, job: str, into: Path) -> CommandResult:
        """Wait for a job started by another session, and copy the files it wrote into `into`."""
        return attach_job(self.link, job, into)

    def cancel(self, job: str) -> None:
        """End a job and all its processes."""
        cancel_job(self.link, job)

    def clean(self) -> int:
        """Remove everything stored on the board for later sessions. Return its size in bytes."""
        link = self.link
        return link.again(lambda: transfer.clean(link, self._settings.cache_mib << 20))

    def _checked(self, remote: PurePosixPath) -> Link:
        if not is_inside(str(remote)):
            raise TransferError(f"{remote} is not inside the work folder")
        return self.link


def _config(settings: SshExecutor.Settings) -> Path | None:
    return None if settings.config is None else Path(settings.config).expanduser()
