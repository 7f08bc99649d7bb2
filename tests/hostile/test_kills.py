"""A deployment that is killed in any phase, on a full or read-only disk, or twice at once: the next is right."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import edgetool
from edgetool.errors import ConfigError, TransferError
from edgetool.platform.files import link_or_copy
from edgetool.platform.process import Completed, run_process
from edgetool.platform.store import cache_root
from edgetool.records.results import read_run
from tests.support.commands import command_lines, run_cli, start_cli
from tests.support.denied import LINK, LOCK, SYMLINK, denied
from tests.support.waiting import await_true, within

KEPT = ("runtime", "harness", "downloads", "zig")  # of the tests' cache: what takes minutes to make


@pytest.fixture
def words(tiny_path: Path, images_path: Path, host: object) -> list[str | Path]:
    """A deployment of the tiny model to this machine. `host` has its runtime and harness in the tests' cache."""
    del host
    quick = ["--repetitions", "3", "--warmup", "1", "--min-duration", "0", "--images", "4"]
    return ["deploy", "--target", "host", "--model", tiny_path, "--calibration", images_path, *quick]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A cache and scratch of its own, the first with what takes long to make."""
    cache, scratch = tmp_path / "cache", tmp_path / "tmp"
    scratch.mkdir()
    cache.mkdir()
    for name in KEPT:
        if (cache_root() / name).is_dir():
            unfinished = shutil.ignore_patterns(".*")  # of another process that fills the tests' cache now
            shutil.copytree(cache_root() / name, cache / name, copy_function=link_or_copy, ignore=unfinished)
    return {"EDGETOOL_CACHE": str(cache), "TMPDIR": str(scratch)}


def phases(running: subprocess.Popen[bytes]) -> Iterator[str]:
    """Each step as it ends."""
    assert running.stderr is not None
    for line in running.stderr:
        if line.startswith("✓".encode()):
            yield line.decode()[2:].split(":")[0].strip()


def check(folder: Path, environment: dict[str, str]) -> None:
    """What a deployment leaves behind: one run with a record for each case, and nothing else."""
    runs = [path for path in (folder / "runs").iterdir() if path.suffix != ".lock"]
    assert runs
    for run in runs:  # one that was killed after its report is whole, too
        assert not run.name.startswith(".")
        stored = read_run(run)
        assert len(stored.recorded) == len(stored.run.results) == 2
        assert (run / "report.html").is_file()
    assert not [path for path in Path(environment["EDGETOOL_CACHE"]).glob("*/.*") if path.is_dir()]


def test_a_deployment_that_is_killed_in_each_phase_goes_on_from_there(
    words: list[str | Path], environment: dict[str, str], tmp_path: Path
) -> None:
    seen: list[str] = []
    scratch = Path(environment["TMPDIR"])
    while True:
        with within(300), start_cli(*words, cwd=tmp_path, env=environment) as running:
            new = next((phase for phase in phases(running) if phase not in seen), None)
            if new is not None:
                os.kill(running.pid, signal.SIGKILL)
            _, stderr = running.communicate()
        if new is None:
            break
        seen.append(new)
        assert running.returncode == -signal.SIGKILL
        await_true(lambda: not list(scratch.iterdir()), "a temporary file was left")
        await_true(lambda: not [line for line in command_lines() if str(tmp_path) in line], "a process was left")
    assert running.returncode == 0, stderr.decode()
    assert len(seen) >= 8, seen
    check(tmp_path, environment)


def test_two_at_once_are_both_right(words: list[str | Path], environment: dict[str, str], tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    with within(300):
        both = [start_cli(*words, cwd=folder, env=environment) for folder in folders]
        said = [running.communicate()[1].decode() for running in both]
    assert [running.returncode for running in both] == [0, 0], said
    for folder in folders:
        check(folder, environment)


# Clocks

DATED = {"pipeline/run.py", "platform/cache.py", "records/measure.py"}  # whose dates are for people


def test_nothing_waits_or_times_by_a_clock_that_may_jump() -> None:
    """What is left to a jump are the dates of runs and records, and how old a cached step is said to be."""
    package = Path(edgetool.__file__).parent
    reads = re.compile(r"\btime\.time(_ns)?\(|\bdatetime\.(now|utcnow|today)\(|CLOCK_REALTIME")
    found = {path.relative_to(package).as_posix() for path in package.rglob("*.py") if reads.search(path.read_text())}
    assert found == DATED


# Disks


READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && ! touch "$0" 2>/dev/null'


def mounted(place: Path, mount: str, words: list[str | Path], cwd: Path, environment: dict[str, str]) -> Completed:
    """The command after `mount` has changed what `place`, its $0, is: for its eyes only."""
    if os.geteuid() != 0 or run_process(["unshare", "--mount", "true"], timeout_s=30).exit_code != 0:
        pytest.skip("needs root, and to be allowed a mount namespace")
    script = f'{mount} && cd "$1" && shift && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", script, place, cwd, sys.executable, "-m", "edgetool.cli", *words]
    return run_process(command, env={**environment, "PYTHONPATH": str(Path.cwd())}, timeout_s=300)


def rest(environment: dict[str, str], tmp_path: Path) -> dict[str, Path]:
    runs = tmp_path / "runs"
    runs.mkdir()
    return {"cache": Path(environment["EDGETOOL_CACHE"]), "scratch": Path(environment["TMPDIR"]), "runs": runs}


def test_cache_runs_and_scratch_may_lie_on_different_disks(
    words: list[str | Path], environment: dict[str, str], elsewhere: Path, tmp_path: Path
) -> None:
    scratch = elsewhere / "tmp"
    scratch.mkdir()
    done = run_cli(*words, "--runs", elsewhere / "runs", cwd=tmp_path, env={**environment, "TMPDIR": str(scratch)})
    assert done.exit_code == 0, done.stderr.decode()
    check(elsewhere, environment)
    assert not list(scratch.iterdir())


@pytest.mark.parametrize(
    ("name", "options"),
    [("cache", "size=64k"), ("cache", "ro"), ("scratch", "size=64k"), ("runs", "size=64k"), ("runs", "ro")],
)
def test_a_full_or_read_only_disk_is_an_error_and_the_next_run_is_right(
    name: str, options: str, words: list[str | Path], environment: dict[str, str], tmp_path: Path
) -> None:
    place = rest(environment, tmp_path)[name]
    if name == "cache":  # its own files are there, in a folder that is full
        place = place / "bundle"
        place.mkdir()
    done = mounted(place, f'mount -t tmpfs -o {options} none "$0"', words, tmp_path, environment)
    assert done.exit_code in (1, ConfigError.exit_code, TransferError.exit_code), done.stderr.decode()
    assert b"error: " in done.stderr
    assert b"Traceback" not in done.stderr
    assert not list((tmp_path / "runs").iterdir())
    again = run_cli(*words, cwd=tmp_path, env=environment)
    assert again.exit_code == 0, again.stderr.decode()
    check(tmp_path, environment)


def test_a_read_only_cache_that_has_everything_is_enough(
    words: list[str | Path], environment: dict[str, str], tmp_path: Path
) -> None:
    first = run_cli(*words, cwd=tmp_path, env=environment)
    assert first.exit_code == 0, first.stderr.decode()
    again = mounted(Path(environment["EDGETOOL_CACHE"]), READ_ONLY, words, tmp_path, environment)
    assert again.exit_code == 0, again.stderr.decode()
    assert len([path for path in (tmp_path / "runs").iterdir() if path.is_dir()]) == 2
    check(tmp_path, environment)


@pytest.mark.parametrize("error", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS], ids=errno.errorcode.get)
def test_a_file_system_without_links_will_do(
    error: int, words: list[str | Path], environment: dict[str, str], tmp_path: Path
) -> None:
    command = [*denied(error, LINK, SYMLINK), sys.executable, "-m", "edgetool.cli", *words]
    done = run_process(command, env=environment, cwd=tmp_path, timeout_s=300)
    assert done.exit_code == 0, done.stderr.decode()
    check(tmp_path, environment)


@pytest.mark.parametrize("error", [errno.ENOLCK, errno.EOPNOTSUPP], ids=errno.errorcode.get)
def test_a_file_system_without_locks_is_an_error_that_says_so(
    error: int, words: list[str | Path], environment: dict[str, str], tmp_path: Path
) -> None:
    command = [*denied(error, LOCK), sys.executable, "-m", "edgetool.cli", *words]
    done = run_process(command, env=environment, cwd=tmp_path, timeout_s=300)
    assert done.exit_code == 1
    assert b"the file system has no locks" in done.stderr
