"""What every executor promises, on each of them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from edgetool.errors import CommandFailed, CommandTimeout, ExecutorError, IllegalInstruction, TransferError
from edgetool.executors.base import Executor
from edgetool.platform.files import write_atomically
from edgetool.platform.process import run_process
from edgetool.platform.store import Store
from edgetool.runtimes.toolchains import load_toolchain
from edgetool.targets.registry import load_target, open_executor
from edgetool.targets.spec import Target
from tests.executors.servers import SERVERS
from tests.support.commands import command_lines
from tests.support.waiting import within

PROGRAM = PurePosixPath("bin/program")
# exit N | args … | env NAME | cwd | sleep NAME | spawn SECONDS | illegal | signal N | flood BYTES
SOURCE = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <signal.h>
int main(int argc, char **argv) {
  const char *verb = argc > 1 ? argv[1] : "";
  if (strcmp(verb, "exit") == 0) { fprintf(stderr, "last words\n"); return atoi(argv[2]); }
  if (strcmp(verb, "args") == 0) { for (int i = 2; i < argc; i++) fwrite(argv[i], 1, strlen(argv[i]) + 1, stdout); }
  if (strcmp(verb, "env") == 0) { const char *v = getenv(argv[2]); printf("%s", v ? v : "(unset)"); }
  if (strcmp(verb, "cwd") == 0) { char path[4096]; printf("%s", getcwd(path, sizeof path)); }
  if (strcmp(verb, "write") == 0) { FILE *f = fopen(argv[2], "w"); fputs(argv[3], f); fclose(f); }
  if (strcmp(verb, "sleep") == 0) { for (;;) pause(); }
  if (strcmp(verb, "spawn") == 0) { fork(); for (;;) pause(); }
  if (strcmp(verb, "illegal") == 0) { __builtin_trap(); }
  if (strcmp(verb, "signal") == 0) { signal(atoi(argv[2]), SIG_DFL); raise(atoi(argv[2])); }
  if (strcmp(verb, "flood") == 0) { long n = atol(argv[2]); char b[65536]; memset(b, 'x', sizeof b);
    for (; n > 0; n -= sizeof b) { fwrite(b, 1, sizeof b, stdout); } }
  return 0;
}
"""


def compile_program(triple: str, store: Store) -> Path:
    toolchain = load_toolchain(triple)
    command = ["-O1", "-target", toolchain.zig_target]
    if triple != "native":
        # A static musl program runs under an emulator without any library of the other machine.
        command = ["-O1", "-static", "-target", triple.replace("gnu", "musl"), f"-mcpu={toolchain.zig_cpu}"]

    def make(folder: Path) -> None:
        source = folder / "main.c"
        source.write_text(SOURCE)
        command_line: list[str | Path] = [
            sys.executable,
            "-m",
            "ziglang",
            "cc",
            *command,
            source,
            "-o",
            folder / "program",
        ]
        done = run_process(command_line, timeout_s=600)
        assert done.exit_code == 0, done.stderr.decode()

    return store.entry("test-program", {"source": SOURCE, "flags": command}, make).path / "program"


@pytest.fixture(scope="module", params=["host", "qemu-riscv64", *SERVERS])
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    if request.param not in SERVERS:
        yield load_target(request.param)
        return
    with SERVERS[request.param](tmp_path_factory.mktemp(request.param)) as server:
        yield server.target()


@pytest.fixture(scope="module")
def program(target: Target, store: Store) -> Path:
    """A static program for the target's machine."""
    return compile_program(target.triple, store)


@pytest.fixture
def executor(target: Target, program: Path) -> Iterator[Executor]:
    with open_executor(target) as opened:
        opened.put(program, PROGRAM)
        yield opened


@pytest.mark.parametrize(
    "name",
    ["plain", "with space", "quote'd", 'double"d', "new\nline", "$(touch x)", "-rf", "*", "größe", "a;b", "\\", "~"],
)
def test_a_file_of_any_name_goes_there_and_comes_back(executor: Executor, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\0text\n")
    executor.put(tmp_path / name, PurePosixPath("deep") / name)
    executor.get(PurePosixPath("deep") / name, tmp_path / "back" / name)
    assert (tmp_path / "back" / name).read_bytes() == b"\0text\n"


def test_a_folder_goes_with_all_it_holds_and_comes_back(executor: Executor, tmp_path: Path) -> None:
    write_atomically(tmp_path / "here" / "a" / "b", b"1")
    (tmp_path / "here" / "empty").mkdir()
    executor.put(tmp_path / "here", PurePosixPath("there"))
    executor.get(PurePosixPath("there"), tmp_path / "back")
    assert (tmp_path / "back" / "a" / "b").read_bytes() == b"1"
    assert (tmp_path / "back" / "empty").is_dir()


def test_a_file_stays_executable_on_its_way(executor: Executor) -> None:
    assert executor.run([PROGRAM, "exit", "0"], timeout_s=30).exit_code == 0


def test_putting_another_file_in_ones_place_replaces_it_there_and_changes_nothing_here(
    executor: Executor, tmp_path: Path
) -> None:
    write_atomically(tmp_path / "a", b"first")
    write_atomically(tmp_path / "b", b"second")
    for name in ("a", "b"):
        executor.put(tmp_path / name, PurePosixPath("file"))
    executor.get(PurePosixPath("file"), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"second"
    assert (tmp_path / "a").read_bytes() == b"first"


def test_putting_a_file_twice_is_no_error(executor: Executor, tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"text")
    for _ in range(2):
        executor.put(tmp_path / "a", PurePosixPath("file"))
    for _ in range(2):
        executor.get(PurePosixPath("file"), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"text"


def test_a_command_there_changes_no_file_here(executor: Executor, tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"ours")
    executor.put(tmp_path / "a", PurePosixPath("file"))
    executor.run([PROGRAM, "write", "file", "theirs"], timeout_s=30).check()
    assert (tmp_path / "a").read_bytes() == b"ours"


def test_a_link_is_put_as_the_file_it_leads_to(executor: Executor, tmp_path: Path) -> None:
    write_atomically(tmp_path / "here" / "a", b"text")
    (tmp_path / "here" / "link").symlink_to("a")
    executor.put(tmp_path / "here" / "link", PurePosixPath("alone") / "link")
    executor.get(PurePosixPath("alone") / "link", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"text"
    assert not (tmp_path / "back").is_symlink()


def test_what_is_missing_cannot_be_put_or_got(executor: Executor, tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="absent"):
        executor.put(tmp_path / "absent", PurePosixPath("there"))
    with pytest.raises(TransferError, match="absent"):
        executor.get(PurePosixPath("absent"), tmp_path / "back")
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("remote", ["/tmp/outside", "../outside", "a/../../outside"])
def test_a_path_outside_the_work_folder_is_refused(executor: Executor, tmp_path: Path, remote: str) -> None:
    write_atomically(tmp_path / "a", b"text")
    with pytest.raises(TransferError, match="not inside the work folder"):
        executor.put(tmp_path / "a", PurePosixPath(remote))
    with pytest.raises(TransferError, match="not inside the work folder"):
        executor.get(PurePosixPath(remote), tmp_path / "back")


@pytest.mark.parametrize("code", [0, 1, 2, 42, 255])
def test_an_exit_code_is_data(executor: Executor, code: int) -> None:
    result = executor.run([PROGRAM, "exit", str(code)], timeout_s=30)
    assert (result.exit_code, result.stderr, result.timed_out) == (code, b"last words\n", False)


def test_check_returns_a_good_result_and_raises_for_another(executor: Executor) -> None:
    good = executor.run([PROGRAM, "exit", "0"], timeout_s=30)
    assert good.check() is good
    with pytest.raises(CommandFailed, match=r"(?s)`bin/program exit 3` ended with exit code 3.*last words"):
        executor.run([PROGRAM, "exit", "3"], timeout_s=30).check()


def test_arguments_arrive_as_they_are(executor: Executor) -> None:
    words = ["with space", "quote's", '"', "$HOME", "`id`", "*", "", "new\nline", "größe", "\\n", "-x", "a;b|c&d>e"]
    result = executor.run([PROGRAM, "args", *words], timeout_s=30).check()
    assert result.stdout.decode().split("\0")[:-1] == words


def test_env_is_set_for_one_command_only(executor: Executor) -> None:
    value = "a b'c\"$d\n"
    assert executor.run([PROGRAM, "env", "COLOUR"], env={"COLOUR": value}, timeout_s=30).stdout.decode() == value
    assert executor.run([PROGRAM, "env", "COLOUR"], timeout_s=30).stdout == b"(unset)"


def test_a_command_runs_in_the_work_folder(executor: Executor, tmp_path: Path) -> None:
    executor.run([PROGRAM, "write", "written", "text"], timeout_s=30).check()
    executor.get(PurePosixPath("written"), tmp_path / "back")
    assert (tmp_path / "back").read_text() == "text"


@pytest.mark.parametrize("verb", ["sleep", "spawn"])
def test_a_timeout_ends_the_command_and_its_children(executor: Executor, verb: str) -> None:
    mark = f"mark-{os.urandom(8).hex()}"
    with within(60):
        result = executor.run([PROGRAM, verb, mark], timeout_s=0.5)
    assert result.timed_out
    assert not [line for line in command_lines() if mark in line]
    with pytest.raises(CommandTimeout, match="program took longer than") as caught:
        result.check()
    assert caught.value.hint is not None


def test_a_command_that_prints_without_limit_ends_all_the_same(executor: Executor) -> None:
    with within(120):
        result = executor.run([PROGRAM, "flood", "50000000"], timeout_s=100).check()
    assert 0 < len(result.stdout) <= 4 * 1024**2


def test_an_instruction_the_cpu_lacks_is_explained(executor: Executor) -> None:
    result = executor.run([PROGRAM, "signal", str(int(signal.SIGILL))], timeout_s=30)
    with pytest.raises(IllegalInstruction, match="program used an instruction") as caught:
        result.check()
    assert caught.value.hint is not None


def test_a_signal_is_a_failure(executor: Executor) -> None:
    result = executor.run([PROGRAM, "signal", str(int(signal.SIGSEGV))], timeout_s=30)
    assert result.exit_code in (-signal.SIGSEGV, 128 + signal.SIGSEGV)
    with pytest.raises(CommandFailed):
        result.check()


def test_a_missing_program_is_an_error_or_a_failure(executor: Executor) -> None:
    with pytest.raises(ExecutorError):
        executor.run([PurePosixPath("no-such-program")], timeout_s=30).check()
    with pytest.raises(ExecutorError):
        executor.run([PurePosixPath("bin/no-such-program")], timeout_s=30).check()


def test_a_file_that_is_no_program_is_an_error_or_a_failure(executor: Executor, tmp_path: Path) -> None:
    write_atomically(tmp_path / "data", b"\x7fELF and nothing more")
    (tmp_path / "data").chmod(0o755)
    executor.put(tmp_path / "data", PurePosixPath("bin/data"))
    with pytest.raises(ExecutorError):
        executor.run([PurePosixPath("bin/data")], timeout_s=30).check()


def work_folder(executor: Executor) -> Path:
    return Path(executor.run([PROGRAM, "cwd"], timeout_s=30).check().stdout.decode())


def test_the_work_folder_is_gone_afterwards(target: Target, program: Path) -> None:
    with open_executor(target) as executor:
        executor.put(program, PROGRAM)
        folder = work_folder(executor)
        assert folder.is_dir()
    assert not folder.exists()


def test_the_work_folder_is_gone_after_an_exception_too(target: Target, program: Path) -> None:
    folders = []

    def stop() -> None:
        with open_executor(target) as executor:
            executor.put(program, PROGRAM)
            folders.append(work_folder(executor))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        stop()
    assert not folders[0].exists()


def test_two_open_executors_do_not_share_a_folder(target: Target, program: Path) -> None:
    with open_executor(target) as one, open_executor(target, exclusive=False) as other:
        one.put(program, PROGRAM)
        other.put(program, PROGRAM)
        assert work_folder(one) != work_folder(other)


def test_an_executor_that_is_not_open_says_so(target: Target) -> None:
    with pytest.raises(ExecutorError, match="not open"):
        open_executor(target).run(["program"])


def test_only_silicon_is_native(target: Target) -> None:
    executor = open_executor(target)
    assert executor.native() == (executor.emulator is None) == (target.executor["kind"] != "qemu")
