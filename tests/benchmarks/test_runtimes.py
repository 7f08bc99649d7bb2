"""The page of runtimes: a row for each runtime and precision, the winner, and a reason where one is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.runtimes.measure import MODELS, Findings
from benchmarks.runtimes.page import write_page
from edgetool.platform.documents import read_document, write_document
from edgetool.records.case import CaseFailure
from edgetool.reports.rows import Row

OURS = Row(
    model="net",
    precision="int8",
    target="qemu-riscv64",
    threads=1,
    runtime="auto",
    is_deployed=True,
    emulated=True,
    release="ONNX Runtime 1.21.0",
    size_bytes=1000,
    library_bytes=2000,
    instructions_weighted=900,
    vlen_bits=256,
)
NCNN = replace(OURS, runtime="ncnn", is_deployed=False, release="ncnn 1.0", instructions_weighted=700)
MISSING = Row(
    model="net",
    precision="int8",
    target="qemu-riscv64",
    threads=1,
    runtime="tflite-crossbuild",
    is_deployed=False,
    failure=CaseFailure(error="BuildError", message="no network"),
)


@pytest.fixture
def page(tmp_path: Path) -> str:
    return write_page(tmp_path, Findings(rows=(OURS, MISSING, NCNN))).read_text()


def test_the_fewest_instructions_win(page: str) -> None:
    assert "Fewest weighted instructions: **ncnn 1.0 in int8**" in page
    assert "256 bits" in page


def test_a_missing_runtime_is_a_row_with_its_reason(page: str) -> None:
    (line,) = [line for line in page.splitlines() if "tflite" in line]
    assert "BuildError: no network" in line


def test_models_without_rows_are_named(page: str) -> None:
    assert "## Not counted yet" in page
    assert all(f"- {model.title}" in page for model in MODELS)


def test_findings_are_kept_and_replaced_by_model_and_runtime(tmp_path: Path) -> None:
    newer = replace(OURS, instructions_weighted=800)
    kept = Findings(rows=(OURS, MISSING, NCNN)).joined((newer,))
    write_document(tmp_path / "found.json", kept)
    assert read_document(tmp_path / "found.json", Findings) == Findings(rows=(newer, MISSING, NCNN))


def test_the_models_are_those_that_the_page_names() -> None:
    assert [model.title for model in MODELS] == ["mobilenet_v2", "resnet18", "small_vit"]
