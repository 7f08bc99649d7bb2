"""Every triple is configured by the same recipe: its compiler works, each dependency is found, none is fetched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgetool.platform.elf import read_elf
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store, cache_root
from edgetool.runtimes.onnxruntime.build import configure_runtime
from edgetool.runtimes.onnxruntime.recipe import prepare
from edgetool.runtimes.onnxruntime.sources import source_tree
from edgetool.runtimes.toolchains import build_harness, load_toolchain

TRIPLES = ("aarch64-linux-gnu", "riscv64-linux-gnu", "x86_64-linux-gnu")
LASTING_CACHE = os.environ.get("EDGETOOL_TEST_CONFIGURE") == "1"


@pytest.mark.parametrize("triple", TRIPLES)
def test_the_build_of_a_triple_is_configured(triple: str) -> None:
    if not LASTING_CACHE:
        pytest.skip("takes six minutes the first time: `make test-configure`")
    toolchain = load_toolchain(triple)
    store = Store(cache_root())
    build = configure_runtime(prepare(toolchain, store, Silent()), store, Silent())
    rules = (build / "build.ninja").read_text()
    assert "libonnxruntime.so" in rules
    assert toolchain.crossbuild is not None
    assert f'CMAKE_SYSTEM_PROCESSOR "{toolchain.crossbuild.processor}"' in _system(build)


def test_a_tree_of_the_users_own_is_configured_as_it_is() -> None:
    if not LASTING_CACHE:
        pytest.skip("takes six minutes the first time: `make test-configure`")
    toolchain, store = load_toolchain("riscv64-linux-gnu"), Store(cache_root())
    own = source_tree(store, Silent()).onnxruntime
    build = configure_runtime(prepare(toolchain, store, Silent(), source=own), store, Silent())
    rules = (build / "build.ninja").read_text()
    assert f" {own}/onnxruntime/core/mlas/lib/platform.cpp" in rules
    assert f" {build.parent}/kernels/" not in rules


def _system(build: Path) -> str:
    return min(build.glob("CMakeFiles/*/CMakeSystem.cmake")).read_text()


@pytest.mark.parametrize("triple", TRIPLES)
def test_the_harness_of_a_triple_is_built(triple: str) -> None:
    toolchain = load_toolchain(triple)
    assert read_elf(build_harness(toolchain, Store(cache_root()))).machine == toolchain.elf_machine
