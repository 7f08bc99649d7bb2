"""ONNX Runtime's own unit tests, cross-built with edgetool's kernels, under the emulator: `make test-ort`.

$VLEN is the vector registers' length in bits, 0 for a processor without vectors.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Self

import pytest

from edgetool.platform.context import StepContext
from edgetool.platform.documents import read_document
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store, cache_root
from edgetool.platform.values import Name, Text, value
from edgetool.runtimes.choice import choose_runtime
from edgetool.runtimes.onnxruntime.build import build_program
from edgetool.runtimes.onnxruntime.recipe import prepare
from edgetool.runtimes.onnxruntime.sources import recipe_folder
from edgetool.runtimes.spec import Runtime
from edgetool.runtimes.toolchains import load_toolchain
from edgetool.targets.registry import load_target, open_executor
from edgetool.targets.spec import Target

PROGRAMS = ("onnxruntime_mlas_test", "onnxruntime_provider_test")
TIMEOUT_S = 3 * 3600.0
Verdicts = list[tuple[str, str]]  # test and "PASSED", "FAILED" or "SKIPPED"; some tests have the same name


@value
class Known:
    program: Name
    tests: Text  # patterns
    reason: Text
    without_vectors: bool = False  # holds on processors without vectors only


@value
class KnownFailures:
    """`toolchain/onnxruntime/known-failures.toml`."""

    SCHEMA: ClassVar[int] = 2
    schema: int
    failure: tuple[Known, ...]
    skipped: tuple[Known, ...]

    def of(self, program: str, vlen: int) -> Self:
        """Those of one program on a processor with registers of `vlen` bits, 0 for one without vectors."""

        def hold(listed: tuple[Known, ...]) -> tuple[Known, ...]:
            return tuple(one for one in listed if one.program == program and not (one.without_vectors and vlen))

        return replace(self, failure=hold(self.failure), skipped=hold(self.skipped))


@pytest.fixture(scope="module", params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def vlen_bits() -> int:
    return int(os.environ.get("VLEN", "256"))


@pytest.fixture(scope="module")
def known_failures(program: str) -> KnownFailures:
    return read_document(recipe_folder() / "known-failures.toml", KnownFailures).of(program, vlen_bits())


@pytest.fixture(scope="module")
def target() -> Target:
    if os.environ.get("EDGETOOL_TEST_ORT") != "1":
        pytest.skip("takes up to an hour: `make test-ort`")
    target = load_target("qemu-riscv64")
    vlen = vlen_bits()
    cpu = f"rv64,v=true,vlen={vlen},elen=64,vext_spec=v1.0,zvfh=true" if vlen else "rv64,v=false"
    return replace(target, executor={**target.executor, "cpu": cpu})


@pytest.fixture(scope="module")
def verdicts(
    program: str, target: Target, known_failures: KnownFailures, tmp_path_factory: pytest.TempPathFactory
) -> Verdicts:
    """Of all tests that are not skipped, run in as many processes as there are processors."""
    store, toolchain = Store(cache_root()), load_toolchain(target.triple)
    folder = tmp_path_factory.mktemp("unittests")
    built = build_program(prepare(toolchain, store, Silent()), program, folder, store, Silent())
    # Any runtime will do: only the libc and the loader beside it are wanted.
    libc = choose_runtime(toolchain, StepContext(store=store, progress=Silent()), asked="debian", libc=True)
    shards = int(os.environ.get("SHARDS") or os.cpu_count() or 1)
    wanted = os.environ.get("FILTER", "*")
    tests = f"{wanted}-{':'.join(one.tests for one in known_failures.skipped)}"
    with ThreadPoolExecutor(shards) as pool:
        parts = [pool.submit(run_shard, target, built, libc, tests, number, shards) for number in range(shards)]
    return [verdict for part in parts for verdict in part.result()]


def run_shard(target: Target, program: Path, libc: Runtime, tests: str, number: int, shards: int) -> Verdicts:
    """One process with every `shards`th test. A process that dies before it has written its results raises."""
    assert libc.build.loader is not None
    there, result = PurePosixPath("program"), PurePosixPath("result.json")
    with open_executor(target) as executor, tempfile.TemporaryDirectory(prefix="edgetool-") as scratch:
        executor.put(program, there / program.name)
        executor.put(libc.root / "lib", there / "lib")
        run = executor.run(
            [
                *(there / libc.build.loader, "--library-path", there / "lib", there / program.name),
                *(f"--gtest_output=json:{result}", f"--gtest_filter={tests}"),
            ],
            env={"GTEST_TOTAL_SHARDS": str(shards), "GTEST_SHARD_INDEX": str(number)},
            timeout_s=TIMEOUT_S,
        )
        if run.timed_out or run.exit_code not in (0, 1):
            pytest.fail(f"part {number} ended with {run.exit_code}:\n{run.stdout.decode(errors='replace')[-2000:]}")
        executor.get(result, Path(scratch) / "result.json")
        return read_result(json.loads((Path(scratch) / "result.json").read_text()))


def read_result(document: Any) -> Verdicts:
    """GoogleTest's JSON."""
    verdicts = []
    for suite in document["testsuites"]:
        for test in suite["testsuite"]:
            ran = "PASSED" if test["result"] == "COMPLETED" else "SKIPPED"
            verdicts.append((f"{suite['name']}.{test['name']}", "FAILED" if "failures" in test else ran))
    return verdicts


def matching(name: str, listed: tuple[Known, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for one in listed for pattern in one.tests.split(":"))


def failures(verdicts: Verdicts) -> set[str]:
    return {name for name, verdict in verdicts if verdict == "FAILED"}


def test_no_unit_test_fails_that_is_not_known_to(verdicts: Verdicts, known_failures: KnownFailures) -> None:
    counts = Counter(verdict for _, verdict in verdicts)
    print("\n" + ", ".join(f"{count} {verdict.lower()}" for verdict, count in sorted(counts.items())))
    assert counts["PASSED"]
    assert not {name for name in failures(verdicts) if not matching(name, known_failures.failure)}


def test_what_is_known_to_fail_still_does(verdicts: Verdicts, known_failures: KnownFailures) -> None:
    assert not [one for one in known_failures.failure if not any(matching(name, (one,)) for name in failures(verdicts))]
