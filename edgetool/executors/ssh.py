"""Run on a board over SSH; all it needs there is a POSIX shell."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Literal, Self

from annotated_types import Ge, Le

from edgetool.errors import ConnectError, ExecutorError, TransferError
from edgetool.executors import shell
from edgetool.executors.base import CommandResult, Target
from edgetool.executors.sshconfig import resolve_host
from edgetool.platform.documents import check_table
from edgetool.platform.files import is_inside, sha256_file
from edgetool.platform.values import Name, value

if TYPE_CHECKING:
    from edgetool.executors.connection import Connection, Ended, Remote

COMMAND_TIMEOUT_S = 120.0  # for the shell's own work: making folders, hashing what is there
END_TIMEOUT_S = 30.0
PARALLEL_UPLOADS = 4
CHUNK_BYTES = 2**20
GET_LIMIT_BYTES = 8 * 1024**3
FILES_LIMIT = 10_000
LIST_LIMIT_BYTES = 4 * 1024**2


class SshExecutor:
    """A board. Its work folder lives as long as the connection: the board itself removes it when the link ends."""

    @value
    class Settings:
        kind: Literal["ssh"]
        host: Name  # a Host of ~/.ssh/config, or user@host
        config: Name | None = None  # a file in place of ~/.ssh/config
        accept_new: bool = False  # take an unknown host key on first sight; a changed one never
        folder: Name | None = None  # on the board, in place of ~/.cache/edgetool
        cache_mib: Annotated[int, Ge(0), Le(2**20)] = 2048  # what may be kept there
        connect_timeout_s: Annotated[float, Ge(1), Le(600)] = 30.0
        emulator: Name | None = None  # what executes its instructions when it is no silicon

    def __init__(self, settings: Settings) -> None:
        self.emulator = settings.emulator
        self._settings = settings
        self._open = ExitStack()
        self._connection: Connection | None = None
        self._identity = ""
        self._root = ""
        self._can_hash = False
        self._runs = 0

    @classmethod
    def open(cls, target: Target) -> Self:
        return cls(check_table(cls.Settings, target.executor, where=f"target {target.name}: executor"))

    def __enter__(self) -> Self:
        from edgetool.executors.connection import Connection

        config = None if self._settings.config is None else Path(self._settings.config).expanduser()
        host = resolve_host(self._settings.host, config)
        with ExitStack() as stack:
            self._connection = stack.enter_context(
                Connection(
                    host,
                    config=config,
                    accept_new=self._settings.accept_new,
                    timeout_s=self._settings.connect_timeout_s,
                )
            )
            self._identity = secrets.token_hex(8)
            self._runs = 0
            keeper = self._connection.start(shell.SHELL)
            stack.callback(self._say_bye, keeper)
            keeper.write(shell.keep_script(self._identity, self._settings.folder))
            self._read_greeting(keeper)
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._open.close()
        finally:
            self._connection = None

    def _read_greeting(self, keeper: Remote) -> None:
        """The keeper's first words, after whatever the login shell prints."""
        said = b""
        while chunk := keeper.read():
            said = (said + chunk)[-CHUNK_BYTES:]
            _, found, rest = said.partition(b"edgetool\0")
            if not found or rest.count(b"\0") < 3:
                continue
            word, first, hashes = (part.decode(errors="surrogateescape") for part in rest.split(b"\0")[:3])
            if word != "ready":
                raise ExecutorError(
                    f"{self._settings.host}: cannot make a work folder: {first.strip()}",
                    hint="is its disk full or read-only? `folder` in the target's [executor] table names another place",
                )
            self._root, self._can_hash = first, hashes == "yes"
            return
        last = keeper.end().stderr.decode(errors="replace").strip()[-300:]
        raise ExecutorError(f"{self._settings.host} has no usable /bin/sh: {last}")

    @staticmethod
    def _say_bye(keeper: Remote) -> None:
        """Without a link there is no one to say it to, and none is needed."""
        with contextlib.suppress(ConnectError, BrokenPipeError, ExecutorError):
            keeper.write(b"bye\n")
            keeper.close_stdin()
            keeper.collect(END_TIMEOUT_S)

    def native(self) -> bool:
        return True

    def put(self, local: Path, remote: PurePosixPath) -> None:
        self._check(remote)
        folders, files = _read_tree(local, remote)
        by_hash = {placement.sha256: (path, placement.size_bytes) for path, placement in files}
        parts = self._missing(by_hash)
        with ThreadPoolExecutor(PARALLEL_UPLOADS) as pool:
            jobs = [pool.submit(self._upload, *by_hash[name], name, parts[name]) for name in parts]
            for job in jobs:
                job.result()
        placements = [placement for _, placement in files]
        cap_kib = self._settings.cache_mib * 1024
        script = shell.place_script(self._work, self._content, folders, placements, cap_kib=cap_kib)
        self._shell(script, f"put {local}")

    def get(self, remote: PurePosixPath, local: Path) -> None:
        self._check(remote)
        if self._download(remote, local, GET_LIMIT_BYTES) is None:
            self._download_folder(remote, local)

    def run(
        self,
        argv: Sequence[str | PurePosixPath],
        *,
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> CommandResult:
        words = tuple(map(str, argv))
        self._link()
        self._runs += 1
        mark = f"{self._identity}.{self._runs}."
        remote = self._start(shell.run_script(self._work, mark, words, env or {}))
        try:
            ended = remote.collect(timeout_s)
        except BaseException:
            # Ctrl-C above all: what was started must not go on. After a lost link the board sees to it.
            self._end(mark)
            raise
        if ended is None:
            self._end(mark)
            late = remote.collect(END_TIMEOUT_S)
            if late is None:
                raise ConnectError(f"{self._settings.host} did not end `{words[0]}` after its time was up")
            ended = late
            return _result(words, ended, timed_out=True)
        return _result(words, ended, timed_out=False)

    def clean(self) -> int:
        """Remove what is kept on the board for the next time; returns its size in bytes."""
        said = self._shell(shell.clean_script(self._root), "remove what is kept").stdout.strip()
        return int(said) * 1024 if said.isdigit() and len(said) < 16 else 0

    @property
    def _work(self) -> str:
        return f"{self._root}/work/{self._identity}"

    @property
    def _content(self) -> str:
        return f"{self._root}/content"

    def _link(self) -> Connection:
        if self._connection is None:
            raise ExecutorError("the executor is not open", hint="use it in a `with` block")
        return self._connection

    def _check(self, remote: PurePosixPath) -> None:
        self._link()
        if not is_inside(str(remote)):
            raise TransferError(f"{remote} is not inside the work folder")

    def _start(self, script: bytes) -> Remote:
        remote = self._link().start(shell.SHELL)
        remote.write(script)
        remote.close_stdin()
        return remote

    def _end(self, mark: str) -> None:
        with contextlib.suppress(ExecutorError, BrokenPipeError):
            self._start(shell.end_script(mark)).collect(END_TIMEOUT_S)

    def _shell(self, script: bytes, what: str) -> Ended:
        """Raises TransferError with the shell's last words."""
        ended = self._start(script).collect(COMMAND_TIMEOUT_S)
        if ended is None:
            raise TransferError(f"cannot {what}: the board took longer than {COMMAND_TIMEOUT_S:.0f} s")
        if ended.exit_code != 0:
            raise _refused(what, ended.stderr)
        return ended

    def _missing(self, by_hash: Mapping[str, tuple[Path, int]]) -> dict[str, int]:
        """Hash → how much of it is there, of the contents that the board does not have whole."""
        missing = dict.fromkeys(by_hash, 0)
        if not by_hash:
            return missing
        ended = self._shell(
            shell.inventory_script(self._content, by_hash, can_hash=self._can_hash), "look what is there"
        )
        for line in ended.stdout.decode(errors="replace").splitlines():
            match line.split():
                case ["have", name]:
                    missing.pop(name, None)
                case ["part", name, size] if name in missing and size.isdecimal() and len(size) < 16:
                    missing[name] = int(size) if int(size) <= by_hash[name][1] else 0
        return missing

    def _upload(self, path: Path, size_bytes: int, sha256: str, offset: int) -> None:
        """Send a content, or the rest of one; a part that turns out to be something else is sent anew, once."""
        ended = self._send(path, size_bytes, sha256, offset)
        if ended.exit_code == shell.NOT_SOUND and offset:
            ended = self._send(path, size_bytes, sha256, 0)
        if ended.exit_code == shell.NOT_SOUND:
            raise TransferError(f"{path} arrived changed", hint="did it change while it was sent?")
        if ended.exit_code == shell.CUT_OFF:
            raise TransferError(f"{path} became shorter while it was sent")
        if ended.exit_code != 0:
            raise _refused(f"put {path}", ended.stderr)

    def _send(self, path: Path, size_bytes: int, sha256: str, offset: int) -> Ended:
        command = shell.store_command(self._content, sha256, size_bytes, append=offset > 0, can_hash=self._can_hash)
        remote = self._link().start(command)
        try:
            with path.open("rb") as file:
                before = os.fstat(file.fileno())
                if before.st_size != size_bytes:
                    raise TransferError(f"{path} changed before it was sent")
                file.seek(offset)
                # A board whose disk is full stops reading; its exit code then says so.
                with contextlib.suppress(BrokenPipeError):
                    while chunk := file.read(CHUNK_BYTES):
                        remote.write(chunk)
                if os.fstat(file.fileno()).st_mtime_ns != before.st_mtime_ns:
                    # The board may keep it under a wrong name, and finds that out when it is next asked for it.
                    raise TransferError(f"{path} changed while it was sent")
        except OSError as error:
            remote.close()
            raise TransferError(f"cannot read {path}: {error.strerror}") from error
        remote.close_stdin()
        ended = remote.collect(COMMAND_TIMEOUT_S)
        if ended is None:
            raise TransferError(f"cannot put {path}: the board took longer than {COMMAND_TIMEOUT_S:.0f} s to check it")
        return ended

    def _download(self, remote: PurePosixPath, local: Path, limit_bytes: int) -> int | None:
        """A file's size after it was written whole; None for a folder."""
        sending = self._start(shell.send_script(self._work, str(remote)))
        handle, beside = -1, ""
        try:
            local.parent.mkdir(parents=True, exist_ok=True)
            handle, beside = tempfile.mkstemp(dir=local.parent, prefix=".edgetool-")
            size = 0
            with os.fdopen(handle, "wb") as file:
                while chunk := sending.read():
                    size += len(chunk)
                    if size > limit_bytes:
                        raise TransferError(f"{remote} is larger than {GET_LIMIT_BYTES >> 20} MiB")
                    file.write(chunk)
            ended = sending.end()
            if ended.exit_code == shell.IS_FOLDER:
                return None
            if ended.exit_code == shell.IS_MISSING:
                raise TransferError(f"cannot get {remote}: the board has no such file")
            if ended.exit_code != 0:
                raise _refused(f"get {remote}", ended.stderr)
            Path(beside).chmod(0o644)
            Path(beside).replace(local)
            return size
        except OSError as error:
            raise TransferError(f"cannot get {remote}: {error.strerror}: {local}") from error
        finally:
            sending.close()
            if beside:
                Path(beside).unlink(missing_ok=True)

    def _download_folder(self, remote: PurePosixPath, local: Path) -> None:
        listed = self._shell(shell.list_script(self._work, str(remote)), f"get {remote}").stdout
        if len(listed) >= LIST_LIMIT_BYTES or listed.count(b"\0") > FILES_LIMIT:
            raise TransferError(f"{remote} holds more than {FILES_LIMIT} files")
        left = GET_LIMIT_BYTES
        for kind, path in _listed(listed):
            if not is_inside(str(path)):
                raise TransferError(f"the board names {str(path)!r}, which is not inside {remote}")
            if kind == "d":
                (local / path).mkdir(parents=True, exist_ok=True)
            else:
                left -= self._download(remote / path, local / path, left) or 0


def _listed(data: bytes) -> Iterator[tuple[str, PurePosixPath]]:
    for entry in data.split(b"\0")[:-1]:
        text = entry.decode(errors="surrogateescape")
        yield text[:1], PurePosixPath(text[1:])


def _read_tree(local: Path, remote: PurePosixPath) -> tuple[list[str], list[tuple[Path, shell.Placement]]]:
    """The folders to make and the files to place, links as what they lead to. Raises TransferError."""
    folders = [str(remote.parent)]
    files = []
    try:
        if local.is_dir():
            paths = sorted(local.rglob("*"))
            folders += [str(remote), *(str(remote / path.relative_to(local)) for path in paths if path.is_dir())]
            found = [(path, remote / path.relative_to(local)) for path in paths if not path.is_dir()]
        else:
            found = [(local, remote)]
        for path, there in found:
            status = path.stat()
            placement = shell.Placement(
                sha256=sha256_file(path),
                size_bytes=status.st_size,
                path=str(there),
                executable=bool(status.st_mode & 0o111),
            )
            files.append((path, placement))
    except OSError as error:
        raise TransferError(f"cannot read {error.filename or local}: {error.strerror}") from error
    return folders, files


def _refused(what: str, stderr: bytes) -> TransferError:
    last = stderr.decode(errors="replace").strip()[-300:] or "the board does not say why"
    return TransferError(f"cannot {what}: {last}", hint="is its disk full?" if "space" in last else None)


def _result(argv: tuple[str, ...], ended: Ended, *, timed_out: bool) -> CommandResult:
    return CommandResult(
        argv=argv,
        exit_code=ended.exit_code,
        stdout=ended.stdout,
        stderr=ended.stderr,
        duration_s=ended.duration_s,
        timed_out=timed_out,
    )
