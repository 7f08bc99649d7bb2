"""The same sweep on a Dask scheduler whose workers, elsewhere, carry the boards."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgetool.bundles import Bundle
from edgetool.errors import ConfigError, ConnectError
from edgetool.models.spec import Precision
from edgetool.pipeline.cluster import measure_on_cluster
from edgetool.pipeline.pool import Answer
from edgetool.pipeline.prepare import PreparedCase, prepared_case
from edgetool.records.case import Case, CaseFailure
from edgetool.records.instruments import DEFAULT
from edgetool.targets.spec import EvaluationSpec
from tests.executors.servers import free_port
from tests.pipeline.harnesses import await_files, await_gone, with_harness
from tests.support.bundles import host_target
from tests.support.waiting import within

pytestmark = pytest.mark.xdist_group("sweep-boards")

MARK = "27.1828"  # of the sleeping harness, to be found among this machine's processes


class Cluster:
    """A scheduler and workers as processes, each worker with a cache of its own: they share no disk with us."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[subprocess.Popen[bytes]] = []
        self.port = free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self._start("scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--dashboard-address", "127.0.0.1:0")

    def worker(self, resources: str) -> subprocess.Popen[bytes]:
        web = ("--no-dashboard", "--dashboard-address", "127.0.0.1:0", "--host", "127.0.0.1", "--no-nanny")
        return self._start("worker", self.address, "--nthreads", "1", "--resources", resources, *web)

    def _start(self, role: str, *words: str) -> subprocess.Popen[bytes]:
        number = len(self._running)
        env = {**os.environ, "EDGETOOL_CACHE": str(self._folder / f"cache-{number}")}
        with (self._folder / f"{role}-{number}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{role}", *words],
                cwd=self._folder,
                env=env,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        self._running.append(process)
        return process

    def end(self) -> None:
        for process in reversed(self._running):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            process.wait(60)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    running = Cluster(tmp_path)
    try:
        await_port(running.port)
        yield running
    finally:
        running.end()


def await_port(port: int) -> None:
    with within(120):
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return


def cases_on(bundle: Bundle, *boards: str) -> list[PreparedCase]:
    found = []
    for board in boards:
        target = host_target(name=board, evaluation=EvaluationSpec(images=4))
        case = Case(model="tiny", precision=Precision.FP32, target=board, threads=1)
        found.append(prepared_case(case, bundle, bundle.manifest.models[0], target, instruments=DEFAULT))
    return found


def measured(cluster: Cluster, wanted: list[PreparedCase]) -> dict[str, Answer]:
    steps: list[tuple[str, str]] = []
    answers = measure_on_cluster(wanted, scheduler=cluster.address, on_step=lambda *step: steps.append(step))
    found = {case.case.target: answer for case, answer in answers}
    assert {target for target, _ in steps} <= {case.case.target for case in wanted}
    return found


def test_a_bundle_travels_to_the_worker_that_carries_its_board(cluster: Cluster, host_bundle: Bundle) -> None:
    workers = [cluster.worker("left=1"), cluster.worker("right=1")]
    await_workers(cluster, len(workers))
    with within(300):
        answers = measured(cluster, cases_on(host_bundle, "left", "right", "absent"))
    for board in ("left", "right"):
        answer = answers[board]
        assert not isinstance(answer, CaseFailure), answer
        assert sorted(answer) == [f"{board}-tiny-fp32.json", f"{board}-tiny-fp32.npz"]
    absent = answers["absent"]
    assert isinstance(absent, CaseFailure)
    assert absent.message == "no worker offers the board absent"


def await_workers(cluster: Cluster, count: int) -> None:
    from distributed import Client

    with Client(cluster.address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        client.wait_for_workers(count, timeout=120)


def test_a_board_that_two_workers_carry_is_refused(cluster: Cluster, host_bundle: Bundle) -> None:
    cluster.worker("left=1")
    cluster.worker("left=1,right=1")
    await_workers(cluster, 2)
    with within(120), pytest.raises(ConfigError, match="board left is offered by 2 workers"):
        measured(cluster, cases_on(host_bundle, "left"))


def test_a_worker_that_dies_and_stays_away_is_a_lost_board(
    cluster: Cluster, host_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetool.pipeline.cluster.LOOK_S", 1.0)
    monkeypatch.setattr("edgetool.pipeline.cluster.LOST_AFTER_S", 3.0)
    workers = {name: cluster.worker(f"{name}=1") for name in ("left", "right")}
    await_workers(cluster, 2)

    def lose_power(target: str, text: str) -> None:
        if (target, text) == ("left", "self-test on left"):
            workers["left"].kill()

    with within(300):
        found = measure_on_cluster(
            cases_on(host_bundle, "left", "right"), scheduler=cluster.address, on_step=lose_power
        )
        answers = {case.case.target: answer for case, answer in found}
    assert not isinstance(answers["right"], CaseFailure)
    assert isinstance(answers["left"], CaseFailure)
    assert answers["left"].message == "no worker offers the board left"


COORDINATOR = """
import sys
from pathlib import Path
from edgetool.bundles import open_bundle
from edgetool.platform.interrupt import unwind_on_signals
from edgetool.pipeline.cluster import measure_on_cluster
from tests.pipeline.test_scheduler import cases_on
unwind_on_signals()
list(measure_on_cluster(cases_on(open_bundle(Path(sys.argv[1])), "left"), scheduler=sys.argv[2], on_step=print))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_when_the_coordinator_ends_so_does_what_runs_on_the_workers(
    cluster: Cluster, host_bundle: Bundle, tmp_path: Path, number: signal.Signals
) -> None:
    bundle = with_harness(host_bundle, tmp_path / "bundle", f'touch "{tmp_path}/started"; exec sleep {MARK}')
    worker = cluster.worker("left=1")
    await_workers(cluster, 1)
    words = [sys.executable, "-c", COORDINATOR, str(bundle.root), cluster.address]
    with within(300), subprocess.Popen(words, cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL) as running:
        await_files(tmp_path, "started", 1)
        running.send_signal(number)
        running.wait()
        await_gone(f"sleep {MARK}", "pipeline.worker left")
    assert worker.poll() is None


def test_where_no_scheduler_answers_it_says_so(host_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetool.pipeline.cluster.CONNECT_TIMEOUT_S", 1.0)
    address = f"tcp://127.0.0.1:{free_port()}"
    with within(120), pytest.raises(ConnectError, match=f"no scheduler answers at {address}"):
        list(measure_on_cluster(cases_on(host_bundle, "left"), scheduler=address, on_step=print))
