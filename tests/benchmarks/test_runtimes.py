"""The page of runtimes: a row for each runtime and precision, the winner, and a reason where one is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.runtimes.measure import MODELS, Findings
from benchmarks.runtimes.page import FROM, TO, write_page, write_summary
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


def test_the_guide_has_one_table_of_all_models(tmp_path: Path) -> None:
    guide = tmp_path / "runtimes.md"
    guide.write_text(f"before\n\n{FROM}\nold\n{TO}\n\nafter\n")
    findings = Findings(rows=(OURS, MISSING, NCNN, replace(OURS, model="other", instructions_weighted=5000)))
    for _ in range(2):  # written again, it is the same
        write_summary(tmp_path, findings)
        lines = [line for line in guide.read_text().splitlines() if line]
        assert (lines[0], lines[1], lines[-2], lines[-1]) == ("before", FROM, TO, "after")
        header, _, ours, ncnn = lines[2:-2]
        assert header == "| runtime | precision | net | other |"
        assert [ours.split("|")[4].strip(), ncnn.split("|")[4].strip()] == ["5.000 k", "–"]


def test_a_guide_without_the_marks_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "runtimes.md").write_text("before\n")
    with pytest.raises(ValueError, match="has no line"):
        write_summary(tmp_path, Findings(rows=(OURS,)))
