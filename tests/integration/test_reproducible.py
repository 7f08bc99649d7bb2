"""The runtime's library built again, in folders of other names and at another time: `make test-reproducible`.

$EDGETOOL_TEST_REPRODUCIBLE is how many of its objects are compiled again, or `library` for all of it: half an hour.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgetool.platform.files import sha256_file
from edgetool.platform.process import run_process
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store, cache_root
from edgetool.runtimes.buildtools import find_tool
from edgetool.runtimes.onnxruntime.build import _environment, build_folder, build_runtime
from edgetool.runtimes.onnxruntime.recipe import Recipe, prepare
from edgetool.runtimes.spec import Runtime
from edgetool.runtimes.toolchains import load_toolchain

WANTED = os.environ.get("EDGETOOL_TEST_REPRODUCIBLE", "")
TRIPLE = os.environ.get("TRIPLE", "riscv64-linux-gnu")
MADE = ("*.o", "*.d", "*.a", "*.so*")
FETCHED = ("downloads", "sources")  # the rest is built

pytestmark = pytest.mark.skipif(not WANTED, reason="EDGETOOL_TEST_REPRODUCIBLE=12 compiles: `make test-reproducible`")


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder in the cache's file system, whose files it shares."""
    with tempfile.TemporaryDirectory(prefix="another-name-", dir=cache_root()) as folder:
        yield Path(folder)


def link(source: Path, folder: Path, *without: str) -> None:
    shutil.copytree(source, folder, copy_function=os.link, symlinks=True, ignore=shutil.ignore_patterns(*without))


def chosen(objects: Path, count: int) -> list[Path]:
    """Some of all kinds: our kernels, and every so many of the others."""
    found = sorted(path.relative_to(objects) for path in objects.rglob("*.o"))
    ours = [path for path in found if "kernels" in path.parts]
    others = [path for path in found if path not in ours]
    half = count // 2
    return [*ours[:half], *others[:: max(1, len(others) // (count - half))]][:count]


def compiled(recipe: Recipe, build: Path, there: Path, name: Path, store: Store) -> Path:
    """An object, by the command that Ninja has for it but for the build's folder."""
    ninja: list[str | Path] = [find_tool("ninja"), "-C", build / "onnxruntime", "-t", "commands", "-s", name]
    command = run_process(ninja).stdout.decode().splitlines()[-1].replace(str(build), str(there))
    made = there / "onnxruntime" / str(name).replace(str(build), str(there))  # named after its source's folder
    made.parent.mkdir(parents=True, exist_ok=True)
    done = run_process(
        ["sh", "-c", command], cwd=there / "onnxruntime", env=_environment(recipe, there, store), timeout_s=1200
    )
    assert done.exit_code == 0, done.stderr.decode()
    return made


@pytest.mark.skipif(WANTED == "library", reason="the whole library is built again")
def test_objects_compiled_twice_are_equal_bit_for_bit(elsewhere: Path) -> None:
    store = Store(cache_root())
    recipe = prepare(load_toolchain(TRIPLE), store, Silent())
    with build_folder(recipe, store) as build:
        names = chosen(build / "onnxruntime", int(WANTED))
        assert len(names) == int(WANTED), "`make runtime` compiles the first"
        link(build, elsewhere / "build", *MADE, "bin")
        for united in (elsewhere / "build").rglob("Unity/*.cxx"):  # they include files by their whole paths
            text = united.read_text().replace(str(build), str(elsewhere / "build"))
            united.unlink()
            united.write_text(text)
        other = Store(elsewhere / "store")  # with a cache of zig's, so that nothing is taken from there
        for name in names:
            again = compiled(recipe, build, elsewhere / "build", name, other)
            assert sha256_file(again) == sha256_file(build / "onnxruntime" / name), name


def built(store: Store) -> Runtime:
    return build_runtime(prepare(load_toolchain(TRIPLE), store, Silent()), store, Silent())


@pytest.mark.skipif(WANTED != "library", reason="EDGETOOL_TEST_REPRODUCIBLE=library builds it again")
def test_the_library_built_twice_is_equal_bit_for_bit(elsewhere: Path) -> None:
    first = built(Store(cache_root()))
    for name in FETCHED:
        link(cache_root() / name, elsewhere / name)
    second = built(Store(elsewhere))
    assert first.build.files == second.build.files
