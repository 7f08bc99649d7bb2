"""`deploy` from end to end, with the real runtimes and emulators on the tiny model."""

from __future__ import annotations

import csv
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgetool.bench.pairs import compare_paths
from edgetool.bench.record import Caveat
from edgetool.bench.runs import read_run
from edgetool.errors import QuantizeError
from edgetool.models.quantize import Quantization
from edgetool.models.spec import ModelRequest
from edgetool.pipeline import Deployment, deploy
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store
from edgetool.steps import Workshop
from tests.support import run_cli

IMAGES = 8


def deployed(
    target: str, tiny_path: Path, images_path: Path, workshop: Workshop, runs: Path, **options: Any
) -> Deployment:
    return deploy(
        target,
        ModelRequest(source=str(tiny_path)),
        workshop,
        runs=runs,
        calibration=images_path,
        images=IMAGES,
        **options,
    )


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Workshop:
    """A cache of this module's own, but for what takes long to provision."""
    root = tmp_path_factory.mktemp("cache")
    for step in ("runtime", "harness"):
        (store.root / step).mkdir(parents=True, exist_ok=True)
        (root / step).symlink_to(store.root / step)
    return Workshop(store=Store(root), progress=Silent())


@pytest.fixture(scope="module")
def riscv_run(
    own: Workshop, tiny_path: Path, images_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Deployment:
    return deployed("qemu-riscv64", tiny_path, images_path, own, tmp_path_factory.mktemp("runs"))


@pytest.mark.xdist_group("deploy")
def test_the_target_column_comes_from_a_riscv64_runtime(riscv_run: Deployment) -> None:
    records = [entry.record for entry in read_run(riscv_run.folder).measurements]
    assert [(entry.target, entry.model.precision) for entry in records] == [
        ("host", "fp32"),
        ("host", "int8"),
        ("qemu-riscv64", "fp32"),
        ("qemu-riscv64", "int8"),
    ]
    for entry in records[2:]:
        assert entry.environment.process.machine == "riscv64"
        assert entry.environment.process.vector_length_bits == 256
        assert entry.environment.emulator is not None
        assert entry.environment.runtime.version == "1.21.0"


@pytest.mark.xdist_group("deploy")
def test_accuracy_on_the_target_equals_the_hosts(riscv_run: Deployment) -> None:
    correct = [row.correct for row in riscv_run.table]
    assert correct[:2] == correct[2:]
    assert correct[0] == IMAGES
    for row in riscv_run.table[2:]:
        assert row.same_predictions == row.compared_samples == IMAGES
        assert row.differs_by is not None
        assert row.differs_by < 0.02


@pytest.mark.xdist_group("deploy")
def test_the_report_its_table_and_its_charts_are_written_and_marked(riscv_run: Deployment) -> None:
    text = riscv_run.report.read_text()
    assert "qemu-riscv64 (emulated)" in text
    with (riscv_run.folder / "summary.csv").open() as file:
        assert [line["emulated"] for line in csv.DictReader(file)] == ["false", "false", "true", "true"]
    assert {path.name for path in (riscv_run.folder / "charts").iterdir()} == {"size.png", "latency.png", "samples.png"}
    assert all(Caveat.EMULATED in row.caveats for row in riscv_run.table[2:])


@pytest.mark.xdist_group("deploy")
def test_a_second_run_skips_what_is_done(
    riscv_run: Deployment, own: Workshop, tiny_path: Path, images_path: Path, tmp_path: Path
) -> None:
    def made() -> dict[Path, int]:
        steps = ("export", "quantize", "bundle", "operators")
        return {
            path: path.stat().st_mtime_ns
            for step in steps
            for path in (own.store.root / step).iterdir()
            if path.is_dir()
        }

    before = made()
    assert len(before) == 5  # one of each, and a bundle for each place
    again = deployed("qemu-riscv64", tiny_path, images_path, own, tmp_path)
    assert made() == before
    assert again.folder.parent == tmp_path
    assert [row.size_bytes for row in again.table] == [row.size_bytes for row in riscv_run.table]


@pytest.mark.xdist_group("deploy")
def test_force_does_every_step_again(own: Workshop, tiny_path: Path, images_path: Path, tmp_path: Path) -> None:
    private = Store(tmp_path / "cache")
    first = deployed("host", tiny_path, images_path, replace(own, store=private), tmp_path / "runs")
    before = time.time_ns()
    deployed("host", tiny_path, images_path, replace(own, store=private, force=True), tmp_path / "runs")
    folders = [path for path in private.root.glob("*/*") if path.is_dir() and path.parent.name != "logs"]
    assert len(folders) >= 6
    assert all((path / "inputs.json").stat().st_mtime_ns > before for path in folders)
    assert first.folder.is_dir()


@pytest.mark.xdist_group("deploy")
def test_dynamic_quantization_falls_back_where_the_target_has_no_kernel(
    own: Workshop, tiny_path: Path, images_path: Path, tmp_path: Path
) -> None:
    run = deployed("qemu-riscv64", tiny_path, images_path, own, tmp_path, quantization=Quantization.DYNAMIC)
    (fallback,) = run.fallbacks
    assert "ConvInteger" in fallback.reason
    assert "conv" in fallback.reason
    assert [row.precision for row in run.table] == ["fp32", "int8", "fp32", "int8"]
    assert "ConvInteger" in run.report.read_text()


@pytest.mark.xdist_group("deploy")
def test_dynamic_quantization_stays_where_the_target_has_the_kernel(
    own: Workshop, tiny_path: Path, images_path: Path, tmp_path: Path
) -> None:
    run = deployed("host", tiny_path, images_path, own, tmp_path, quantization=Quantization.DYNAMIC)
    assert run.fallbacks == ()
    assert [(row.place, row.precision) for row in run.table] == [("host", "fp32"), ("host", "int8-dynamic")]
    assert "emulat" not in run.report.read_text()


def test_qemu_aarch64_is_a_target_like_any_other(
    own: Workshop, tiny_path: Path, images_path: Path, tmp_path: Path
) -> None:
    run = deployed("qemu-aarch64", tiny_path, images_path, own, tmp_path)
    target = read_run(run.folder).measurements[2].record
    assert (target.environment.process.machine, target.emulated) == ("aarch64", True)
    assert run.table[2].correct == IMAGES


def test_without_calibration_images_deploy_says_what_to_give(own: Workshop, tiny_path: Path, tmp_path: Path) -> None:
    with pytest.raises(QuantizeError, match="needs calibration images"):
        deploy("host", ModelRequest(source=str(tiny_path)), own, runs=tmp_path)
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
