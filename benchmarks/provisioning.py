"""How long the prebuilt runtime and the harness take to get, with an empty cache."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from edgetool.pipeline import steps
from edgetool.pipeline.plan import load_configured
from edgetool.platform.context import StepContext
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store


def run(target: str = "qemu-riscv64") -> str:
    """One cold provisioning: it is mostly the network's time."""
    with tempfile.TemporaryDirectory() as cache:
        start = time.perf_counter()
        context = StepContext(store=Store(Path(cache)), progress=Silent())
        steps.provision(load_configured(target, {}), context)
        return f"{target} from an empty cache in {time.perf_counter() - start:.1f} s"


if __name__ == "__main__":
    print(run())
