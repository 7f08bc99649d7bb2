"""The process that measures one case. It ends when the pipe to its parent closes."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path

from edgetool.bundles import open_bundle
from edgetool.errors import EdgetoolError, ExecutorError
from edgetool.harness.bench import open_bench
from edgetool.pipeline.reach import reach
from edgetool.platform.context import StepContext
from edgetool.platform.documents import parse_value, write_document
from edgetool.platform.guard import scratch_of_our_own
from edgetool.platform.interrupt import Interrupted, unwind_on_signals
from edgetool.platform.progress import Silent, Step
from edgetool.platform.store import Store, cache_root
from edgetool.platform.values import Name, Positive, Text, value
from edgetool.records.case import Case, CaseFailure
from edgetool.records.measure import measure
from edgetool.records.results import write_recorded
from edgetool.targets.spec import Target

FAILURE = "failure.json"
ENDED = 130


@value
class Order:
    """The process's input: one line of JSON on stdin."""

    case: Case
    bundle: Name  # a folder
    target: Target
    instruments: tuple[Name, ...]
    environment: dict[Name, Text] = field(default_factory=dict)
    images: Positive | None = None
    results: Name = "unknown yet"  # the folder for the record and its outputs, or for a failure


class _Lines(Silent):
    """Print each step as a line on stdout."""

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        print(title, flush=True)
        with super().step(title) as step:
            yield step


def main() -> None:
    unwind_on_signals()
    try:
        line = sys.stdin.buffer.readline()
        if not line:
            return  # ended before it received an order
        order = parse_value(Order, line, where="the order")
        threading.Thread(target=_end_with_the_pipe, daemon=True).start()
        with scratch_of_our_own():
            _measure_or_say_why_not(order)
    except Interrupted:
        sys.exit(ENDED)


def _measure_or_say_why_not(order: Order) -> None:
    try:
        _measure(order)
    except EdgetoolError as error:
        failure = CaseFailure.of(error)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        failure = CaseFailure(error="OSError", message=f"{error.strerror or error}{where}")
    else:
        return
    write_document(Path(order.results) / FAILURE, failure)


def _measure(order: Order) -> None:
    context = StepContext(store=Store(cache_root()), progress=_Lines())
    reach(order.target, context)
    bundle = open_bundle(Path(order.bundle), verify=False)  # verified by the sender of the order
    models = [model for model in bundle.manifest.models if model.spec.precision == order.case.precision]
    if len(models) != 1:
        raise ExecutorError(f"the bundle contains {len(models)} models in {order.case.precision}, expected one")
    with open_bench(bundle, order.target, context, environment=order.environment, images=order.images) as bench:
        recorded = measure(bench, models[0], instruments=order.instruments, runtime=order.case.runtime)
    write_recorded(Path(order.results), recorded, order.case.stem)


def _end_with_the_pipe() -> None:
    os.read(sys.stdin.fileno(), 1)  # the order is followed only by the end of the pipe
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
