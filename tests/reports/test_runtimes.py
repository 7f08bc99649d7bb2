"""A deployment beside other runtimes in the table, the CSV, the report and its chart; nothing where there are none."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetool.models.spec import Precision
from edgetool.records.record import Record
from edgetool.records.results import read_run
from edgetool.reports.runtimes import runtime_rows, runtimes_csv, runtimes_table
from tests.reports.test_instructions import COUNTS, inference
from tests.reports.written import written
from tests.support import emulated_record, model_spec, record, recorded, runtime_identity

SLOW = replace(COUNTS, inferences=(inference(scalar=30_001_000, vector=0, weight=0),), operators=())
INT8 = model_spec(precision=Precision.INT8, sha256="c" * 64)
NEARLY = {"logits": recorded(record()).outputs["logits"].astype(np.float32) * np.float32(1 - 2e-6)}


def counted_only(name: str, title: str, **changes: Any) -> Record:
    """A record of another runtime on the same emulated processor."""
    identity = runtime_identity(name=name, title=title)
    return emulated_record(runtime=identity, timing=None, accuracy=None, instructions=SLOW, **changes)


DEBIAN_TITLE = "ONNX Runtime 1.21.0 (debian)"
ENTRIES = (
    recorded(record()),
    recorded(emulated_record(instructions=COUNTS)),
    recorded(emulated_record(instructions=COUNTS, model=INT8)),
    recorded(counted_only("debian", DEBIAN_TITLE), NEARLY),
    recorded(counted_only("debian", DEBIAN_TITLE, model=INT8), NEARLY),
    recorded(counted_only("ncnn", "ncnn 1.0", outputs_file=None), {}),
)
RUNTIMES = ["auto", "auto", "auto", "debian", "debian", "ncnn"]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return written(tmp_path, ENTRIES, runtimes=RUNTIMES)


def test_each_runtime_is_a_row_with_its_ratio_to_the_deployed_one(run: Path) -> None:
    headings, cells = runtimes_table(runtime_rows(read_run(run).entries)[:3])
    shown = [dict(zip(headings, line, strict=True)) for line in cells]
    assert [line["runtime"] for line in shown] == ["debian", "ncnn", "deployed"]
    assert [line["kernels"] for line in shown] == ["scalar", "scalar", "vector"]
    assert [line["÷ deployed"] for line in shown] == ["10×", "10×", "1×"]
    assert [line["output vs deployed"] for line in shown] == ["2e-06, same class 4/4", "–", "–"]


def test_the_csv_has_base_units(run: Path) -> None:
    debian, _, deployed = csv.DictReader(io.StringIO(runtimes_csv(runtime_rows(read_run(run).entries)[:3])))
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
def test_the_report_has_a_sentence_a_table_and_a_chart(run: Path, line: str) -> None:
    assert line in (run / "report.md").read_text().splitlines()
    assert (run / "charts" / "runtimes.png").read_bytes().startswith(b"\x89PNG")
    assert len((run / "runtimes.csv").read_text().splitlines()) == 1 + 3 + 2


def test_only_the_runtimes_in_the_table_are_explained(run: Path) -> None:
    text = (run / "report.md").read_text()
    assert "*ncnn* is cross-built" in text
    assert "*scalar* is" not in text


def test_a_run_in_one_runtime_speaks_of_no_other(tmp_path: Path) -> None:
    run = written(tmp_path, (recorded(record()), recorded(emulated_record(instructions=COUNTS))))
    assert "Beside other runtimes" not in (run / "report.md").read_text()
    assert not (run / "runtimes.csv").exists()


def test_what_was_only_counted_is_no_row_among_the_times(run: Path) -> None:
    lines = (run / "summary.csv").read_text().splitlines()
    assert [line.split(",")[2] for line in lines[1:]] == ["host", "qemu-riscv64", "qemu-riscv64"]
