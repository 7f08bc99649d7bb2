"""What goes wrong with a board, in one table: each fault ends as its row says, in bounded time, and nothing is left.

Every row is a measurement on a real OpenSSH and on a real dropbear, through a link of ours that cuts, freezes, delays
and garbles. After it the same board is measured on again. A board that is restarted, and one whose clock jumps, are
emulated ones: tests/integration/test_virtual_board.py.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import pytest

from edgetool.errors import (
    BoardBusy,
    CommandFailed,
    CommandTimeout,
    EdgetoolError,
    ExecutorError,
    HarnessError,
    HostKeyError,
    IllegalInstruction,
    JobLost,
    LinkLost,
    TransferError,
)
from edgetool.platform.process import run_process
from edgetool.records.measure import measure
from edgetool.records.record import Recorded
from edgetool.targets.registry import open_executor
from edgetool.targets.spec import Target
from tests.executors.servers import Link, Server, linked, make_key
from tests.support.bundles import QUICK, bench_of, harness_script, result_document, stub_bundle, writing_harness
from tests.support.models import CLASSES
from tests.support.waiting import await_true, within

LOGITS = struct.pack(f"<{CLASSES}f", *range(CLASSES))


@dataclass(kw_only=True)
class Scene:
    """A board, the link to it, and a harness that waits in its first start until it is let go."""

    server: Server
    behind: Server
    link: Link
    folder: Path
    board: Path  # where the board keeps what it keeps
    threads: list[threading.Thread] = field(default_factory=list)

    def target(self, *, timeout_s: float = 60, **settings: object) -> Target:
        settings = {"folder": str(self.board), "connect_timeout_s": 3.0, **settings}
        return replace(self.behind.target(**settings), benchmark=replace(QUICK, timeout_s=timeout_s))

    @property
    def started(self) -> Path:
        return self.folder / "started"

    @property
    def starts(self) -> int:
        return len(self.started.read_text().splitlines()) if self.started.exists() else 0

    def waiting(self) -> Path:
        """An honest harness; the first start says so and goes on when the file `go` is there."""
        honest = writing_harness(self.folder, json.dumps(result_document()), output=LOGITS)
        wait = f'echo start >>"{self.started}"; until [ -e "{self.folder}/go" ]; do sleep 0.1; done'
        honest.write_text(honest.read_text().replace("#!/bin/sh\n", f"#!/bin/sh\n{wait}\n"))
        return honest

    def go(self) -> None:
        (self.folder / "go").touch()

    def when_started(self, *actions: Callable[[], object]) -> None:
        """Do something while the harness waits."""

        def act() -> None:
            await_true(self.started.exists, "the harness did not start")
            for action in actions:
                action()

        self.threads.append(threading.Thread(target=act))
        self.threads[-1].start()

    def measured(self, harness: Path, target: Target | None = None) -> Recorded:
        target = target or self.target()
        bundle = stub_bundle(self.folder / "bundle", harness)
        with bench_of(open_executor(target), bundle, target) as bench:
            return measure(bench, bundle.manifest.models[0])

    def job_pid(self, name: str) -> int:
        """A process of the only job: its supervisor, or its program."""
        (job,) = (self.board / "work").glob("*/jobs/*")
        return int(str((job / name).readlink()).partition(".")[0])


def samples_of(recorded: Recorded) -> tuple[int, ...] | None:
    return None if recorded.record.timing is None else recorded.record.timing.samples_ns


def honest(scene: Scene) -> Path:
    return writing_harness(scene.folder, json.dumps(result_document()), output=LOGITS)


# The link


def cut_while_connecting(scene: Scene, limit_bytes: int) -> Recorded:
    scene.link.limit_bytes = limit_bytes
    return scene.measured(honest(scene))


def large(scene: Scene) -> Path:
    """A harness that is ten megabytes, so that its upload takes a while."""
    harness = honest(scene)
    harness.write_bytes(harness.read_bytes() + b"exit\n" + os.urandom(10_000_000))
    return harness


def cut_in_the_upload(scene: Scene, *, back: bool) -> Recorded:
    scene.link.break_after(passed_bytes=2_000_000, for_good=not back)
    return scene.measured(large(scene))


def freeze_in_the_upload(scene: Scene) -> Recorded:
    def freeze() -> None:
        await_true(lambda: scene.link.passed_bytes > 2_000_000, "nothing was sent")
        scene.link.freeze()

    scene.threads.append(threading.Thread(target=freeze))
    scene.threads[-1].start()
    return scene.measured(large(scene))


def cut_in_the_run(scene: Scene) -> Recorded:
    scene.when_started(scene.link.cut, scene.go)
    found = scene.measured(scene.waiting())
    assert scene.starts == 2, "the job was started again"  # one to time it, one to classify
    return found


def cut_in_the_run_for_good(scene: Scene) -> Recorded:
    scene.when_started(scene.link.close)
    try:
        return scene.measured(scene.waiting(), scene.target(timeout_s=1000))
    finally:
        assert scene.starts == 1
        assert is_alive(scene.job_pid("supervisor")), "a lost link ended the job"
        scene.go()


def garbled_in_the_run(scene: Scene) -> Recorded:
    scene.when_started(scene.link.garble, scene.go)
    return scene.measured(scene.waiting())


def silent_in_the_run(scene: Scene) -> Recorded:
    scene.when_started(scene.link.freeze)
    try:
        return scene.measured(scene.waiting(), scene.target(timeout_s=1000))
    finally:
        scene.go()


def cut_in_the_download(scene: Scene, *, back: bool) -> Recorded:
    """What comes back is large, and the link is cut while it does."""
    outputs = LOGITS * 500_000
    scene.link.break_after(returned_bytes=5_000_000, for_good=not back)
    text = json.dumps(result_document(outputs=[{"name": "l", "dtype": "float32", "shape": [500_000, CLASSES]}]))
    return scene.measured(writing_harness(scene.folder, text, output=outputs))


def slow_link(scene: Scene) -> Recorded:
    scene.link.delay_s = 0.05
    return scene.measured(honest(scene))


# The board


def sshd_restarted(scene: Scene) -> Recorded:
    scene.when_started(scene.server.restart, scene.go)
    return scene.measured(scene.waiting())


@contextmanager
def disk(scene: Scene, options: str) -> Iterator[Path]:
    """A small disk, mounted where the server sees it: that may be a name space of its own."""
    assert scene.server.process is not None
    there = ["nsenter", "--mount", "--target", str(scene.server.process.pid)]
    folder = scene.folder / "disk"
    folder.mkdir()
    if run_process([*there, "mount", "-t", "tmpfs", "-o", options, "none", folder], timeout_s=30).exit_code != 0:
        pytest.skip("a small file system may not be mounted")
    try:
        yield folder
    finally:
        run_process([*there, "umount", "-l", folder], timeout_s=30)


def disk_full(scene: Scene) -> Recorded:
    with disk(scene, "size=4m") as folder:
        return scene.measured(large(scene), scene.target(folder=str(folder / "there")))


def read_only(scene: Scene) -> Recorded:
    with disk(scene, "ro") as folder:
        return scene.measured(honest(scene), scene.target(folder=str(folder / "there")))


def supervisor_killed(scene: Scene) -> Recorded:
    scene.when_started(lambda: os.kill(scene.job_pid("supervisor"), signal.SIGKILL))
    return scene.measured(scene.waiting())


def board_in_use(scene: Scene) -> Recorded:
    with open_executor(scene.target()):
        return scene.measured(honest(scene))


def board_in_use_for_a_while(scene: Scene) -> Recorded:
    with open_executor(scene.target()) as other:
        timer = threading.Timer(2.0, other.__exit__, (None, None, None))
        timer.start()
        scene.threads.append(timer)
        return scene.measured(honest(scene), scene.target(wait_s=100.0))


def host_key_changed(scene: Scene) -> Recorded:
    other = make_key(scene.folder / "other")
    scene.behind.known_hosts.write_text(f"[127.0.0.1]:{scene.behind.port} {other}\n")
    return scene.measured(honest(scene), scene.target(accept_new=True))


def host_key_changed_in_the_run(scene: Scene) -> Recorded:
    other = make_key(scene.folder / "other")
    text = f"[127.0.0.1]:{scene.behind.port} {other}\n"
    scene.when_started(lambda: scene.behind.known_hosts.write_text(text), scene.link.cut)
    try:
        return scene.measured(scene.waiting(), scene.target(accept_new=True))
    finally:
        scene.go()


# The harness


def harness(body: str, *, timeout_s: float = 60) -> Callable[[Scene], Recorded]:
    def run(scene: Scene) -> Recorded:
        return scene.measured(harness_script(scene.folder / "harness", body), scene.target(timeout_s=timeout_s))

    return run


def flood(scene: Scene) -> Recorded:
    program = honest(scene)
    program.write_text(program.read_text() + "head -c 1000000000 /dev/zero; head -c 1000000 /dev/zero >&2\n")
    return scene.measured(program)


def result(text: Callable[[], str | bytes]) -> Callable[[Scene], Recorded]:
    return lambda scene: scene.measured(writing_harness(scene.folder, text(), output=LOGITS))


def document(**run: object) -> Callable[[Scene], Recorded]:
    return result(lambda: json.dumps(result_document(**run)))


def name_of_all_sorts(scene: Scene) -> Recorded:
    name = "a b'c\"d\n$(touch x);*"
    (scene.folder / name).write_bytes(b"text")
    with open_executor(scene.target()) as executor:
        executor.put(scene.folder / name, PurePosixPath(name) / name)
        executor.get(PurePosixPath(name), scene.folder / "back")
        assert (scene.folder / "back" / name).read_bytes() == b"text"
    return scene.measured(honest(scene))


OUTPUT = {"name": "logits", "dtype": "float32", "shape": [1, CLASSES]}


@dataclass(frozen=True, kw_only=True)
class Fault:
    name: str
    ends: type[EdgetoolError] | None  # None: all the same in a measurement
    bound_s: float  # on a machine that has much else to do
    act: Callable[[Scene], Recorded]


def row(name: str, ends: type[EdgetoolError] | None, bound_s: float, act: Callable[[Scene], Recorded]) -> Fault:
    return Fault(name=name, ends=ends, bound_s=bound_s, act=act)


FAULTS = (
    row("link cut before a word", LinkLost, 30, lambda scene: cut_while_connecting(scene, 0)),
    row("link cut in the key exchange", LinkLost, 30, lambda scene: cut_while_connecting(scene, 1000)),
    row("link cut in the log-in", LinkLost, 30, lambda scene: cut_while_connecting(scene, 2500)),
    row("link cut in the upload", None, 60, lambda scene: cut_in_the_upload(scene, back=True)),
    row("link cut in the upload for good", LinkLost, 60, lambda scene: cut_in_the_upload(scene, back=False)),
    row("link silent in the upload", LinkLost, 60, freeze_in_the_upload),
    row("link cut in the run", None, 60, cut_in_the_run),
    row("link cut in the run for good", LinkLost, 60, cut_in_the_run_for_good),
    row("link silent in the run", LinkLost, 60, silent_in_the_run),
    row("link that loses a byte", None, 60, garbled_in_the_run),
    row("link cut in the download", None, 60, lambda scene: cut_in_the_download(scene, back=True)),
    row("link cut in the download for good", LinkLost, 60, lambda scene: cut_in_the_download(scene, back=False)),
    row("link that is slow", None, 60, slow_link),
    row("sshd restarted", None, 60, sshd_restarted),
    row("host key changed", HostKeyError, 30, host_key_changed),
    row("host key changed in the run", HostKeyError, 60, host_key_changed_in_the_run),
    row("disk full", TransferError, 60, disk_full),
    row("folder read-only", ExecutorError, 30, read_only),
    row("board in use", BoardBusy, 30, board_in_use),
    row("board in use for a while", None, 60, board_in_use_for_a_while),
    row("supervisor killed", JobLost, 60, supervisor_killed),
    row("harness killed", CommandFailed, 30, harness("kill -KILL $$")),
    row("harness hung", CommandTimeout, 60, harness("sleep 1000 & sleep 1000", timeout_s=1)),
    row(
        "harness hung, deaf to signals",
        CommandTimeout,
        60,
        harness("trap '' TERM; while :; do sleep 1; done", timeout_s=1),
    ),
    row("harness crashed", HarnessError, 30, harness("kill -SEGV $$")),
    row("harness of another CPU", IllegalInstruction, 30, harness("kill -ILL $$")),
    row("harness that leaves a process", HarnessError, 60, harness("setsid sleep 1000 & exit 0")),
    row("harness that prints a gigabyte", None, 120, flood),
    row("no result", HarnessError, 30, harness("exit 0")),
    row("result truncated", HarnessError, 30, result(lambda: json.dumps(result_document())[:-20])),
    row("result of wrong types", HarnessError, 30, document(samples_ns=["1", "2", "3"])),
    row("result of huge numbers", HarnessError, 30, document(samples_ns=[10**400] * 3)),
    row("result of a million too many", HarnessError, 60, document(samples_ns=[1] * 1_000_001)),
    row("result without an end", HarnessError, 60, harness('ln -s /dev/zero "$result"')),
    row("output's name a path", None, 30, document(outputs=[{**OUTPUT, "name": "../../outside"}])),
    row("name of all sorts", None, 30, name_of_all_sorts),
)


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def marked(board: Path) -> list[str]:
    """Processes of any job on this board: their work folder is in it."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if b"EDGETOOL_RUN=" in (path / "environ").read_bytes() and (path / "cwd").readlink().is_relative_to(board):
                found.append((path / "cmdline").read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_ends_as_its_row_says(fault: Fault, server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "scene"
    folder.mkdir()
    with linked(server, tmp_path / "link") as (behind, link):
        scene = Scene(server=server, behind=behind, link=link, folder=folder, board=tmp_path / "there")
        try:
            with within(fault.bound_s):
                if fault.ends is None:
                    assert samples_of(fault.act(scene)) == (1000, 1100, 1200)
                else:
                    with pytest.raises(fault.ends) as caught:
                        fault.act(scene)
                    assert caught.value.exit_code == fault.ends.exit_code
                    assert caught.value.message
        finally:
            for thread in scene.threads:
                thread.join(60)
    await_true(lambda: not marked(scene.board), "a process was left")
    work = scene.board / "work"
    await_true(lambda: all((path / "kept").exists() for path in list(work.glob("*"))), "a work folder was left")
    again = Scene(server=server, behind=server, link=link, folder=tmp_path / "again", board=tmp_path / "there")
    assert samples_of(again.measured(honest(again))) == (1000, 1100, 1200)
