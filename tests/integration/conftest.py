"""The cross-built runtime that several tests look at.

A build takes half an hour, so they take the newest one that `edgetool runtime build` left in the cache.
"""

from __future__ import annotations

import pytest

from edgetool.platform.store import Store, cache_root
from edgetool.runtimes.cache import newest_crossbuilt
from edgetool.runtimes.spec import Runtime
from edgetool.runtimes.toolchains import load_toolchain

TRIPLE = "riscv64-linux-gnu"
TOOLCHAIN = load_toolchain(TRIPLE)
RELEASE = "1.21.0"


@pytest.fixture(scope="session")
def built() -> Runtime:
    runtime = newest_crossbuilt(Store(cache_root()), TOOLCHAIN)
    if runtime is None:
        pytest.skip(f"no cross-built runtime in the cache: `edgetool runtime build --triple {TRIPLE}` makes one")
    return runtime
