"""The process that measures one point. It lives as long as the pipe to it, whatever becomes of who started it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgetool.bench.points import PointFailure
from edgetool.bench.runs import write_measurement
from edgetool.bundles import open_bundle
from edgetool.errors import EdgetoolError, ExecutorError
from edgetool.executors.base import Target
from edgetool.models.spec import Precision
from edgetool.pipeline import measure_bundle, reach
from edgetool.platform.documents import parse_value, write_document
from edgetool.platform.interrupt import Interrupted, unwind_on_signals
from edgetool.platform.progress import Silent, Step
from edgetool.platform.store import Store, cache_root
from edgetool.platform.values import Name, value
from edgetool.steps import Workshop

FAILURE = "failure.json"
ENDED = 130


@value
class Job:
    """What the process is told, as one line of JSON on its stdin."""

    bundle: Name  # a folder
    target: Target
    precision: Precision
    profile: bool
    results: Name  # the folder to leave a record with its outputs in, or a failure


class _Lines(Silent):
    """Each step as a line on stdout, for who watches."""

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        print(title, flush=True)
        with super().step(title) as step:
            yield step


def main() -> None:
    unwind_on_signals()
    try:
        order = sys.stdin.buffer.readline()
        if not order:
            return  # ended before it was told anything
        job = parse_value(Job, order, where="the order")
        threading.Thread(target=_end_with_the_pipe, daemon=True).start()
        _measure_or_say_why_not(job)
    except Interrupted:
        sys.exit(ENDED)


def _measure_or_say_why_not(job: Job) -> None:
    try:
        _measure(job)
    except EdgetoolError as error:
        failure = PointFailure.of(error)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        failure = PointFailure(error="OSError", message=f"{error.strerror or error}{where}")
    else:
        return
    write_document(Path(job.results) / FAILURE, failure)


def _measure(job: Job) -> None:
    workshop = Workshop(store=Store(cache_root()), progress=_Lines())
    reach(job.target, workshop)
    bundle = open_bundle(Path(job.bundle), verify=False)  # who gives the order has checked it
    found = list(measure_bundle(bundle, job.target, workshop.progress, precision=job.precision, profile=job.profile))
    if len(found) != 1:
        raise ExecutorError(f"the bundle holds {len(found)} models in {job.precision}, not one")
    write_measurement(Path(job.results), found[0])


def _end_with_the_pipe() -> None:
    os.read(sys.stdin.fileno(), 1)  # nothing follows the order but the end
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
