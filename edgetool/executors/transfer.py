"""Transfer files to a board and back, sending as little as possible."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from edgetool.errors import TransferError
from edgetool.executors import contents
from edgetool.executors.connection import Remote
from edgetool.executors.link import SLOWEST_DISK_BYTES_PER_S, Link, refused
from edgetool.executors.shell import answer_in
from edgetool.platform.files import is_inside, sha256_file
from edgetool.platform.foreign import one_line
from edgetool.platform.limits import Pace

PARALLEL_UPLOADS = 4
PART = ".part"
CHUNK_BYTES = 2**20
FILES_LIMIT = 10_000
ANSWER_LIMIT_BYTES = 2**20
LIST_LIMIT_BYTES = 4 * 1024**2


@dataclass(frozen=True, kw_only=True)
class _Source:
    """A file to send. `state` identifies its current content, so that an interrupted upload can be resumed."""

    path: Path
    size_bytes: int
    state: str

    @property
    def part(self) -> str:
        return f"{self.state}{PART}"


def put(link: Link, local: Path, remote: PurePosixPath, *, cap_kib: int) -> None:
    """Copy a file or a folder to the work folder. Raises TransferError, LinkLost."""
    folders, files = _read_tree(local, remote)
    there = _listing(link)
    sources = {source.state: source for source, _, _ in files}
    # A file whose size matches no stored content can't be there, so hash it while sending.
    hashes = {s.state: _hash(s.path) for s in sources.values() if s.size_bytes in there.whole_bytes}
    kept_bytes = sum(sources[state].size_bytes for state in hashes)
    sound = _sound(link, set(hashes.values()), kept_bytes)
    missing = [source for state, source in sources.items() if hashes.get(state) not in sound]
    for start in range(0, len(missing), PARALLEL_UPLOADS):
        hashes |= _upload(link, missing[start : start + PARALLEL_UPLOADS], there.parts)
    placements = [
        contents.Placement(sha256=hashes[source.state], size_bytes=source.size_bytes, path=path, executable=executable)
        for source, path, executable in files
    ]
    link.do(
        contents.place_script(f"{link.work}/files", link.content, folders, placements, cap_kib=cap_kib),
        f"put {local}",
        on_bytes=sum(source.size_bytes for source, _, _ in files),
        steps=len(folders) + len(files),
    )


def get(link: Link, remote: PurePosixPath, local: Path, *, limit_bytes: int) -> None:
    """Copy a file or a folder from the work folder. Raises TransferError, LinkLost."""
    if _download(link, remote, local, limit_bytes, files=f"{link.work}/files") is None:
        _download_folder(link, remote, local, limit_bytes)


@dataclass(frozen=True, kw_only=True)
class _Listing:
    """The contents of the board's content folder."""

    whole_bytes: frozenset[int]  # sizes of complete contents
    parts: Mapping[str, int]  # a file's state → uploaded bytes


def clean(link: Link, cap_bytes: int) -> int:
    """Remove everything stored on the board for later sessions, which is at most `cap_bytes`. Return its size in bytes.

    Raises TransferError, LinkLost.
    """
    size_bytes = sum(_stored_bytes(link).values())
    link.do(contents.clean_script(link.root), "remove stored files", on_bytes=min(size_bytes, cap_bytes))
    return size_bytes


def _stored_bytes(link: Link) -> dict[str, int]:
    """Return the size of each file in the board's content folder."""
    said = link.do(contents.listing_script(link.content), "list the stored files").stdout
    sizes = {}
    for line in said.decode(errors="replace").splitlines():
        match line.split():
            case [_, _, _, _, size, *_, name] if size.isdecimal() and len(size) < 16:
                sizes[name] = int(size)
    return sizes


def _listing(link: Link) -> _Listing:
    sizes = _stored_bytes(link)
    return _Listing(
        whole_bytes=frozenset(size for name, size in sizes.items() if not name.endswith(PART)),
        parts={name.removesuffix(PART): size for name, size in sizes.items() if name.endswith(PART)},
    )


def _sound(link: Link, hashes: Set[str], size_bytes: int) -> Set[str]:
    """Return the hashes of the contents that the board has intact."""
    if not hashes:
        return set()
    script = contents.sound_script(link.content, sorted(hashes), can_hash=link.can_hash)
    ended = link.do(script, "hash the stored files", on_bytes=size_bytes, steps=len(hashes))
    return hashes & set(ended.stdout.decode(errors="replace").split())


def _upload(link: Link, sources: Sequence[_Source], parts: Mapping[str, int]) -> dict[str, str]:
    """Send files, resuming partial uploads. Return state → hash. Resumed uploads with a wrong content are sent again.

    Raises TransferError when a file is still wrong after that, LinkLost.
    """
    stored = _send_all(link, sources, parts)
    others = _keep(link, stored)
    if others and _keep(link, _send_all(link, [source for source in sources if source.part in others], {})):
        raise TransferError(
            f"{sources[0].path.parent}: a file was changed during the transfer",
            hint="check that no other process writes there",
        )
    return {source.state: there.sha256 for source, there in zip(sources, stored, strict=True)}


def _send_all(link: Link, sources: Sequence[_Source], parts: Mapping[str, int]) -> list[contents.Stored]:
    """Send all files, the data of one after the other: only the round trips around them overlap.

    A board tells of each 96 KiB that it took of a file, so that files sharing a slow link would all be silent for long.
    """
    offsets = [parts.get(source.state, 0) for source in sources]
    shells = link.shells.reserve(len(sources))
    # All scripts go before any file: over a slow link, one would be late behind the others' files.
    for shell, source, offset in zip(shells, sources, offsets, strict=True):
        with contextlib.suppress(BrokenPipeError):  # a closed shell sends no answer
            shell.write(contents.store_script(link.content, source.part, append=offset > 0))
    with ThreadPoolExecutor(len(sources)) as pool:
        pace = Pace(link.timeout_s)  # of all of them: each has but a share of a slow link
        hashes = list(pool.map(partial(_send, pace, threading.Lock()), shells, sources, offsets))
    return [
        contents.Stored(part=source.part, sha256=sha256, size_bytes=source.size_bytes, whole=offset == 0)
        for source, sha256, offset in zip(sources, hashes, offsets, strict=True)
    ]


def _keep(link: Link, stored: Sequence[contents.Stored]) -> Set[str]:
    """Return the uploads whose content is wrong."""
    script = contents.keep_script(link.content, stored, can_hash=link.can_hash)
    size_bytes = sum(file.size_bytes for file in stored)
    ended = link.do(script, "store the uploads", on_bytes=size_bytes, steps=len(stored))
    said = ended.stdout.decode(errors="replace")
    return {file.part for file in stored} & set(said.split())


def _send(pace: Pace, turn: threading.Lock, remote: Remote, source: _Source, offset: int) -> str:
    """Send a file from `offset` on in its turn, at the pace of all that are sent. Return the hash of the whole file.

    Raises TransferError, LinkLost.
    """
    path = source.path
    # The shell may read ahead on stdin, so wait for it to ask.
    if (word := _answer(remote, path, 0, pace)) != "go":
        raise refused(f"put {path}", word.encode())
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            if _state(os.fstat(file.fileno())) != source.state:
                raise TransferError(f"{path} changed before it was sent")
            while (left := offset - file.tell()) > 0 and (chunk := file.read(min(left, CHUNK_BYTES))):
                digest.update(chunk)
            # A board with a full disk stops reading and then reports the reason.
            with turn, contextlib.suppress(BrokenPipeError):
                while chunk := file.read(CHUNK_BYTES):
                    remote.write(chunk, pace)
                    digest.update(chunk)
            if _state(os.fstat(file.fileno())) != source.state:
                raise TransferError(f"{path} changed while it was sent")
        remote.close_stdin()
        if (word := _answer(remote, path, source.size_bytes, pace)) != "stored":
            raise refused(f"put {path}", word.encode())
        remote.await_end(remote.silence_s)  # see Shells.reserve for the reason
    except OSError as error:
        raise TransferError(f"cannot read {path}: {error.strerror}") from error
    finally:
        remote.close()
    return digest.hexdigest()


class _Taking(Pace):
    """The time for the answer to an upload.

    What the board takes of it and of those beside it counts as progress: a slow link holds much.
    """

    def __init__(self, remote: Remote, written_bytes: int, beside: Pace) -> None:
        super().__init__(remote.silence_s + written_bytes / SLOWEST_DISK_BYTES_PER_S)
        self._remote = remote
        self._beside = beside
        self._window_bytes = remote.window_bytes
        self._left_bytes = written_bytes

    @property
    def left_s(self) -> float:
        taken = min(self._remote.window_bytes - self._window_bytes, self._left_bytes)
        if taken > 0:
            self._window_bytes += taken
            self._left_bytes -= taken
            self.passed(taken)
            self._beside.passed(taken)
        return max(super().left_s, self._beside.left_s)


def _answer(remote: Remote, path: Path, written_bytes: int, beside: Pace) -> str:
    """Return the word of the next answer, allowing time for `written_bytes`. Raises TransferError, LinkLost."""
    said = b""
    deadline = _Taking(remote, written_bytes, beside)
    try:
        while len(said) < ANSWER_LIMIT_BYTES and (chunk := remote.read(deadline)):
            said += chunk
            if found := answer_in(said):
                return found[0][0]
        last = b"" if said else remote.read_stderr(deadline)
    except TimeoutError as error:
        raise remote.silent(f"didn't confirm the upload of {path.name}") from error
    remote.check_alive()
    raise refused(f"put {path}", last)


def _download(link: Link, remote: PurePosixPath, local: Path, limit_bytes: int, *, files: str) -> int | None:
    """Download a file atomically. Return its size, or None when it is a folder."""
    sending = link.start(contents.send_script(files, str(remote)), limit_bytes=limit_bytes)
    pace = Pace(link.timeout_s)
    handle, beside = -1, ""
    try:
        local.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=local.parent, prefix=".edgetool-")
        size = 0
        with os.fdopen(handle, "wb") as file:
            while chunk := sending.read(pace):
                pace.passed(len(chunk))
                size += len(chunk)
                if size > limit_bytes:
                    raise too_large(remote, limit_bytes)
                file.write(chunk)
        ended = sending.end()
        if ended.exit_code == contents.IS_FOLDER:
            return None
        if ended.exit_code == contents.IS_MISSING:
            raise TransferError(f"cannot get {one_line(str(remote), 300)}: the board has no such file")
        if ended.exit_code != 0:
            raise refused(f"get {one_line(str(remote), 300)}", ended.stderr)
        Path(beside).chmod(0o644)
        Path(beside).replace(local)
        return size
    except OSError as error:
        raise _unwritable(remote, error) from error
    finally:
        sending.close()
        if beside:
            Path(beside).unlink(missing_ok=True)


def too_large(remote: PurePosixPath, limit_bytes: int) -> TransferError:
    return TransferError(f"{one_line(str(remote), 300)} is larger than the limit of {limit_bytes} bytes")


def _unwritable(remote: PurePosixPath, error: OSError) -> TransferError:
    return TransferError(f"cannot write the contents of {one_line(str(remote), 300)}: {error.strerror}")


def _download_folder(link: Link, remote: PurePosixPath, local: Path, limit_bytes: int) -> None:
    files = f"{link.work}/files"
    listed = link.do(contents.list_script(files, str(remote)), f"get {remote}").stdout
    get_listed(link, listed, remote, local, files=files, limit_bytes=limit_bytes)


def get_listed(link: Link, listed: bytes, remote: PurePosixPath, local: Path, *, files: str, limit_bytes: int) -> None:
    """Copy the listed entries below `remote` from the board's folder `files`.

    Each entry is `d` or `f`, a path and a zero byte. Raises TransferError, LinkLost.
    """
    if len(listed) >= LIST_LIMIT_BYTES or listed.count(b"\0") > FILES_LIMIT:
        raise TransferError(f"{remote} contains more than {FILES_LIMIT} files")
    left = limit_bytes
    for kind, path in _listed(listed):
        if not is_inside(str(path)):
            raise TransferError(f"the board names {one_line(str(path), 300)!r}, which is not inside {remote}")
        if kind == "d":
            try:
                (local / path).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise _unwritable(remote / path, error) from error
        else:
            left -= _download(link, remote / path, local / path, left, files=files) or 0


def _listed(data: bytes) -> Iterator[tuple[str, PurePosixPath]]:
    for entry in data.split(b"\0")[:-1]:
        text = entry.decode(errors="surrogateescape")
        yield text[:1], PurePosixPath(text[1:])


def _read_tree(local: Path, remote: PurePosixPath) -> tuple[list[str], list[tuple[_Source, str, bool]]]:
    """Return the folders to create, and the files with their destination and whether they are executable.

    Links are followed. Raises TransferError.
    """
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
            source = _Source(path=path, size_bytes=status.st_size, state=_state(status))
            files.append((source, str(there), bool(status.st_mode & 0o111)))
    except OSError as error:
        raise TransferError(f"cannot read {error.filename or local}: {error.strerror}") from error
    return folders, files


def _state(status: os.stat_result) -> str:
    """Return a name for a file's current content; it changes when the file is written."""
    facts = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _hash(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise TransferError(f"cannot read {path}: {error.strerror}") from error
