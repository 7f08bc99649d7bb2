"""A deployment beside its baselines in the table, the CSV, the report and its chart; nothing where there are none."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from edgetool.bench.instructions import BaselineCounts
from edgetool.bench.runs import read_run
from edgetool.models.spec import Precision
from edgetool.reports.runtimes import runtime_rows, runtimes_csv, runtimes_table
from tests.reports.test_instructions import COUNTS, inference
from tests.reports.written import written
from tests.support import emulated_record, measurement, model_spec, record

SLOW = replace(COUNTS, inferences=(inference(scalar=30_001_000, vector=0, weight=0),), operators=())
DEBIAN = BaselineCounts(
    name="debian",
    runtime="ONNX Runtime 1.21.0 (debian)",
    instructions=SLOW,
    differs_by=2e-6,
    same_predictions=4,
    compared_samples=4,
)
NCNN = replace(DEBIAN, name="ncnn", runtime="ncnn 1.0", differs_by=None, same_predictions=None, compared_samples=None)
INT8 = model_spec(precision=Precision.INT8, sha256="c" * 64)
COUNTED = emulated_record(instructions=COUNTS, baselines=(DEBIAN, NCNN))
MEASURED = (
    measurement(record()),
    measurement(COUNTED),
    measurement(replace(COUNTED, model=INT8, baselines=(DEBIAN,), outputs_file="qemu-riscv64-tiny-int8.npz")),
)


def test_each_runtime_is_a_row_with_its_ratio_to_the_deployed_one() -> None:
    headings, cells = runtimes_table(runtime_rows(MEASURED[:2]))
    shown = [dict(zip(headings, line, strict=True)) for line in cells]
    assert [line["runtime"] for line in shown] == ["debian", "ncnn", "deployed"]
    assert [line["kernels"] for line in shown] == ["scalar", "scalar", "vector"]
    assert [line["÷ deployed"] for line in shown] == ["10×", "10×", "1×"]
    assert [line["output vs deployed"] for line in shown] == ["2e-06, same class 4/4", "–", "–"]


def test_the_csv_has_base_units() -> None:
    debian, _, deployed = csv.DictReader(io.StringIO(runtimes_csv(runtime_rows(MEASURED[:2]))))
    assert (debian["name"], debian["precision"], debian["instructions_weighted"]) == ("debian", "fp32", "30001000")
    assert (deployed["name"], deployed["instructions"], deployed["output_difference"]) == ("deployed", "1500100", "")


@pytest.mark.parametrize(
    "line",
    [
        "- **qemu-riscv64, fp32**: 3.000 M weighted instructions an inference; debian takes 10×, "
        "ncnn takes 10× as many.",
        "- **qemu-riscv64, int8**: 3.000 M weighted instructions an inference; debian takes 10× as many.",
        "| int8 | debian | ONNX Runtime 1.21.0 (debian) | scalar | 30.00 M | 30.00 M | 10× | 4 MB | 2 MB "
        "| 2e-06, same class 4/4 |",
        "![runtimes](charts/runtimes.png)",
    ],
)
def test_the_report_has_a_sentence_a_table_and_a_chart(tmp_path: Path, line: str) -> None:
    run = written(tmp_path, MEASURED)
    assert line in (run / "report.md").read_text().splitlines()
    assert (run / "charts" / "runtimes.png").read_bytes().startswith(b"\x89PNG")
    assert len((run / "runtimes.csv").read_text().splitlines()) == 1 + 3 + 2


def test_only_the_runtimes_in_the_table_are_explained(tmp_path: Path) -> None:
    text = (written(tmp_path, MEASURED) / "report.md").read_text()
    assert "*ncnn* is cross-built" in text
    assert "*scalar* is" not in text


def test_a_run_without_baselines_speaks_of_none(tmp_path: Path) -> None:
    run = written(tmp_path, (measurement(record()), measurement(emulated_record(instructions=COUNTS))))
    assert "Beside other runtimes" not in (run / "report.md").read_text()
    assert not (run / "runtimes.csv").exists()


def test_a_record_keeps_its_baselines(tmp_path: Path) -> None:
    stored = read_run(written(tmp_path, MEASURED))
    assert [m.record.baselines for m in stored.measurements] == [(), (DEBIAN, NCNN), (DEBIAN,)]
