"""Runtimes that others built: whole, of the right machine, and found again."""

from __future__ import annotations

import platform
from dataclasses import replace
from pathlib import Path

import pytest

from edgetool.errors import BuildError, ConfigError, WrongMachine
from edgetool.executors.emulators import find_emulator
from edgetool.pipeline.steps import Kit, provision
from edgetool.platform.context import StepContext
from edgetool.platform.debian.mirrors import VARIABLE
from edgetool.platform.debian.packages import fetch_from_debian
from edgetool.platform.debian.pins import Packages
from edgetool.platform.elf import read_elf
from edgetool.platform.files import file_entries
from edgetool.platform.progress import Silent, unheard
from edgetool.platform.store import Store
from edgetool.runtimes.description import open_runtime
from edgetool.runtimes.onnxruntime.prebuilt import provide
from edgetool.runtimes.toolchains import build_harness, load_toolchain, native_triple
from edgetool.targets.registry import load_target


def test_debians_runtime_for_riscv64_is_whole(riscv: Kit) -> None:
    library = riscv.runtime.root / "lib"
    names = {path.name for path in library.iterdir()}
    for path in library.iterdir():
        elf = read_elf(path)
        assert elf.machine == "EM_RISCV"
        assert set(elf.needed) <= names, path.name
    assert {riscv.toolchain.loader, "libc.so.6"} <= names


def test_the_harness_finds_all_it_needs_in_a_runtime_that_carries_libc(riscv: Kit) -> None:
    names = {path.name for path in (riscv.runtime.root / "lib").iterdir()}
    assert set(read_elf(riscv.harness).needed) <= names


def test_a_runtime_says_where_it_comes_from(kit: Kit) -> None:
    build = kit.runtime.build
    assert build.provider == ("wheel" if kit.target.name == "host" else "debian")
    assert build.version in build.library
    assert build.variant not in ("", "unknown")
    assert (build.loader is None) == (build.glibc is not None) == (kit.target.name == "host")


def test_a_runtimes_files_are_those_it_lists(kit: Kit) -> None:
    listed = set(kit.runtime.build.files)
    assert {entry for entry in file_entries(kit.runtime.root) if entry.path.startswith("lib/")} == listed


def test_a_runtime_is_fetched_once(kit: Kit, store: Store) -> None:
    before = (kit.runtime.root / "runtime.json").stat().st_mtime_ns
    again = provide(kit.toolchain, store, provider=kit.target.runtime)
    assert again == kit.runtime
    assert (again.root / "runtime.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("triple", "provider", "message"),
    [
        ("riscv64-linux-gnu", "wheel", "wheel has no ONNX Runtime for riscv64-linux-gnu"),
        ("x86_64-linux-gnu", "debian", "debian has no ONNX Runtime for x86_64-linux-gnu"),
        ("riscv64-linux-gnu", "pigeon", "no runtime provider 'pigeon'"),
    ],
)
def test_a_provider_that_has_none_says_so(store: Store, triple: str, provider: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        provide(load_toolchain(triple), store, provider=provider)


def test_an_unknown_provider_lists_the_known_ones(store: Store) -> None:
    with pytest.raises(ConfigError) as caught:
        provide(load_toolchain("native"), store, provider="pigeon")
    assert caught.value.hint is not None
    assert {"auto", "wheel", "debian"} <= set(caught.value.hint.replace(":", ",").replace(" ", "").split(","))


def test_an_unknown_triple_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no toolchain for 'vax-linux'") as caught:
        load_toolchain("vax-linux")
    assert caught.value.hint is not None
    assert "riscv64-linux-gnu" in caught.value.hint


def test_the_native_toolchain_is_this_machines() -> None:
    assert load_toolchain("native").triple == native_triple()


def test_where_there_is_no_debian_a_board_still_gets_its_runtime_and_harness(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toolchain = load_toolchain("riscv64-linux-gnu")
    assert toolchain.debian is not None
    fetch_from_debian(toolchain.debian.pinned(), store.root, note=unheard)
    monkeypatch.setenv(VARIABLE, str(store.root / "downloads"))
    monkeypatch.setenv("PATH", "")  # no apt, no dpkg
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    kit = provision(load_target("riscv64-ssh"), StepContext(store=Store(tmp_path), progress=Silent()))
    assert {read_elf(path).machine for path in (kit.harness, *(kit.runtime.root / "lib").iterdir())} == {"EM_RISCV"}
    with pytest.raises(ConfigError, match="no toolchain for 'arm64-darwin'"):
        load_toolchain("native")
    with pytest.raises(ConfigError, match="qemu-riscv64 is not installed"):
        find_emulator("qemu-riscv64")


def test_a_package_that_is_not_pinned_is_named_before_anything_is_made(tmp_path: Path) -> None:
    debian = Packages(suite="trixie", architecture="riscv64", packages=("libonnxruntime0",))
    toolchain = replace(load_toolchain("riscv64-linux-gnu"), debian=debian)
    with pytest.raises(ConfigError, match="has no package 'libonnxruntime0'"):
        provide(toolchain, Store(tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_harness_for_another_machine_than_the_toolchains_is_refused(tmp_path: Path) -> None:
    toolchain = replace(load_toolchain("native"), elf_machine="EM_RISCV")
    with pytest.raises(WrongMachine, match="edgetool-harness is"):
        build_harness(toolchain, Store(tmp_path))
    assert not [path for path in tmp_path.glob("harness/*") if path.is_dir()]


def test_a_compiler_that_fails_shows_its_log(tmp_path: Path) -> None:
    toolchain = replace(load_toolchain("native"), cflags=("-no-such-flag",))
    with pytest.raises(BuildError, match="no-such-flag"):
        build_harness(toolchain, Store(tmp_path))


def test_a_folder_that_is_no_runtime_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"runtime\.json"):
        open_runtime(tmp_path)
