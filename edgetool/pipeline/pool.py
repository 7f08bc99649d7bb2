"""A pool of worker processes, one for each session, on the machine that reaches the boards."""

from __future__ import annotations

import hashlib
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from edgetool.archives import unpack_bundle
from edgetool.errors import EdgetoolError, ExecutorError
from edgetool.pipeline.worker import FAILURE, Order
from edgetool.platform.documents import read_document, to_json
from edgetool.platform.process import talk_to
from edgetool.platform.store import Store, cache_root
from edgetool.records.case import CaseFailure

Answer = dict[str, bytes] | CaseFailure  # the files of a record by name

WORKER = "edgetool.pipeline.worker"  # runs with the board as an argument, which identifies it in lists of processes
END_S = 30.0  # time for a process to leave its board
RESULT_LIMIT_BYTES = 2 * 1024**3


class WorkerPool:
    """Worker processes by key. Closing the pipe to one ends it, so all end with this process."""

    def __init__(self) -> None:
        self._pipes: dict[str, socket.socket] = {}
        self._closing = False
        self._changed = threading.Condition()

    def measure(
        self, key: str, order: Order, archives: Sequence[bytes], on_line: Callable[[str], object]
    ) -> list[Answer]:
        """Measure the order's cases in one process and return the files of each record. `on_line` receives its steps.

        The bundles are the folders in the order, or `archives`, one for each case.
        """
        count = len(order.cases)
        with tempfile.TemporaryDirectory(prefix="edgetool-") as results:
            try:
                cases = order.cases
                if archives:
                    folders = [str(_received(archive)) for archive in archives]
                    cases = tuple(replace(case, bundle=to) for case, to in zip(cases, folders, strict=True))
                order = replace(order, cases=cases, results=results)
                with self._worker(key, order.target.name) as pipe, pipe.makefile("rb") as lines:
                    pipe.sendall(b" ".join(to_json(order).splitlines()) + b"\n")
                    for line in lines:
                        on_line(line.decode(errors="replace").strip())
                return [_answer(Path(results) / str(number)) for number in range(count)]
            except EdgetoolError as error:
                return [CaseFailure.of(error)] * count
            except OSError as error:
                lost = f"the connection to the case's process was lost: {error}"
                return [CaseFailure(error="ExecutorError", message=lost)] * count

    def end(self, key: str) -> None:
        """Ask a process to leave its board and end, and force it to after END_S. Doesn't wait."""
        with self._changed, suppress(OSError):
            if pipe := self._pipes.get(key):
                pipe.shutdown(socket.SHUT_WR)
                deadline = threading.Timer(END_S, _hang_up, [pipe])
                deadline.daemon = True
                deadline.start()

    def end_all(self) -> None:
        """End all processes, wait for them and start no more."""
        with self._changed:
            self._closing = True
            keys = list(self._pipes)
        for key in keys:
            self.end(key)
        with self._changed:
            self._changed.wait_for(lambda: not self._pipes, timeout=2 * END_S)

    @contextmanager
    def _worker(self, key: str, board: str) -> Iterator[socket.socket]:
        try:
            with talk_to([sys.executable, "-P", "-m", WORKER, board]) as pipe:
                with self._changed:
                    if self._closing:
                        raise ExecutorError("the run was stopped")
                    self._pipes[key] = pipe
                yield pipe
        finally:
            with self._changed:
                self._pipes.pop(key, None)
                self._changed.notify_all()


def _hang_up(pipe: socket.socket) -> None:
    """Close the reading end, so that `talk_to` ends the process by force."""
    with suppress(OSError):
        pipe.shutdown(socket.SHUT_RD)


def _received(archive: bytes) -> Path:
    """Return the bundle on this machine's disk, unpacked once."""

    def make(folder: Path) -> None:
        packed = folder / "bundle.tar.zst"
        packed.write_bytes(archive)
        unpack_bundle(packed, folder / "bundle")
        packed.unlink()

    inputs = {"archive": hashlib.sha256(archive).hexdigest()}
    return Store(cache_root()).entry("received", inputs, make).path / "bundle"


def _answer(results: Path) -> Answer:
    if (results / FAILURE).is_file():
        return read_document(results / FAILURE, CaseFailure)
    found = results.iterdir() if results.is_dir() else ()
    files = [path for path in found if path.suffix in (".json", ".npz")]
    if not files:
        return CaseFailure(error="ExecutorError", message="the case's process ended without a result")
    if sum(path.stat().st_size for path in files) > RESULT_LIMIT_BYTES:
        return CaseFailure(error="HarnessError", message=f"the result is larger than {RESULT_LIMIT_BYTES >> 30} GiB")
    return {path.name: path.read_bytes() for path in files}
