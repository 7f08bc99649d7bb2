"""The process that measures the cases of a session. It ends when the pipe to its parent closes."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from typing import Annotated

from annotated_types import Len

from edgetool.bundles import open_bundle
from edgetool.errors import EdgetoolError, ExecutorError
from edgetool.pipeline.here import measure_here
from edgetool.pipeline.prepare import PreparedCase, prepared_case
from edgetool.pipeline.reach import reach
from edgetool.platform.context import StepContext
from edgetool.platform.documents import parse_value, write_document
from edgetool.platform.guard import scratch_of_our_own
from edgetool.platform.interrupt import Interrupted, unwind_on_signals
from edgetool.platform.progress import Silent, Step
from edgetool.platform.store import Store, cache_root
from edgetool.platform.values import Name, Text, value
from edgetool.records.case import Case, CaseFailure
from edgetool.records.results import CASES_LIMIT, write_recorded
from edgetool.targets.spec import Target

FAILURE = "failure.json"
ENDED = 130


@value
class OrderedCase:
    """A case as it travels to the process that measures it."""

    case: Case
    bundle: Name  # a folder
    target: Target
    instruments: tuple[Name, ...]
    environment: dict[Name, Text] = field(default_factory=dict)
    metrics: tuple[Name, ...] = ()


@value
class Order:
    """The process's input: one line of JSON on stdin."""

    cases: Annotated[tuple[OrderedCase, ...], Len(1, CASES_LIMIT)]  # of one target
    results: Name = "unknown yet"  # a folder, with one by number for each case: its record and outputs, or its failure

    @property
    def target(self) -> Target:
        return self.cases[0].target


class _Lines(Silent):
    """Print each step, and how much of it is done, as lines on stdout."""

    class _Counted(Silent._Step):
        def __init__(self, title: str) -> None:
            self._title = title

        def count(self, done: int, total: int, unit: str) -> None:
            print(f"{self._title}: {done} of {total} {unit}", flush=True)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        print(title, flush=True)
        yield self._Counted(title)


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
    results = [Path(order.results) / str(number) for number in range(len(order.cases))]
    for folder in results:
        folder.mkdir()
    try:
        _measure(order, results)
    except EdgetoolError as error:
        failure = CaseFailure.of(error)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        failure = CaseFailure(error="OSError", message=f"{error.strerror or error}{where}")
    else:
        return
    for folder in results:
        if not list(folder.iterdir()):
            write_document(folder / FAILURE, failure)


def _measure(order: Order, results: Sequence[Path]) -> None:
    context = StepContext(store=Store(cache_root()), progress=_Lines())
    reach(order.target, context)
    cases = [_prepared(case) for case in order.cases]
    for case, answer in measure_here(cases, context):
        folder = results[cases.index(case)]
        if isinstance(answer, EdgetoolError):
            write_document(folder / FAILURE, CaseFailure.of(answer))
        else:
            write_recorded(folder, answer, case.case.stem)


def _prepared(ordered: OrderedCase) -> PreparedCase:
    bundle = open_bundle(Path(ordered.bundle), verify=False)  # verified by the sender of the order
    models = [model for model in bundle.manifest.models if model.spec.precision == ordered.case.precision]
    if len(models) != 1:
        raise ExecutorError(f"the bundle contains {len(models)} models in {ordered.case.precision}, expected one")
    return prepared_case(
        ordered.case,
        bundle,
        models[0],
        ordered.target,
        instruments=ordered.instruments,
        environment=ordered.environment,
        metrics=ordered.metrics,
    )


def _end_with_the_pipe() -> None:
    os.read(sys.stdin.fileno(), 1)  # the order is followed only by the end of the pipe
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
