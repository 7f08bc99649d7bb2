"""Download files from mirrors in parallel, with retries and resumption, and verify their SHA-256."""

from __future__ import annotations

import os
import shutil
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener, getproxies

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential, wait_random

from edgetool import __version__
from edgetool.errors import FetchError, FileGone
from edgetool.platform.files import sha256_file
from edgetool.platform.progress import Note, unheard

AT_ONCE = 6
STALL_S = 15.0  # longest wait for the next byte
FRUITLESS_ATTEMPTS = 6  # consecutive attempts that received no byte
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 10.0
CHUNK_BYTES = 128 * 1024
NOTE_EVERY_S = 0.25
UNKNOWN_SIZE_LIMIT_BYTES = 512 * 2**20
GONE = frozenset({404, 410})
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})  # HTTP statuses worth a retry


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to wait for a mirror and how often to retry it."""

    stall_s: float = STALL_S
    first_wait_s: float = FIRST_WAIT_S
    fruitless_attempts: int = FRUITLESS_ATTEMPTS


class Pinned(Protocol):
    """A file identified by its SHA-256. Its size is checked when it is known and otherwise limited."""

    @property
    def path(self) -> str: ...  # on a mirror

    @property
    def file_name(self) -> str: ...

    @property
    def sha256(self) -> str: ...

    @property
    def size_bytes(self) -> int | None: ...


class _Passing(Exception):
    """A temporary failure of a mirror: a retry may succeed."""


class _Wrong(Exception):
    """A permanent failure: the mirror's file isn't the requested one, or the download was stopped."""


@dataclass
class _Meter:
    """Bytes downloaded of all files, shared by all threads."""

    total_bytes: int | None
    note: Note
    done_bytes: int = 0
    fetched_bytes: int = 0
    stopped: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)
    _start: float = field(default_factory=time.monotonic)

    def add(self, count: int, *, fetched: bool) -> None:
        with self._lock:
            self.done_bytes += count
            self.fetched_bytes += count if fetched else 0

    def show(self) -> None:
        rate = self.fetched_bytes / max(time.monotonic() - self._start, 1e-3)
        done = f"{self.done_bytes / 1e6:.1f}"
        if self.total_bytes is None:
            self.note(f"{done} MB, {rate / 1e6:.1f} MB/s")
            return
        left = f", {(self.total_bytes - self.done_bytes) / rate:.0f} s left" if rate else ""
        self.note(f"{done} of {self.total_bytes / 1e6:.1f} MB, {rate / 1e6:.1f} MB/s{left}")


def fetch_files(
    files: Sequence[Pinned],
    folder: Path,
    mirrors: Sequence[str],
    *,
    remedy: str,
    proxies: Mapping[str, str] | None = None,
    note: Note = unheard,
    patience: Patience = Patience(),
) -> tuple[Path, ...]:
    """Fetch `files` into `folder` and return their paths; files that are already there are only verified.

    A mirror is an http(s) URL or a folder. Mirrors are tried in order for each file. `proxies` (scheme → URL) apply
    when the environment sets none. A partial download is kept and resumed by the next call. `remedy` is the hint of an
    error: what the user can do besides trying again.

    Raises FileGone when every mirror reports that a file doesn't exist, FetchError when a file can't be fetched or its
    content isn't the pinned one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    opener = build_opener(ProxyHandler(getproxies() or dict(proxies or {})))
    sizes = [file.size_bytes for file in files]
    known = [size for size in sizes if size is not None]
    meter = _Meter(total_bytes=sum(known) if len(known) == len(sizes) else None, note=note)
    jobs = [_Job(file, folder, tuple(mirrors), remedy, opener, patience, meter) for file in files]
    _run_all(jobs, meter)
    return tuple(job.path for job in jobs)


def _run_all(jobs: Sequence[_Job], meter: _Meter) -> None:
    """Run the jobs, largest first, AT_ONCE at a time. The first error or an interrupt stops the others."""
    waiting: SimpleQueue[_Job] = SimpleQueue()
    for job in sorted(jobs, key=lambda job: job.file.size_bytes or 0, reverse=True):
        waiting.put(job)
    outcomes: SimpleQueue[BaseException | None] = SimpleQueue()

    def work() -> None:
        while not meter.stopped.is_set():
            try:
                waiting.get_nowait().run()
            except Empty:
                return
            except BaseException as error:  # noqa: BLE001 - raised again in the calling thread
                outcomes.put(error)
            else:
                outcomes.put(None)

    # Daemon threads: waiting for one that hangs on a silent mirror would delay Ctrl-C.
    for number in range(min(AT_ONCE, len(jobs))):
        Thread(target=work, name=f"fetch-{number}", daemon=True).start()
    try:
        for _ in jobs:
            if (error := _next(outcomes, meter)) is not None:
                raise error
    finally:
        meter.stopped.set()


def _next(outcomes: SimpleQueue[BaseException | None], meter: _Meter) -> BaseException | None:
    while True:
        if meter.fetched_bytes:
            meter.show()
        try:
            return outcomes.get(timeout=NOTE_EVERY_S)
        except Empty:
            continue


@dataclass(frozen=True)
class _Job:
    """The download of one file."""

    file: Pinned
    folder: Path
    mirrors: tuple[str, ...]
    remedy: str
    opener: OpenerDirector
    patience: Patience
    meter: _Meter

    @property
    def path(self) -> Path:
        return self.folder / self.file.file_name

    @property
    def part(self) -> Path:
        """The partial download, named by its SHA-256 so that different contents never mix."""
        return self.folder / f".{self.file.sha256[:16]}.part"

    def run(self) -> None:
        from filelock import FileLock

        with FileLock(self.part.with_suffix(".lock")):
            if not self._is_there():
                self._from_mirrors()

    def _is_there(self) -> bool:
        here = self.path.is_file() and is_pinned(self.path, self.file)
        if here:
            os.utime(self.path)  # records its last use for pruning
            self.meter.add(self.path.stat().st_size, fetched=False)
        return here

    def _from_mirrors(self) -> None:
        self.meter.add(self._have(), fetched=False)
        failures: list[str] = []
        gone = True
        for mirror in self.mirrors:
            try:
                self._from_mirror(mirror)
            except FileNotFoundError:
                failures.append(f"{mirror} has no {self.file.path}")
            except (_Passing, _Wrong) as failure:
                gone = False
                failures.append(str(failure))
            else:
                os.replace(self.part, self.path)
                return
        if gone and failures:
            raise FileGone("\n  ".join(failures), hint=self.remedy)
        raise FetchError(
            "\n  ".join([f"cannot fetch {self.file.file_name}", *failures]),
            hint=f"partial downloads are kept: try again, or {self.remedy}",
        )

    def _from_mirror(self, mirror: str) -> None:
        """Download the file into `part`. Raises FileNotFoundError, _Wrong, or _Passing once all retries have failed."""
        if urlsplit(mirror).scheme not in ("http", "https"):
            self._copy(Path(mirror.removeprefix("file://")))
            return
        address = f"{mirror.rstrip('/')}/{quote(self.file.path)}"
        taken_up = self._have() > 0
        self._fill(address)
        if taken_up and not is_pinned(self.part, self.file):  # the part may be of another file
            self._restart()
            self._fill(address)
        self._check(address)

    def _fill(self, address: str) -> None:
        last_fruit = [0]

        def give_up(state: RetryCallState) -> bool:
            return state.attempt_number - last_fruit[0] >= self.patience.fruitless_attempts

        retrying = Retrying(
            retry=retry_if_exception_type(_Passing),
            wait=wait_exponential(multiplier=self.patience.first_wait_s, max=LONGEST_WAIT_S)
            + wait_random(0, self.patience.first_wait_s),
            stop=give_up,
            sleep=self._sleep,
            reraise=True,
        )
        for attempt in retrying:
            with attempt:
                before = self._have()
                try:
                    self._attempt(address)
                finally:
                    if self._have() > before:
                        last_fruit[0] = attempt.retry_state.attempt_number

    def _sleep(self, seconds: float) -> None:
        if self.meter.stopped.wait(seconds):
            raise _Wrong("another file failed")

    def _have(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _is_whole(self, have: int) -> bool:
        if self.file.size_bytes is None:
            return have > 0 and is_pinned(self.part, self.file)
        return have >= self.file.size_bytes

    def _attempt(self, address: str) -> None:
        have = self._have()
        if self._is_whole(have):
            return
        headers = {"User-Agent": f"edgetool/{__version__}", **({"Range": f"bytes={have}-"} if have else {})}
        try:
            with self.opener.open(Request(address, headers=headers), timeout=self.patience.stall_s) as answer:
                self._receive(answer, have, address)
        except HTTPError as refused:
            with refused:
                self._refused(refused.code, address)
        except (URLError, HTTPException, OSError) as failed:
            reason = failed.reason if isinstance(failed, URLError) else failed
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise _Wrong(f"{address}: {reason.verify_message}") from failed
            raise _Passing(f"{address}: {_words(reason)}") from failed

    def _refused(self, status: int, address: str) -> None:
        if status in GONE:
            raise FileNotFoundError(address)
        if status == 416:  # the mirror's file is shorter than the part already downloaded
            self._restart()
        if status in PASSING or status == 416:
            raise _Passing(f"{address}: HTTP status {status}")
        raise _Wrong(f"{address}: HTTP status {status}")

    def _receive(self, answer: HTTPResponse, have: int, address: str) -> None:
        if have and answer.status != 206:
            have = self._restart()
        said = answer.headers.get("Content-Length")
        size = have + int(said) if said is not None and said.isdigit() else None
        pinned = self.file.size_bytes
        if size is not None and pinned is not None and size != pinned:
            raise _Wrong(f"{address} has {size} bytes, {pinned} are pinned")
        limit = UNKNOWN_SIZE_LIMIT_BYTES if pinned is None else pinned
        with self.part.open("ab") as file:
            while chunk := answer.read1(CHUNK_BYTES):
                have += len(chunk)
                if have > limit:
                    raise _Wrong(f"{address} has more than {limit} bytes")
                if self.meter.stopped.is_set():
                    raise _Wrong("another file failed")
                file.write(chunk)
                self.meter.add(len(chunk), fetched=True)
        whole = size if pinned is None else pinned
        if whole is not None and have < whole:
            raise _Passing(f"{address}: cut off after {have} of {whole} bytes")

    def _restart(self) -> int:
        self.meter.add(-self._have(), fetched=False)
        self.part.unlink(missing_ok=True)
        return 0

    def _copy(self, mirror: Path) -> None:
        """Copy the file from a folder with the archive's layout, or with all files side by side."""
        places = (mirror / self.file.path, mirror / self.file.file_name)
        found = next((path for path in places if path.is_file()), None)
        if found is None:
            raise FileNotFoundError(mirror)
        self._restart()
        shutil.copyfile(found, self.part)
        self.meter.add(self._have(), fetched=True)
        self._check(str(found))

    def _check(self, address: str) -> None:
        if not is_pinned(self.part, self.file):
            self._restart()
            raise _Wrong(f"{address} doesn't match the pinned sha256 {self.file.sha256}")


def is_pinned(path: Path, file: Pinned) -> bool:
    """Return whether the file at `path` has the expected size, when it is known, and SHA-256."""
    return file.size_bytes in (None, path.stat().st_size) and sha256_file(path) == file.sha256


def _words(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return "no answer"
    return str(getattr(reason, "strerror", None) or reason or type(reason).__name__)
