"""`edgetool runtime build` as processes that meet and that die, on a source tree that compiles in a moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgetool.platform.daemons import identify
from edgetool.platform.store import Store, cache_root
from edgetool.runtimes.cache import CachedRuntime, cached_runtimes
from tests.support.waiting import await_true, is_locked, within

VERSION = "0.0.1"
# Its target and its library have the names of ONNX Runtime's own. In the middle of the build it waits for its source.
PROJECT = """\
cmake_minimum_required(VERSION 3.28)
project(onnxruntime CXX)
add_custom_command(
  OUTPUT answer.cpp
  COMMAND echo made >> "${CMAKE_SOURCE_DIR}/../../log"
  COMMAND cat "${CMAKE_SOURCE_DIR}/../../pipe" > answer.cpp
)
add_library(onnxruntime SHARED answer.cpp)
set_target_properties(onnxruntime PROPERTIES VERSION 0.0.1 SOVERSION 1)
"""
SOURCE = "int answer() { return 42; }\n"
PREPARED = ("downloads", "protoc", "sources", "zig")  # what builds of any tree share


@dataclass(frozen=True)
class Tree:
    """A source tree, a cache for its builds alone, and beside them the pipe that a build gets its source from."""

    root: Path
    cache: Path
    pipe: Path

    def build(self) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "edgetool.cli", "runtime", "build", "--json", "--source", str(self.root)]
        environment = {**os.environ, "EDGETOOL_CACHE": str(self.cache)}
        return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def give_source(self) -> None:
        """To the build that waits for it, or that will."""
        self.pipe.write_text(SOURCE)

    @property
    def times_made(self) -> int:
        return len(self.pipe.with_name("log").read_text().splitlines())

    @property
    def runtimes(self) -> tuple[CachedRuntime, ...]:
        return cached_runtimes(Store(self.cache))


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    if os.environ.get("EDGETOOL_TEST_CONFIGURE") != "1":
        pytest.skip("takes minutes the first time: `make test-configure`")
    made = Tree(tmp_path / "tree", tmp_path / "cache", tmp_path / "pipe")
    os.mkfifo(made.pipe)
    (made.root / "cmake").mkdir(parents=True)
    (made.root / "cmake" / "CMakeLists.txt").write_text(PROJECT)
    (made.root / "VERSION_NUMBER").write_text(VERSION)
    made.cache.mkdir()
    for name in PREPARED:
        (cache_root() / name).mkdir(parents=True, exist_ok=True)
        (made.cache / name).symlink_to(cache_root() / name)
    with within(1200):
        yield made


def wait_for(build: subprocess.Popen[bytes]) -> None:
    _, errors = build.communicate()
    assert build.returncode == 0, errors.decode()


def kill(processes: list[int]) -> None:
    """Until they are dead: one that is not quite would still take the source from the pipe."""
    for process in processes:
        os.kill(process, signal.SIGKILL)
    await_true(lambda: not any(map(identify, processes)), "they were not killed")


def descendants(process: int) -> list[int]:
    found = []
    for thread in Path(f"/proc/{process}/task").iterdir():
        for child in map(int, (thread / "children").read_text().split()):
            found += [child, *descendants(child)]
    return found


def test_two_builds_of_one_runtime_make_it_once(tree: Tree) -> None:
    builds = [tree.build(), tree.build()]
    tree.give_source()
    for build in builds:
        wait_for(build)
    assert tree.times_made == 1
    assert [entry.build.version for entry in tree.runtimes] == [VERSION]


def test_a_build_that_is_killed_leaves_nothing_that_looks_finished_and_the_next_goes_on(tree: Tree) -> None:
    killed = tree.build()
    with tree.pipe.open("w"):  # opens when the build has opened it too
        kill([killed.pid, *descendants(killed.pid)])
        killed.communicate()
    assert not tree.runtimes
    following = tree.build()
    tree.give_source()
    wait_for(following)
    assert tree.times_made == 2
    assert [entry.build.version for entry in tree.runtimes] == [VERSION]


def test_a_build_waits_for_the_ninja_that_a_killed_one_has_left(tree: Tree) -> None:
    killed = tree.build()
    with tree.pipe.open("w"):
        left = descendants(killed.pid)
        killed.kill()
        killed.communicate()
        (lock,) = tree.cache.glob("build/*/ninja.lock")
        assert is_locked(lock)
        following = tree.build()
        kill(left)
    tree.give_source()
    wait_for(following)
    assert tree.times_made == 2
