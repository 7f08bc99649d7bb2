"""Measure cases on many boards in parallel with Dask Distributed, which only this module imports.

A worker offers one resource for each of its boards, named after it, and every case requests its board. So no board is
used twice at once, however many runs share a scheduler.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import dask
from distributed import Client, Future, LocalCluster, Worker, WorkerPlugin, get_worker

from edgetool.archives import pack_bundle
from edgetool.errors import ConfigError, ConnectError
from edgetool.pipeline.here import sessions
from edgetool.pipeline.pool import Answer, WorkerPool
from edgetool.pipeline.prepare import PreparedCase
from edgetool.pipeline.schedule import disturbs, is_timed_here, lanes
from edgetool.pipeline.worker import Order, OrderedCase
from edgetool.records.case import CaseFailure
from edgetool.targets.registry import executor_of

# The web servers of schedulers and workers can't be disabled. In this process they serve nothing, on loopback.
WEB = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
# Disables self-monitoring: with 16 boards it took 0.70 s of processor time in 10 s, without it 0.17 s.
IN_PROCESS: dict[str, Any] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "60s",
    "distributed.admin.system-monitor.gil.enabled": False,
}
OnStep = Callable[[str, str], object]  # a target's name and its current step, called from another thread

CONNECT_TIMEOUT_S = 30.0
LOOK_S = 10.0  # how often a scheduler is asked whether the boards' workers are still there
LOST_AFTER_S = 60.0  # a board without a worker for this long is lost


def measure_on_cluster(
    cases: Sequence[PreparedCase], *, scheduler: str | None, on_step: OnStep
) -> Generator[tuple[PreparedCase, Answer], None, None]:
    """Yield each case with its result as it finishes.

    `scheduler` is the address of a scheduler whose workers offer the boards; without it, this machine reaches the
    boards itself. Closing the iterator ends all running cases, also on the boards. Raises ConnectError when no
    scheduler answers.
    """
    name = f"edgetool-{secrets.token_hex(6)}"
    with ExitStack() as stack:
        client = stack.enter_context(_connected(scheduler, cases))
        stack.callback(client.unregister_worker_plugin, name)  # ends running cases and waits for them
        client.register_plugin(_Supervisor(), name=name)
        client.subscribe_topic(name, lambda event: on_step(*event[1]))
        absent, present = _sort_out(client, cases, watched=scheduler is not None)
        futures = _submit(client, present, name, packed=scheduler is not None)
        stack.callback(client.cancel, list(futures))
        yield from ((case, failure) for case, failure in absent)
        yield from _collect(client, futures, watched=scheduler is not None)


@contextmanager
def _connected(scheduler: str | None, cases: Sequence[PreparedCase]) -> Iterator[Client]:
    """Yield a client of a scheduler, or of one in this process with a worker for each lane of boards."""
    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(logging.CRITICAL)  # errors are reported as failures of cases
    try:
        with ExitStack() as stack:
            if scheduler is not None:
                yield stack.enter_context(_client(scheduler))
                return
            stack.enter_context(dask.config.set(IN_PROCESS))
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="edgetool-"))
            targets = {case.target.name: case.target for case in cases}
            cluster = stack.enter_context(_Boards(lanes(targets.values()), folder))
            client = stack.enter_context(Client(cluster, set_as_default=False))
            client.wait_for_workers(len(cluster.lanes), timeout=CONNECT_TIMEOUT_S)
            yield client
    finally:
        logger.setLevel(before)


def _client(address: str) -> Client:
    try:
        return Client(address, timeout=CONNECT_TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConnectError(
            f"no scheduler answers at {address}: {error}", hint="start one with `dask scheduler`"
        ) from error


class _Boards(LocalCluster):
    """A cluster in this process with a single-threaded worker for each lane of boards."""

    def __init__(self, of: Sequence[Sequence[str]], folder: str) -> None:
        self.lanes = of
        super().__init__(
            n_workers=0,
            threads_per_worker=1,
            processes=False,
            dashboard_address=None,
            scheduler_kwargs=WEB,
            silence_logs=logging.CRITICAL,
            local_directory=folder,
            memory_limit=0,
        )
        self.scale(len(of))

    def new_worker_spec(self) -> dict[int, Any]:
        lane = len(self.worker_spec)
        options = {**self.new_spec["options"], **WEB, "resources": dict.fromkeys(self.lanes[lane], 1)}
        return {lane: {**self.new_spec, "options": options}}


class _Supervisor(WorkerPlugin):
    """Ends the processes of a worker whose cases have been cancelled."""

    def setup(self, worker: Worker) -> None:
        del worker
        self.workers = WorkerPool()

    async def teardown(self, worker: Worker) -> None:
        del worker
        await asyncio.to_thread(self.workers.end_all)

    def transition(self, key: Any, start: str, finish: str, **more: Any) -> None:
        """End the process of a released task. Dask can't end a running task itself."""
        del more
        if start == "executing" and finish == "released":
            self.workers.end(str(key))


def _submit(
    client: Client, cases: Sequence[PreparedCase], name: str, *, packed: bool
) -> dict[Future[list[Answer]], tuple[PreparedCase, ...]]:
    """Submit all cases at once. The scheduler decides when each session runs."""
    futures: dict[Future[list[Answer]], tuple[PreparedCase, ...]] = {}
    archives = _scatter(client, cases) if packed else {}
    for number, session in enumerate(_jobs(sorted(cases, key=lambda case: is_timed_here(case.target)))):
        target = session[0].target
        after = [] if packed else [f for f, (other, *_) in futures.items() if disturbs(target, other.target)]
        future = client.submit(
            _measure,
            Order(cases=tuple(_ordered(case) for case in session)),
            [archives[case.bundle.manifest.id] for case in session] if packed else [],
            name,
            "; ".join(case.case.title for case in session),
            after=after,
            key=f"{name}-{number}",
            resources={target.name: 1},
            retries=0,
            fifo_timeout="0 ms",  # keep the order of submission instead of sorting by key
        )
        futures[future] = session
    return futures


def _jobs(cases: Sequence[PreparedCase]) -> Iterator[tuple[PreparedCase, ...]]:
    """Yield the cases that are measured by one process: those timed in turn, every other one alone."""
    for session in sessions(cases):
        target = session[0].target
        if target.benchmark.interleave and not executor_of(target).traits.emulates:
            yield session
        else:
            yield from ((case,) for case in session)


def _ordered(case: PreparedCase) -> OrderedCase:
    return OrderedCase(
        case=case.case,
        bundle=str(case.bundle.root),
        target=case.target,
        instruments=case.instruments,
        environment=dict(case.environment),
        metrics=case.metrics,
    )


def _scatter(client: Client, cases: Sequence[PreparedCase]) -> dict[str, Future[bytes]]:
    """Send each bundle as an archive to the workers that need it, since they share no disk with this machine."""
    carriers = _carriers(client)
    archives = {}
    with tempfile.TemporaryDirectory(prefix="edgetool-") as scratch:
        for bundle in {case.bundle.manifest.id: case.bundle for case in cases}.values():
            identity = bundle.manifest.id
            wanted = {case.target.name for case in cases if case.bundle.manifest.id == identity}
            data = pack_bundle(bundle, Path(scratch) / "bundle.tar.zst").read_bytes()
            workers = sorted(carriers[board][0] for board in wanted)
            archives[identity] = client.scatter(data, workers=workers, broadcast=True, hash=False)
    return archives


def _measure(
    order: Order, archives: Sequence[bytes], name: str, title: str, *, after: Sequence[object]
) -> list[Answer]:
    """Measure the cases of a session on a worker."""
    del after
    worker = get_worker()
    supervisor = worker.plugins[name]
    assert isinstance(supervisor, _Supervisor)

    def tell(text: str) -> None:
        worker.log_event(name, [order.target.name, text])

    tell(title)
    return supervisor.workers.measure(str(worker.get_current_task()), order, archives, tell)


def _collect(
    client: Client, futures: dict[Future[list[Answer]], tuple[PreparedCase, ...]], *, watched: bool
) -> Iterator[tuple[PreparedCase, Answer]]:
    finished: queue.SimpleQueue[Future[list[Answer]]] = queue.SimpleQueue()
    for future in futures:
        future.add_done_callback(finished.put)
    left, seen = dict(futures), dict.fromkeys((case.target.name for case, *_ in futures.values()), time.monotonic())
    while left:
        try:
            future = finished.get(timeout=LOOK_S if watched else None)
        except queue.Empty:
            lost = _lost_boards(client, seen)
            for future in [future for future, (case, *_) in left.items() if case.target.name in lost]:
                future.cancel()
                yield from ((case, _no_worker(case)) for case in left.pop(future))
            continue
        if future in left:
            session = left.pop(future)
            yield from zip(session, _result(future, len(session)), strict=True)


def _result(future: Future[list[Answer]], count: int) -> list[Answer]:
    try:
        answers: list[Answer] = future.result()
    except Exception as error:  # noqa: BLE001 - the cluster may raise anything; it becomes the failure of these cases
        failure = CaseFailure(error=type(error).__name__, message=f"the cluster couldn't run the case: {error}"[:4096])
        return [failure] * count
    return answers


def _carriers(client: Client) -> dict[str, list[str]]:
    """Return the addresses of the workers that offer each board."""
    found: dict[str, list[str]] = {}
    for address, worker in client.scheduler_info(n_workers=-1)["workers"].items():
        for board in worker["resources"]:
            found.setdefault(board, []).append(address)
    return found


def _sort_out(
    client: Client, cases: Sequence[PreparedCase], *, watched: bool
) -> tuple[list[tuple[PreparedCase, CaseFailure]], list[PreparedCase]]:
    """Separate the cases whose board no worker offers, with the reason, from the others.

    Raises ConfigError when two workers offer the same board.
    """
    carriers = _carriers(client) if watched else {case.target.name: ["here"] for case in cases}
    wanted = Counter(case.target.name for case in cases)
    for board in wanted:
        if len(carriers.get(board, [])) > 1:
            raise ConfigError(
                f"board {board} is offered by {len(carriers[board])} workers: {', '.join(carriers[board])}",
                hint="offer each board on one worker only, so that it isn't used twice at once",
            )
    absent = [(case, _no_worker(case)) for case in cases if case.target.name not in carriers]
    return absent, [case for case in cases if case.target.name in carriers]


def _no_worker(case: PreparedCase) -> CaseFailure:
    board = case.target.name
    return CaseFailure(
        error="ConnectError",
        message=f"no worker offers the board {board}",
        hint=f'on a machine that reaches it: dask worker SCHEDULER --nthreads 1 --resources "{board}=1"',
    )


def _lost_boards(client: Client, seen: dict[str, float]) -> set[str]:
    """Return the boards that have had no worker for LOST_AFTER_S. `seen` is when each last had one."""
    now = time.monotonic()
    for board in _carriers(client):
        if board in seen:
            seen[board] = now
    return {board for board, last in seen.items() if now - last > LOST_AFTER_S}
