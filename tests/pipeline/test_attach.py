"""A measurement whose client is gone, and `edgetool attach`, which makes the record that it was for."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from edgetool.bundles import Bundle
from edgetool.executors.jobs import JobSupervisor, State
from edgetool.harness.journal import find_entry
from edgetool.targets.registry import open_executor, read_target, write_target
from tests.executors.servers import BOUND_S, Server, openssh
from tests.support.commands import run_cli, start_cli
from tests.support.waiting import await_true

# Eight blocks of half a second: long enough to be met while they run.
SPEC = "[benchmark]\nwarmup = 1\nmin_repetitions = 16\nmin_duration_s = 4\ntarget_error = 0\ntimeout_s = 60\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with openssh(tmp_path / "server") as running:
        yield running


@dataclass
class Scene:
    """A board, and what `bench` measures there."""

    server: Server
    folder: Path
    words: tuple[str, ...]

    @property
    def target(self) -> Path:
        return self.folder / "desk.toml"

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    def start(self) -> Popen[bytes]:
        return start_cli("bench", *self.words, cwd=self.folder, env={})

    @contextmanager
    def timed_job(self, after: int = 2) -> Iterator[str]:
        """Hold a timing that comes after `after` that are done, so that it still runs whatever is done meanwhile."""
        held: list[int] = []

        def is_held() -> bool:
            if len(list(self.runs.glob("*/jobs/*/ended.json"))) >= after:
                held.extend(filter(_stop, _timings(self.folder / "there")))
            return bool(held)

        await_true(is_held, "nothing was timed")
        try:
            with open_executor(read_target(self.target), exclusive=False) as executor:
                assert isinstance(executor, JobSupervisor)
                (job,) = [job.id for job in executor.jobs() if job.state is not State.ENDED]
            yield job
        finally:
            for pid in held:
                os.kill(pid, signal.SIGCONT)

    def ended(self, job: str) -> bool:
        with open_executor(read_target(self.target), exclusive=False) as executor:
            assert isinstance(executor, JobSupervisor)
            return any(found.id == job and found.state is State.ENDED for found in executor.jobs())

    def attach(self, job: str) -> dict[str, Any]:
        done = run_cli("attach", f"{self.target}/{job}", "--json", cwd=self.folder)
        assert done.exit_code == 0, done.stderr.decode()
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


def _timings(board: Path) -> Iterator[int]:
    """Processes of the harness that time a model in a folder of the board, which is this machine."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            timing = b"--min-repetitions" in (process / "cmdline").read_bytes()
            if timing and (process / "cwd").readlink().is_relative_to(board):
                yield int(process.name)


def _stop(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        return True
    return False


@pytest.fixture
def scene(server: Server, host_bundle: Bundle, tmp_path: Path) -> Scene:
    path = tmp_path / "desk.toml"
    write_target(path, replace(server.target(folder=str(tmp_path / "there"), lease_s=1.0), name="desk"))
    path.write_text(f"{path.read_text()}\n{SPEC}")
    return Scene(server, tmp_path, (str(host_bundle.root), "--target", str(tmp_path / "desk.toml")))


def kill(scene: Scene, client: Popen[bytes]) -> None:
    del scene
    client.kill()
    client.communicate(timeout=20)


def cut(scene: Scene, client: Popen[bytes]) -> None:
    """Let no one reach the board until the client has given up."""
    assert scene.server.process is not None
    os.kill(scene.server.process.pid, signal.SIGSTOP)  # else it would serve a client that connects again at once
    scene.server.end_sessions()
    os.kill(scene.server.process.pid, signal.SIGKILL)
    scene.server.stop()
    _, said = client.communicate(timeout=BOUND_S)
    scene.server.start()
    assert client.returncode == 5
    assert b"edgetool attach desk/" in said, said.decode()


@pytest.mark.parametrize("lose", [kill, cut])
def test_attach_makes_the_record_that_the_job_was_for(
    scene: Scene, lose: Callable[[Scene, Popen[bytes]], None]
) -> None:
    client = scene.start()
    try:
        with scene.timed_job() as job:
            lose(scene, client)
    finally:
        client.kill()
        client.communicate(timeout=20)
    await_true(lambda: scene.ended(job), "the job did not end on the board")
    kept = [path.read_bytes() for path in scene.runs.glob("*/jobs/*/files/result.json")]
    found = find_entry(scene.runs, job)
    assert found is not None
    folder = json.loads((found[1].folder / "started.json").read_text())["folder"]
    session = job.partition(".")[0]
    kept.append((scene.folder / "there" / "work" / session / "files" / folder / "result.json").read_bytes())
    assert len(kept) >= 3
    answer = scene.attach(job)
    assert list(scene.runs.glob("*")) == [Path(answer["run"])], "something was left beside the run"
    assert not (Path(answer["run"]) / "jobs").exists()
    records = [json.loads(path.read_text()) for path in Path(answer["run"]).glob("records/*/*.json")]
    assert sorted(record["subject"]["model"]["precision"] for record in records) == ["fp32", "int8"]
    measured = [record["timing"]["samples_ns"] for record in records]
    for result in kept:
        samples = json.loads(result)["run"]["samples_ns"]
        assert any(
            samples == whole[start : start + len(samples)] for whole in measured for start in range(len(whole))
        ), "what was measured before the link was lost was measured again"


def test_attach_fetches_the_files_alone_where_a_folder_is_named(scene: Scene) -> None:
    client = scene.start()
    with scene.timed_job(after=0) as job:
        kill(scene, client)
    done = run_cli("attach", f"{scene.target}/{job}", "--output", "out", cwd=scene.folder)
    assert done.exit_code == 0, done.stderr.decode()
    assert list((scene.folder / "out").glob("run-*/result.json"))
