"""Fixtures: the tests' own cache (see tests/cache.py), a tiny model, and bundles of it for each place."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from edgetool.bundles import Bundle
from edgetool.errors import ConfigError
from edgetool.models.artifacts import read_artifact
from edgetool.models.evaluate import open_session, run_session
from edgetool.models.images import ImageSet
from edgetool.models.quantize import quantize_model
from edgetool.models.spec import ModelArtifact, ModelRequest
from edgetool.pipeline.images import ImageSource
from edgetool.pipeline.steps import Kit, package, provision
from edgetool.platform.context import StepContext
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store
from edgetool.runtimes.emulator import CountingEmulator, counting_emulator
from edgetool.targets.registry import load_target
from edgetool.targets.spec import EvaluationSpec
from tests.browsers import axe as axe
from tests.browsers import browser as browser
from tests.browsers import speedscope as speedscope
from tests.cache import own_cache
from tests.support.bundles import QUICK
from tests.support.models import save_model, tiny_graph, tiny_inputs

HELD_OUT = 8

# A shared machine may be slow at any moment; what must not hang is bounded where it matters.
settings.register_profile("edgetool", deadline=None)
settings.load_profile("edgetool")

# A shell ignores Ctrl-C for what it starts in the background, nohup a hang-up: the tests' programs would inherit both.
for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The tests' own, for them and for every process that they start; no target file of the user's is seen."""
    root = own_cache()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGETOOL_CACHE", str(root))
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        patch.delenv("EDGETOOL_TARGETS", raising=False)
        yield root


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system than the test's own."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs a temporary folder on another file system than /dev/shm")
    with tempfile.TemporaryDirectory(prefix="edgetool-tests-", dir=memory) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def store(cache: Path) -> Store:
    return Store(cache)


@pytest.fixture(scope="session")
def context(store: Store) -> StepContext:
    return StepContext(store=store, progress=Silent())


@pytest.fixture(scope="session")
def counting(store: Store) -> CountingEmulator:
    try:
        return counting_emulator(store, Silent())
    except ConfigError as missing:
        pytest.skip(f"{missing.message}: {missing.hint}")


@pytest.fixture(scope="session")
def tiny_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model") / "tiny.onnx", tiny_graph())


@pytest.fixture(scope="session")
def tiny(tiny_path: Path) -> ModelArtifact:
    return read_artifact(tiny_path)


@pytest.fixture(scope="session")
def images(tiny_path: Path) -> ImageSet:
    """Inputs whose labels are what the fp32 model says of them on this machine."""
    inputs = tiny_inputs(HELD_OUT)
    labels = np.asarray(run_session(open_session(tiny_path), inputs)[0]).argmax(axis=1)
    return ImageSet(inputs=inputs, labels=labels.astype(np.int64))


@pytest.fixture(scope="session")
def images_path(images: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("images") / "images.npz"
    assert images.labels is not None
    calibration = tiny_inputs(16, seed=5)
    np.savez(path, calibration_images=calibration, heldout_images=images.inputs, heldout_labels=images.labels)
    return path


@pytest.fixture(scope="session")
def tiny_int8(tiny: ModelArtifact, tmp_path_factory: pytest.TempPathFactory) -> ModelArtifact:
    return quantize_model(tiny, tmp_path_factory.mktemp("int8"), calibration=ImageSet(inputs=tiny_inputs(16, seed=5)))


@pytest.fixture(scope="session", params=["host", "qemu-riscv64"])
def kit(request: pytest.FixtureRequest, context: StepContext) -> Kit:
    return kit_for(request.param, context)


@pytest.fixture(scope="session")
def host(context: StepContext) -> Kit:
    return kit_for("host", context)


@pytest.fixture(scope="session")
def riscv(context: StepContext) -> Kit:
    return kit_for("qemu-riscv64", context)


def kit_for(name: str, context: StepContext) -> Kit:
    """A target that measures for an instant only, with its runtime and harness."""
    target = replace(load_target(name), benchmark=QUICK, evaluation=EvaluationSpec(images=HELD_OUT))
    # The same runtime whether or not a cross-built one is in the cache: that one has tests of its own.
    runtime = "debian" if name == "qemu-riscv64" else target.runtime
    return provision(replace(target, runtime=runtime), context)


def bundle_for(kit: Kit, models: list[ModelArtifact], images_path: Path, context: StepContext) -> Bundle:
    source = ImageSource(calibration=images_path, held_out=images_path)
    request = ModelRequest(source=str(models[0].path))
    return package(models, kit, request, source, context)


@pytest.fixture(scope="session")
def bundle(kit: Kit, tiny: ModelArtifact, tiny_int8: ModelArtifact, images_path: Path, context: StepContext) -> Bundle:
    """The tiny model in fp32 and int8, for each place in turn."""
    return bundle_for(kit, [tiny, tiny_int8], images_path, context)


@pytest.fixture(scope="session")
def host_bundle(
    host: Kit, tiny: ModelArtifact, tiny_int8: ModelArtifact, images_path: Path, context: StepContext
) -> Bundle:
    return bundle_for(host, [tiny, tiny_int8], images_path, context)


@pytest.fixture(scope="session")
def riscv_bundle(
    riscv: Kit, tiny: ModelArtifact, tiny_int8: ModelArtifact, images_path: Path, context: StepContext
) -> Bundle:
    return bundle_for(riscv, [tiny, tiny_int8], images_path, context)
