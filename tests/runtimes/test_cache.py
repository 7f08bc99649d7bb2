"""The cache of runtimes, and which of them a target gets."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from filelock import FileLock

from edgetool.errors import BuildError, ConfigError
from edgetool.platform.context import StepContext
from edgetool.platform.documents import write_document
from edgetool.platform.files import file_entries
from edgetool.platform.process import run_tool
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store
from edgetool.runtimes.cache import (
    build_folders,
    cached_runtimes,
    find_runtime,
    newest_crossbuilt,
    remove_builds,
    remove_runtime,
)
from edgetool.runtimes.choice import choose_runtime
from edgetool.runtimes.spec import RuntimeBuild
from edgetool.runtimes.toolchains import load_toolchain

RISCV = load_toolchain("riscv64-linux-gnu")


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A library by the processor that it is compiled for."""
    folder = tmp_path_factory.mktemp("libraries")
    (folder / "a.c").write_text("int answer(void) { return 42; }\n")
    words = [sys.executable, "-m", "ziglang", "cc", "-target", RISCV.zig_target, "-shared", "-s", str(folder / "a.c")]
    made = {}
    for cpu in ("baseline_rv64", "baseline_rv64+v"):
        made[cpu] = folder / cpu
        run_tool([*words, f"-mcpu={cpu}", "-o", made[cpu]], log=folder / "log", timeout_s=300)
    return made


def add(
    store: Store,
    name: str,
    *,
    age_s: int = 0,
    reduced: bool = False,
    triple: str = RISCV.triple,
    library: Path | None = None,
) -> str:
    """An entry as `build_runtime` would leave it, with a library or an imitation of one; returns its key."""

    def make(folder: Path) -> None:
        (folder / "lib").mkdir()
        content = name.encode() if library is None else library.read_bytes()
        (folder / "lib/libonnxruntime.so.1.21.0").write_bytes(content)
        build = RuntimeBuild(
            schema=RuntimeBuild.SCHEMA,
            name="onnxruntime",
            version="1.21.0",
            provider="crossbuild",
            variant=name,
            triple=triple,
            library="lib/libonnxruntime.so.1.21.0",
            loader=None,
            glibc="2.34",
            files=file_entries(folder),
            reduced=reduced,
            key="0" * 64,
        )
        write_document(folder / "runtime.json", build)
        made = (folder / "runtime.json").stat().st_mtime - age_s
        os.utime(folder / "runtime.json", (made, made))

    return Store(store.root).entry("runtime", {"name": name}, make).path.name


def chosen(store: Store) -> str:
    return choose_runtime(RISCV, StepContext(store=store, progress=Silent()), asked="auto", libc=False).build.variant


def test_an_empty_cache_lists_nothing(tmp_path: Path) -> None:
    assert cached_runtimes(Store(tmp_path)) == ()


def test_runtimes_are_listed_newest_first_with_their_sizes(tmp_path: Path) -> None:
    store = Store(tmp_path)
    add(store, "old", age_s=100)
    add(store, "new")
    found = cached_runtimes(store)
    assert [entry.build.variant for entry in found] == ["new", "old"]
    assert all(entry.size_bytes > 0 for entry in found)


def test_what_a_killed_build_left_is_not_listed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    key = add(store, "whole")
    (tmp_path / "runtime" / f".{key}-abc").mkdir()
    (tmp_path / "runtime" / "0123456789abcdef").mkdir()
    assert [entry.key for entry in cached_runtimes(store)] == [key]


def test_a_runtime_is_found_by_the_beginning_of_its_key(tmp_path: Path) -> None:
    store = Store(tmp_path)
    key = add(store, "only")
    assert find_runtime(store, key[:6]).key == key


@pytest.mark.parametrize("key", ["", "zz", "0"])
def test_no_runtime_is_removed_unless_one_is_meant(tmp_path: Path, key: str) -> None:
    store = Store(tmp_path)
    add(store, "only")
    with pytest.raises(ConfigError, match="runtimes have a key"):
        remove_runtime(store, key)
    assert len(cached_runtimes(store)) == 1


def test_a_removed_runtime_is_gone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    key = add(store, "only")
    remove_runtime(store, key)
    assert cached_runtimes(store) == ()
    assert not [path for path in (tmp_path / "runtime").iterdir() if path.is_dir()]


def test_a_target_gets_the_newest_that_was_built_for_its_triple(tmp_path: Path, libraries: Mapping[str, Path]) -> None:
    store, library = Store(tmp_path), libraries["baseline_rv64"]
    add(store, "old", age_s=100, library=library)
    add(store, "new", age_s=50, library=library)
    add(store, "another triple", triple="aarch64-linux-gnu", library=library)
    assert chosen(store) == "new"


def test_a_runtime_that_not_every_board_can_run_is_not_taken(tmp_path: Path, libraries: Mapping[str, Path]) -> None:
    store = Store(tmp_path)
    add(store, "for all", age_s=100, library=libraries["baseline_rv64"])
    add(store, "with vectors", library=libraries["baseline_rv64+v"])
    assert chosen(store) == "for all"


def test_a_reduced_runtime_is_taken_only_by_its_key(tmp_path: Path, libraries: Mapping[str, Path]) -> None:
    store = Store(tmp_path)
    add(store, "whole", age_s=100, library=libraries["baseline_rv64"])
    key = add(store, "reduced", reduced=True)
    assert chosen(store) == "whole"
    assert (
        choose_runtime(RISCV, StepContext(store=store, progress=Silent()), asked=f"key:{key}", libc=False).build.variant
        == "reduced"
    )


def test_without_one_that_was_built_there_is_none_to_take(tmp_path: Path) -> None:
    assert newest_crossbuilt(Store(tmp_path), RISCV) is None
    with pytest.raises(ConfigError, match="has been built yet"):
        choose_runtime(RISCV, StepContext(store=Store(tmp_path), progress=Silent()), asked="crossbuild", libc=False)


def test_what_builds_have_left_can_be_removed_and_runtimes_stay(tmp_path: Path) -> None:
    store = Store(tmp_path)
    add(store, "whole")
    for name in ("build/riscv64-linux-gnu-0", "zig", "sources/0", "downloads"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").write_bytes(b"12345")
    assert remove_builds(store) == 20
    assert build_folders(store) == {}
    assert len(cached_runtimes(store)) == 1


def test_what_a_running_build_uses_is_not_removed(tmp_path: Path) -> None:
    folder = tmp_path / "build/riscv64-linux-gnu-0"
    folder.mkdir(parents=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")), pytest.raises(ConfigError, match="a build is using"):
        remove_builds(Store(tmp_path))
    assert folder.is_dir()


def test_a_cross_built_runtime_in_which_a_bit_has_changed_is_not_packaged(
    tmp_path: Path, libraries: Mapping[str, Path]
) -> None:
    store = Store(tmp_path)
    key = add(store, "damaged", library=libraries["baseline_rv64"])
    library = tmp_path / "runtime" / key / "lib/libonnxruntime.so.1.21.0"
    data = bytearray(library.read_bytes())
    data[-1] ^= 1
    library.write_bytes(bytes(data))
    with pytest.raises(BuildError, match="has changed"):
        chosen(store)


def test_a_runtime_that_somebody_uses_is_not_removed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    key = add(store, "only")
    store.open_entry(tmp_path / "runtime" / key)
    with pytest.raises(ConfigError, match="is in use"):
        remove_runtime(Store(tmp_path), key)
