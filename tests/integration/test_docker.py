"""The executor `docker` and the images against a real Docker Engine: `make test-docker` starts one where none runs."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from edgetool.errors import ConfigError
from edgetool.executors.docker import DockerExecutor
from edgetool.pipeline.selftest import selftest_runtime
from edgetool.platform.context import StepContext
from edgetool.platform.process import run_process, run_tool
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store, cache_root
from edgetool.runtimes.toolchains import load_toolchain
from edgetool.targets.registry import load_target, open_executor
from edgetool.targets.spec import Target

PROGRAM = PurePosixPath("bin/program")
SOURCE = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int count, char **words) {
  if (count > 1 && !strcmp(words[1], "wait")) { for (;;) pause(); }
  if (count > 1 && !strcmp(words[1], "fail")) { return 7; }
  if (count > 1 && !strcmp(words[1], "trap")) { __builtin_trap(); }
  FILE *file = fopen("written.txt", "w");
  fprintf(file, "%s", getenv("WORD") ? getenv("WORD") : "nothing");
  for (int i = 1; i < count; i++) printf("%s\\n", words[i]);
  return fclose(file);
}
"""


@pytest.fixture(scope="module")
def target() -> Target:
    if os.environ.get("EDGETOOL_TEST_DOCKER") != "1":
        pytest.skip("run by `make test-docker`, which sees to an engine and the images")
    return load_target("docker-riscv64")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A static program for the target: the image holds no libc."""
    folder = tmp_path_factory.mktemp("program")
    (folder / "program.c").write_text(SOURCE)
    architecture = load_toolchain("riscv64-linux-gnu").zig_target.partition("-")[0]
    run_tool(
        [
            *(sys.executable, "-m", "ziglang", "cc", "-target", f"{architecture}-linux-musl", "-static", "-O1"),
            *(folder / "program.c", "-o", folder / "program"),
        ],
        log=folder / "log",
        timeout_s=600,
    )
    return folder / "program"


@pytest.fixture
def executor(target: Target, program: Path) -> Iterator[DockerExecutor]:
    with open_executor(target) as opened:
        if not isinstance(opened, DockerExecutor):
            raise TypeError(f"{target.name} is reached by {type(opened).__name__}")
        opened.put(program, PROGRAM)
        yield opened


def containers() -> list[str]:
    listed = run_process(["docker", "ps", "--all", "--filter", "name=edgetool-", "--format", "{{.Names}}"])
    return listed.stdout.decode().split()


def test_arguments_arrive_as_they_were_given(executor: DockerExecutor) -> None:
    words = ["two words", "$HOME", "'\"", ""]
    done = executor.run([PROGRAM, *words]).check()
    assert done.stdout.decode().split("\n")[:-1] == words


def test_files_come_back_and_belong_to_the_user(executor: DockerExecutor, tmp_path: Path) -> None:
    executor.run([PROGRAM], env={"WORD": "a word"}).check()
    executor.get(PurePosixPath("written.txt"), tmp_path / "written.txt")
    assert (tmp_path / "written.txt").read_text() == "a word"
    assert (tmp_path / "written.txt").stat().st_uid == os.getuid()
    assert stat.S_ISREG((tmp_path / "written.txt").stat().st_mode)


def test_an_exit_code_is_the_programs_own(executor: DockerExecutor) -> None:
    assert executor.run([PROGRAM, "fail"]).exit_code == 7


def test_a_program_that_takes_too_long_is_ended_with_its_container(executor: DockerExecutor) -> None:
    done = executor.run([PROGRAM, "wait"], timeout_s=3.0)
    assert done.timed_out
    assert containers() == []


def test_the_place_says_that_it_is_emulated(executor: DockerExecutor) -> None:
    assert executor.emulator is not None
    assert executor.emulator.startswith("qemu-riscv64 version ")
    assert not executor.native()


def test_an_image_that_is_missing_is_named_with_its_remedy(target: Target) -> None:
    with pytest.raises(ConfigError, match="no-such-image") as caught:
        open_executor(replace(target, executor={**target.executor, "image": "no-such-image"}))
    assert caught.value.hint is not None
    assert "docker/build-image" in caught.value.hint


def test_a_runtime_computes_right_in_the_container(target: Target) -> None:
    _, held = selftest_runtime(target, StepContext(store=Store(cache_root()), progress=Silent()))
    assert held > 0


def test_the_cross_image_builds_by_the_same_entry_point(target: Target) -> None:
    del target
    done = run_process(["docker", "run", "--rm", "--network", "none", "edgetool-cross", "--help"], timeout_s=120)
    assert done.exit_code == 0, done.stderr.decode()
    assert b"--compiler" in done.stdout
