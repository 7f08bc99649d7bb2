"""`deploy` from end to end, with the real runtimes and emulators on the tiny model."""

from __future__ import annotations

import csv
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgetool.errors import QuantizeError
from edgetool.models.spec import Precision
from edgetool.pipeline.deploy import Finished, deploy
from edgetool.pipeline.plan import Plan, PlannedModel
from edgetool.platform.context import StepContext
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store
from edgetool.records.caveats import Caveat
from edgetool.records.compare import compare_paths
from edgetool.records.results import read_run
from tests.support.commands import run_cli, start_cli
from tests.support.waiting import within

IMAGES = 8
DYNAMIC = (Precision.FP32, Precision.INT8_DYNAMIC)


def plan_of(target: str, tiny_path: Path, images_path: Path, **options: Any) -> Plan:
    model = PlannedModel(source=str(tiny_path), calibration=str(images_path))
    return Plan(models=(model,), targets=(target,), images=IMAGES, **options)


def deployed(
    target: str, tiny_path: Path, images_path: Path, context: StepContext, runs: Path, **options: Any
) -> Finished:
    return deploy(plan_of(target, tiny_path, images_path, **options), context, runs=runs)


@pytest.fixture(scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory, store: Store) -> StepContext:
    """A cache of this module's own, but for what takes long to provision."""
    root = tmp_path_factory.mktemp("cache")
    for step in ("runtime", "harness"):
        (store.root / step).mkdir(parents=True, exist_ok=True)
        (root / step).symlink_to(store.root / step)
    return StepContext(store=Store(root), progress=Silent())


@pytest.fixture(scope="module")
def riscv_run(
    own_cache: StepContext, tiny_path: Path, images_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    return deployed("qemu-riscv64", tiny_path, images_path, own_cache, tmp_path_factory.mktemp("runs"))


@pytest.mark.xdist_group("deploy")
def test_the_target_column_comes_from_a_riscv64_runtime(riscv_run: Finished) -> None:
    records = [entry.record for entry in read_run(riscv_run.folder).recorded]
    assert [(entry.subject.target, entry.subject.precision) for entry in records] == [
        ("host", "fp32"),
        ("host", "int8"),
        ("qemu-riscv64", "fp32"),
        ("qemu-riscv64", "int8"),
    ]
    for entry in records[2:]:
        assert entry.environment.process.machine == "riscv64"
        assert entry.environment.process.vector_length_bits == 256
        assert entry.environment.emulator is not None
        assert entry.environment.runtime is not None
        assert entry.environment.runtime.version == "1.21.0"


@pytest.mark.xdist_group("deploy")
def test_accuracy_on_the_target_equals_the_hosts(riscv_run: Finished) -> None:
    correct = [row.correct for row in riscv_run.report.rows]
    assert correct[:2] == correct[2:]
    assert correct[0] == IMAGES
    for row in riscv_run.report.rows[2:]:
        assert row.same_predictions == row.compared_samples == IMAGES
        assert row.differs_by is not None
        assert row.differs_by < 0.02


@pytest.mark.xdist_group("deploy")
def test_the_report_its_table_and_its_charts_are_written_and_marked(riscv_run: Finished) -> None:
    text = (riscv_run.folder / "report.md").read_text()
    assert "qemu-riscv64 (emulated)" in text
    with (riscv_run.folder / "summary.csv").open() as file:
        assert [line["emulated"] for line in csv.DictReader(file)] == ["false", "false", "true", "true"]
    charts = {"size.svg", "accuracy.svg", "latency.svg", "samples.svg", "memory.svg"}
    assert {path.name for path in (riscv_run.folder / "charts").iterdir()} == charts
    assert all(Caveat.EMULATED in row.caveats for row in riscv_run.report.rows[2:])


@pytest.mark.xdist_group("deploy")
def test_a_second_run_skips_what_is_done(
    riscv_run: Finished, own_cache: StepContext, tiny_path: Path, images_path: Path, tmp_path: Path
) -> None:
    def made() -> dict[Path, int]:
        steps = ("export", "quantize", "bundle", "operators")
        return {
            path: path.stat().st_mtime_ns
            for step in steps
            for path in (own_cache.store.root / step).iterdir()
            if path.is_dir()
        }

    before = made()
    assert len(before) == 6  # one of each, but a bundle and its operators for each place
    again = deployed("qemu-riscv64", tiny_path, images_path, own_cache, tmp_path)
    assert made() == before
    assert again.folder.parent == tmp_path
    assert [row.size_bytes for row in again.report.rows] == [row.size_bytes for row in riscv_run.report.rows]


@pytest.mark.xdist_group("deploy")
def test_force_does_every_step_again(
    own_cache: StepContext, tiny_path: Path, images_path: Path, tmp_path: Path
) -> None:
    private = Store(tmp_path / "cache")
    first = deployed("host", tiny_path, images_path, replace(own_cache, store=private), tmp_path / "runs")
    before = time.time_ns()
    deployed("host", tiny_path, images_path, replace(own_cache, store=private, force=True), tmp_path / "runs")
    folders = [path for path in private.root.glob("*/*") if path.is_dir() and path.parent.name != "logs"]
    assert len(folders) >= 6
    assert all((path / "inputs.json").stat().st_mtime_ns > before for path in folders)
    assert first.folder.is_dir()


@pytest.mark.xdist_group("deploy")
def test_dynamic_quantization_falls_back_where_the_target_has_no_kernel(
    own_cache: StepContext, tiny_path: Path, images_path: Path, tmp_path: Path
) -> None:
    run = deployed("qemu-riscv64", tiny_path, images_path, own_cache, tmp_path, precisions=(*DYNAMIC, Precision.INT8))
    (fallback,) = run.run.fallbacks
    assert "ConvInteger" in fallback.reason
    assert "conv" in fallback.reason
    assert [row.precision for row in run.report.rows] == ["fp32", "int8", "fp32", "int8"]
    assert "ConvInteger" in (run.folder / "report.md").read_text()


@pytest.mark.xdist_group("deploy")
def test_dynamic_quantization_stays_where_the_target_has_the_kernel(
    own_cache: StepContext, tiny_path: Path, images_path: Path, tmp_path: Path
) -> None:
    run = deployed("host", tiny_path, images_path, own_cache, tmp_path, precisions=DYNAMIC)
    assert run.run.fallbacks == ()
    assert [(row.target, row.precision) for row in run.report.rows] == [("host", "fp32"), ("host", "int8-dynamic")]
    assert "emulat" not in (run.folder / "report.md").read_text()


def test_qemu_aarch64_is_a_target_like_any_other(
    own_cache: StepContext, tiny_path: Path, images_path: Path, tmp_path: Path
) -> None:
    run = deployed("qemu-aarch64", tiny_path, images_path, own_cache, tmp_path)
    target = read_run(run.folder).recorded[2].record
    assert (target.environment.process.machine, target.emulated) == ("aarch64", True)
    assert run.report.rows[2].correct == IMAGES


def test_without_calibration_images_deploy_says_what_to_give(
    own_cache: StepContext, tiny_path: Path, tmp_path: Path
) -> None:
    with pytest.raises(QuantizeError, match="needs calibration images"):
        deploy(Plan(models=(PlannedModel(source=str(tiny_path)),), targets=("host",)), own_cache, runs=tmp_path)
    assert not list(tmp_path.iterdir())


def test_package_bench_and_compare_by_hand(tiny_path: Path, images_path: Path, tmp_path: Path) -> None:
    words = ("--target", "qemu-riscv64", "--inputs", images_path, "--images", "4", "--archive", "--output", "b")
    assert run_cli("package", tiny_path, *words, cwd=tmp_path).exit_code == 0
    folders = []
    for bundle in ("b", "b.tar.zst"):
        done = run_cli("bench", bundle, "--target", "qemu-riscv64", "--repetitions", "3", "--json", cwd=tmp_path)
        assert done.exit_code == 0, done.stderr.decode()
        answer = json.loads(done.stdout)
        assert [row["emulated"] for row in answer["rows"]] == [True]
        folders.append(tmp_path / answer["run"])
    (pair,) = compare_paths(*folders)
    assert pair.difference is not None
    assert (pair.difference.max_abs, pair.difference.same_top1) == (0, 4)
    done = run_cli("compare", *folders, cwd=tmp_path)
    assert done.exit_code == 0
    assert b"emulated" in done.stdout


def test_an_interrupted_deploy_goes_on_with_the_records_it_has(
    tiny_path: Path, images_path: Path, tmp_path: Path
) -> None:
    words = ["deploy", "--model", str(tiny_path), "--calibration", str(images_path), "--images", "4", "--warmup", "0"]
    words += ["--min-duration", "0", "--repetitions", "2", "--runs", "runs"]
    with within(600), start_cli(*words, cwd=tmp_path, env={}) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if line.startswith("✓ classify 4 images, int8 on host".encode()):
                running.kill()
        running.wait()
    kept = {path.stem: path.read_bytes() for path in tmp_path.glob("runs/.unfinished-*/records/*/*.json")}
    assert "host-tiny-fp32" in kept
    done = run_cli(*words, "--json", cwd=tmp_path, timeout_s=600)
    assert done.exit_code == 0, done.stderr.decode()
    answer = json.loads(done.stdout)
    assert {case["case"]["target"] for case in answer["cases"] if case["kept"]} == {"host"}
    records = {path.stem: path.read_bytes() for path in (tmp_path / answer["run"]).glob("records/*/*.json")}
    assert len(records) == 4
    assert kept.items() <= records.items()
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [Path(answer["run"]).name]


def test_a_deploy_takes_what_a_bench_takes(tiny_path: Path, images_path: Path, tmp_path: Path) -> None:
    words = [
        "deploy",
        "--target",
        "host",
        "--model",
        str(tiny_path),
        "--calibration",
        str(images_path),
        "--images",
        "4",
    ]
    words += ["--repetitions", "7", "--warmup", "3", "--min-duration", "0", "--threads", "2", "--precision", "int8"]
    words += ["--target-error", "0"]
    done = run_cli(*words, "--json", cwd=tmp_path)
    assert done.exit_code == 0, done.stderr.decode()
    ((recorded,),) = [read_run(tmp_path / json.loads(done.stdout)["run"]).recorded]
    timing = recorded.record.timing
    assert timing is not None
    assert (recorded.record.subject.precision, timing.spec.threads) == (Precision.INT8, 2)
    assert (len(timing.samples_ns), len(timing.warmup_ns)) == (7, 3)
