"""Two commands at once in one folder and one cache: both end right, or one says clearly who is in its way."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path

import pytest

from edgetool.bundles import Bundle
from edgetool.errors import BoardBusy, ConfigError
from edgetool.pipeline.run import new_run, publish
from edgetool.platform.store import INPUTS, cache_root, damage
from edgetool.records.results import read_run
from edgetool.targets.registry import write_target
from tests.executors.servers import HOST, openssh
from tests.hostile.test_kills import check, environment, words
from tests.support.commands import start_cli, start_python
from tests.support.waiting import within

__all__ = ["environment", "words"]

BOUND_S = 300.0
QUICK = ("--repetitions", "3", "--warmup", "1", "--min-duration", "0")


def run_both(command: list[str | Path], cwd: Path, environment: dict[str, str]) -> list[tuple[int, str]]:
    """Run a command twice at the same time. Return the exit code and stderr of each."""
    both = [start_cli(*command, cwd=cwd, env=environment) for _ in range(2)]
    try:
        with within(BOUND_S):
            said = [running.communicate()[1].decode() for running in both]
    finally:
        for running in both:
            running.kill()
    return [(running.returncode, text) for running, text in zip(both, said, strict=True)]


@pytest.mark.parametrize("more", [[], ["--force"]], ids=["as it is", "forced"])
def test_two_deployments_into_one_folder_are_both_right(
    more: list[str], words: list[str | Path], environment: dict[str, str], tmp_path: Path
) -> None:
    ended = run_both([*words, *more], tmp_path, environment)
    assert [code for code, _ in ended] == [0, 0], ended
    check(tmp_path, environment)
    assert len([path for path in (tmp_path / "runs").iterdir() if path.is_dir()]) == 2
    entries = [path.parent for path in Path(environment["EDGETOOL_CACHE"]).glob(f"*/*/{INPUTS}")]
    assert len(entries) > 4
    assert [found for entry in entries for found in damage(entry)] == []


def test_two_benches_of_one_bundle_on_one_emulated_target_are_both_right(riscv_bundle: Bundle, tmp_path: Path) -> None:
    command: list[str | Path] = ["bench", riscv_bundle.root, "--target", "qemu-riscv64", *QUICK]
    ended = run_both(command, tmp_path, {"EDGETOOL_CACHE": str(cache_root())})
    assert [code for code, _ in ended] == [0, 0], ended
    runs = list((tmp_path / "runs").iterdir())
    assert [read_run(run).run.command for run in runs] == ["bench", "bench"]
    for run in runs:
        assert [recorded.record.emulated for recorded in read_run(run).recorded] == [True, True]


UNFINISHED = """
import signal, sys
from pathlib import Path
from edgetool.pipeline.run import new_run

with new_run(Path(sys.argv[1]), []) as folder:
    for key in sys.argv[2:]:
        (folder / "records" / key).mkdir(parents=True)
        (folder / "records" / key / "one.json").write_text(" ".join(sys.argv[2:]))
    (folder / "jobs" / "".join(sys.argv[2:])).mkdir(parents=True)
    print("there", flush=True)
    signal.pause()
"""


@contextmanager
def killed(runs: Path, *keys: str) -> Iterator[None]:
    """A run with a record for each key and a job, which is killed when the block ends."""
    with start_python("-c", UNFINISHED, runs, *keys) as running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline() == b"there\n"
            yield
        finally:
            running.kill()


@pytest.mark.parametrize("first", ["alone", "ends well", "killed, too"])
def test_what_killed_runs_of_the_same_cases_have_is_there_for_the_next(first: str, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    before: dict[str, AbstractContextManager[object]] = {
        "alone": nullcontext(),
        "ends well": new_run(runs, []),
        "killed, too": killed(runs, "a", "b"),
    }
    with within(BOUND_S), before[first], killed(runs, "b", "c"):
        pass
    with new_run(runs, []) as folder:
        assert [path.name for path in runs.iterdir() if path.is_dir()] == [folder.name]
        found = {path.parent.name: path.read_text() for path in folder.glob("records/*/one.json")}
        jobs = {path.name for path in folder.glob("jobs/*")}
        publish(folder, "done")
    assert found == ({"a": "a b", "b": "a b", "c": "b c"} if first == "killed, too" else {"b": "b c", "c": "b c"})
    assert jobs == ({"ab", "bc"} if first == "killed, too" else {"bc"})
    assert [path.name for path in runs.iterdir()] == ["done"]


@pytest.mark.parametrize("waits", [False, True], ids=["is told", "waits"])
def test_the_second_bench_on_a_board_is_told_who_has_it_or_waits(
    waits: bool, host_bundle: Bundle, tmp_path: Path
) -> None:
    """The first one stands still, with the board in its hands, until the second has come to it."""
    command: list[str | Path] = ["bench", host_bundle.root, "--target", HOST, "--verbose", *QUICK]
    environment = {"EDGETOOL_TARGETS": str(tmp_path / "targets")}
    with openssh(tmp_path / "sshd") as server, within(BOUND_S), ExitStack() as stack:
        write_target(tmp_path / "targets" / f"{HOST}.toml", server.target(lease_s=BOUND_S))

        def start(*more: str) -> tuple[subprocess.Popen[bytes], Iterator[str]]:
            running = stack.enter_context(start_cli(*command, *more, cwd=tmp_path, env=environment))
            stack.callback(running.kill)
            assert running.stderr is not None
            return running, (line.decode() for line in running.stderr)

        first, said = start()
        next(line for line in said if f"… self-test on {HOST}" in line)
        first.send_signal(signal.SIGSTOP)
        second, said = start(*(["--wait"] if waits else []))
        seen = next(line for line in said if " in use by " in line)
        first.send_signal(signal.SIGCONT)
        ended = [running.communicate()[1].decode() for running in (first, second)]
    assert re.search(f"… wait for {HOST}, in use by .+@.+" if waits else f"^error: {HOST} is in use by .+@.+", seen)
    codes = [first.returncode, second.returncode]
    assert codes == ([0, 0] if waits else [0, BoardBusy.exit_code]), ended
    runs = list((tmp_path / "runs").iterdir())
    assert [len(read_run(run).recorded) for run in runs] == [2] * codes.count(0)


PLAN = """schema = 1
targets = ["host"]
images = 4

[[models]]
source = "{model}"
calibration = "{images}"

[benchmark]
warmup = 1
min_repetitions = 3
min_duration_s = 0
target_error = 0
"""


@pytest.mark.usefixtures("host")
def test_of_two_sweeps_in_one_folder_one_is_right_and_the_other_too_or_told(
    tiny_path: Path, images_path: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "plan.toml").write_text(PLAN.format(model=tiny_path, images=images_path))
    ended = sorted(run_both(["sweep", "plan.toml"], tmp_path, environment))
    assert ended[0][0] == 0, ended
    if ended[1][0] != 0:
        assert ended[1][0] == ConfigError.exit_code
        assert "error: another run is active in " in ended[1][1]
    stored = read_run(tmp_path / "sweeps" / "plan")
    assert len(stored.recorded) == len(stored.run.results) == 2
