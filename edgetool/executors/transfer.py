"""Files to a board and back, over as little of the link as will do."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from edgetool.errors import TransferError
from edgetool.executors import contents
from edgetool.executors.connection import Remote
from edgetool.executors.link import COMMAND_TIMEOUT_S, Link, refused
from edgetool.executors.shell import answer_in
from edgetool.platform.files import is_inside, sha256_file

PARALLEL_UPLOADS = 4
CHUNK_BYTES = 2**20
GET_LIMIT_BYTES = 8 * 1024**3
FILES_LIMIT = 10_000
ANSWER_LIMIT_BYTES = 2**20
LIST_LIMIT_BYTES = 4 * 1024**2


def put(link: Link, local: Path, remote: PurePosixPath, *, cap_kib: int) -> None:
    """Place a file or a folder in the work folder. Raises TransferError, LinkLost."""
    folders, files = _read_tree(local, remote)
    by_hash = {placement.sha256: (path, placement.size_bytes) for path, placement in files}
    parts = _missing(link, by_hash)
    with ThreadPoolExecutor(PARALLEL_UPLOADS) as pool:
        uploads = [pool.submit(_upload, link, *by_hash[name], name, parts[name]) for name in parts]
        for upload in uploads:
            upload.result()
    placements = [placement for _, placement in files]
    link.do(
        contents.place_script(f"{link.work}/files", link.content, folders, placements, cap_kib=cap_kib), f"put {local}"
    )


def get(link: Link, remote: PurePosixPath, local: Path) -> None:
    """Copy a file or a folder of the work folder. Raises TransferError, LinkLost."""
    if _download(link, remote, local, GET_LIMIT_BYTES, files=f"{link.work}/files") is None:
        _download_folder(link, remote, local)


def _missing(link: Link, by_hash: Mapping[str, tuple[Path, int]]) -> dict[str, int]:
    """Hash → how much of it is there, of the contents that the board does not have whole."""
    missing = dict.fromkeys(by_hash, 0)
    if not by_hash:
        return missing
    ended = link.do(contents.inventory_script(link.content, by_hash, can_hash=link.can_hash), "look what is there")
    for line in ended.stdout.decode(errors="replace").splitlines():
        match line.split():
            case ["have", name]:
                missing.pop(name, None)
            case ["part", name, size] if name in missing and size.isdecimal() and len(size) < 16:
                missing[name] = int(size) if int(size) <= by_hash[name][1] else 0
    return missing


def _upload(link: Link, path: Path, size_bytes: int, sha256: str, offset: int) -> None:
    """Send a content, or the rest of one; a part that turns out to be something else is sent anew, once."""
    found = _send(link, path, size_bytes, sha256, offset)
    if found == "other" and offset:
        found = _send(link, path, size_bytes, sha256, 0)
    match found:
        case "whole":
            return
        case "other":
            raise TransferError(f"{path} arrived changed", hint="did it change while it was sent?")
        case "short":
            raise TransferError(f"{path} became shorter while it was sent")
        case why:
            raise refused(f"put {path}", why.encode())


def _send(link: Link, path: Path, size_bytes: int, sha256: str, offset: int) -> str:
    """How the board found what it got: "whole", "short", "other", or why it could not take it. Raises TransferError."""
    remote = link.shells.take()
    remote.write(contents.store_script(link.content, sha256, size_bytes, append=offset > 0, can_hash=link.can_hash))
    # A shell may read more of its stdin than it does at once: nothing is sent before it asks.
    if (word := _answer(remote, path)) != "go":
        raise refused(f"put {path}", word.encode())
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            if before.st_size != size_bytes:
                raise TransferError(f"{path} changed before it was sent")
            file.seek(offset)
            # A board whose disk is full stops reading, and then says so.
            with contextlib.suppress(BrokenPipeError):
                while chunk := file.read(CHUNK_BYTES):
                    remote.write(chunk)
            if os.fstat(file.fileno()).st_mtime_ns != before.st_mtime_ns:
                # The board may keep it under a wrong name, and finds that out when it is next asked for it.
                raise TransferError(f"{path} changed while it was sent")
        remote.close_stdin()
        return _answer(remote, path)
    except OSError as error:
        raise TransferError(f"cannot read {path}: {error.strerror}") from error
    finally:
        remote.close()


def _answer(remote: Remote, path: Path) -> str:
    """The next answer's word. Raises TransferError when none comes, LinkLost."""
    said = b""
    remote.limit_silence(COMMAND_TIMEOUT_S)
    try:
        while len(said) < ANSWER_LIMIT_BYTES and (chunk := remote.read()):
            said += chunk
            if found := answer_in(said):
                return found[0][0]
    except TimeoutError as error:
        raise TransferError(f"cannot put {path}: the board took longer than {COMMAND_TIMEOUT_S:.0f} s") from error
    remote.check_alive()
    raise refused(f"put {path}", remote.read_stderr())


def _download(link: Link, remote: PurePosixPath, local: Path, limit_bytes: int, *, files: str) -> int | None:
    """A file's size after it was written whole; None for a folder."""
    sending = link.start(contents.send_script(files, str(remote)))
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
        if ended.exit_code == contents.IS_FOLDER:
            return None
        if ended.exit_code == contents.IS_MISSING:
            raise TransferError(f"cannot get {remote}: the board has no such file")
        if ended.exit_code != 0:
            raise refused(f"get {remote}", ended.stderr)
        Path(beside).chmod(0o644)
        Path(beside).replace(local)
        return size
    except OSError as error:
        raise TransferError(f"cannot get {remote}: {error.strerror}: {local}") from error
    finally:
        sending.close()
        if beside:
            Path(beside).unlink(missing_ok=True)


def _download_folder(link: Link, remote: PurePosixPath, local: Path) -> None:
    files = f"{link.work}/files"
    listed = link.do(contents.list_script(files, str(remote)), f"get {remote}").stdout
    get_listed(link, listed, remote, local, files=files)


def get_listed(link: Link, listed: bytes, remote: PurePosixPath, local: Path, *, files: str) -> None:
    """Get what the board has listed below `remote` in its folder `files`: `d` or `f`, a path, a zero byte for each."""
    if len(listed) >= LIST_LIMIT_BYTES or listed.count(b"\0") > FILES_LIMIT:
        raise TransferError(f"{remote} holds more than {FILES_LIMIT} files")
    left = GET_LIMIT_BYTES
    for kind, path in _listed(listed):
        if not is_inside(str(path)):
            raise TransferError(f"the board names {str(path)!r}, which is not inside {remote}")
        if kind == "d":
            (local / path).mkdir(parents=True, exist_ok=True)
        else:
            left -= _download(link, remote / path, local / path, left, files=files) or 0


def _listed(data: bytes) -> Iterator[tuple[str, PurePosixPath]]:
    for entry in data.split(b"\0")[:-1]:
        text = entry.decode(errors="surrogateescape")
        yield text[:1], PurePosixPath(text[1:])


def _read_tree(local: Path, remote: PurePosixPath) -> tuple[list[str], list[tuple[Path, contents.Placement]]]:
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
            placement = contents.Placement(
                sha256=sha256_file(path),
                size_bytes=status.st_size,
                path=str(there),
                executable=bool(status.st_mode & 0o111),
            )
            files.append((path, placement))
    except OSError as error:
        raise TransferError(f"cannot read {error.filename or local}: {error.strerror}") from error
    return folders, files
