"""`runtime tune`: which variant is the fastest on a board, and where the board's library finds it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgetool.errors import ConfigError, HarnessError
from edgetool.harness.result import LoadedRuntime
from edgetool.measurements.timing import Turns
from edgetool.models.spec import Precision
from edgetool.pipeline.kernels import judge_kernels, keep, tune_kernels
from edgetool.pipeline.plan import Plan, PlannedModel
from edgetool.platform.context import StepContext
from edgetool.records.record import Record
from edgetool.reports.verdict import Reason
from edgetool.runtimes.cache import newest_crossbuilt
from edgetool.runtimes.toolchains import load_toolchain
from edgetool.targets.registry import load_target, open_executor
from tests.pipeline.test_several_runtimes import run_of
from tests.support.records import environment, record, runtime_identity

PROCESSOR = "710:8000000058000001:1000000049772200:32"
SAID = f"rvv vlen=256 wide16: SpacemiT X60 {PROCESSOR}"
REFUSED = "ime cannot run here, not on CPUs 4-7: taskset -c 0-3 leaves those that have it"
TURNS = Turns(id="one", blocks=(5,) * 8)


def timed(name: str, latency_ns: int, *, said: str = SAID, noise_ns: int = 1000) -> Record:
    loaded = LoadedRuntime(version="1.21.0", build_info=None, api_version=21, library=None, build_id=None, kernels=said)
    samples = tuple(latency_ns + noise_ns * ((7 * i + len(name)) % 11) for i in range(40))
    return record(
        target="banana",
        triple="riscv64-linux-gnu",
        runtime=runtime_identity(name=name),
        samples_ns=samples,
        turns=TURNS,
        environment=environment(runtime=loaded),
    )


@pytest.mark.parametrize("said", [SAID, SAID.replace("wide16", "zvfh wide16"), f"{SAID}; {REFUSED}"])
def test_the_fastest_variant_is_found_with_its_processor(said: str) -> None:
    records = [timed("crossbuild", 50_000_000, said=said), timed("wide32", 40_000_000), timed("packed64", 90_000_000)]
    found = judge_kernels(records, run="runs/one")
    assert (found.target, found.processor, found.before) == ("banana", PROCESSOR, "wide16")
    assert (found.fastest, found.reason) == ("wide32", Reason.FASTER)
    assert found.ratio.value == pytest.approx(0.8, rel=0.01)
    assert found.variant == "wide16"  # until it is kept
    assert replace(found, kept_in="/home/me/.cache/edgetool/kernels").variant == "wide32"


def test_a_variant_that_could_not_run_is_not_compared() -> None:
    records = [
        timed("crossbuild", 50_000_000),
        timed("wide32", 60_000_000),
        timed("ime", 40_000_000, said=f"{SAID}; {REFUSED}"),
    ]
    found = judge_kernels(records, run="runs/one")
    assert (found.fastest, found.reason) == ("wide32", Reason.SLOWER)


def test_what_is_not_surely_faster_changes_nothing() -> None:
    noisy = [timed(name, 50_000_000, noise_ns=4_000_000) for name in ("crossbuild", "wide32", "packed64")]
    assert judge_kernels(noisy, run="runs/one").reason is not Reason.FASTER


@pytest.mark.parametrize(
    "records",
    [
        [timed("crossbuild", 50, said="rvv vlen=256 wide16: default, as it is emulated"), timed("wide32", 40)],
        [timed("crossbuild", 50, said="rvv vlen=256 wide16: X $(reboot):1:2:3"), timed("wide32", 40)],
        [timed("crossbuild", 50)],
        [timed("wide32", 40)],
    ],
)
def test_nothing_is_concluded_without_a_processor_and_a_comparison(records: list[Record]) -> None:
    with pytest.raises(HarnessError, match=r"not all timed"):
        judge_kernels(records, run="runs/one")


def test_an_emulator_is_not_tuned(context: StepContext, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="its times say nothing"):
        tune_kernels(PlannedModel(source="mobilenet_v2"), "qemu-riscv64", context, runs=tmp_path)


def test_a_processors_line_is_replaced_and_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGETOOL_TUNING", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with open_executor(load_target("host")) as executor:
        for processor, variant in (("1:2:3:16", "wide16"), ("1:2:3:32", "wide16"), ("1:2:3:32", "wide32")):
            kept_in = keep(executor, processor, variant)
    assert kept_in == str(tmp_path / "edgetool" / "kernels")
    assert Path(kept_in).read_text() == "1:2:3:16 wide16\n1:2:3:32 wide32\n"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["kernels"]


def test_the_library_takes_what_was_kept(
    tiny_path: Path, images_path: Path, context: StepContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if newest_crossbuilt(context.store, load_toolchain("riscv64-linux-gnu")) is None:
        pytest.skip("no cross-built runtime in the cache: `edgetool runtime build` makes one")
    monkeypatch.setenv("EDGETOOL_TUNING", str(tmp_path / "kernels"))
    emulated = "0:0:0:32"  # the ids that QEMU's processor has, and 256 bits
    with open_executor(load_target("host")) as executor:
        keep(executor, emulated, "wide32")
    plan = Plan(
        models=(PlannedModel(source=str(tiny_path), calibration=str(images_path)),),
        targets=("qemu-riscv64",),
        precisions=(Precision.INT8,),
        runtimes=("crossbuild",),
        instruments=("accuracy",),
        images=2,
    )
    (entry,) = run_of(plan.cases(), context, tmp_path / "run").recorded
    assert entry.record.kernels is not None
    assert entry.record.kernels.endswith(f" wide32: measured before on {emulated}")
