"""The report: what to deploy first, then charts, tables, method and doubts, in Markdown, HTML, CSV and PDF."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import ImageFile

from edgetool.errors import CompareError, ConfigError
from edgetool.records.case import Fallback
from edgetool.reports.charts.size import size_chart
from edgetool.reports.exporters import write_report
from edgetool.reports.exporters.html import export_html
from edgetool.reports.exporters.markdown import export_markdown, markdown_environment
from edgetool.reports.exporters.pdf import export_pdf
from edgetool.reports.report import Report
from edgetool.reports.templates import REPORTS as REPORTS_FOLDER
from edgetool.reports.templates import sections
from tests.reports.examples import COUNTED, EMULATED, HOST, REPORTS, entry, on_board, report_of
from tests.support.records import model_spec, record, recorded, runtime_identity, stored_run


def markdown(report: Report) -> str:
    return export_markdown(report)["report.md"].decode()


def page(report: Report) -> str:
    return export_html(report)["report.html"].decode()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return stored_run(tmp_path / "run", recorded(record()), recorded(record(target="b")))


@pytest.mark.parametrize("name", REPORTS)
def test_the_sections_come_in_the_order_in_which_they_are_read(name: str) -> None:
    headings = re.findall(r"^## (.*)", markdown(REPORTS[name]), re.MULTILINE)
    assert headings[0] == "What to deploy"
    order = ["Failures", "Charts", "Measurements", "Method", "Caveats"]
    found = [heading for heading in headings if heading in order]
    assert found == [heading for heading in order if heading in found]
    assert headings == re.findall(r"<h2[^>]*>(.*)</h2>", page(REPORTS[name]))


def test_the_three_numbers_say_how_they_were_taken_and_how_sure_they_are() -> None:
    text = markdown(REPORTS["board"])
    assert "- **Size: 1 kB**. 0.25× of fp32's 4 kB." in text
    assert "points against fp32 (95 %: −" in text
    assert "- **Latency: 700 µs**. 0.5× of fp32's 1.4 ms (95 %: 0.5× to 0.5×). Median of 30 inferences on board" in text


def test_an_emulators_time_is_no_latency_of_the_verdict() -> None:
    text = markdown(REPORTS["emulated"])
    assert "- **Latency: unknown**. qemu-riscv64 is emulated: its times say nothing about a board." in text
    assert "**Inconclusive**" in text


def test_a_run_without_an_emulator_speaks_of_none() -> None:
    assert "emulat" not in markdown(report_of(*HOST))


@pytest.mark.parametrize("name", REPORTS)
def test_every_row_of_a_table_has_all_its_cells(name: str) -> None:
    for table in re.findall(r"(?:^\|.*\n)+", markdown(REPORTS[name]), re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


@pytest.mark.parametrize(
    "line",
    [
        "| vector widening, multiply-add | 500.0 k | 2.000 M | 66.7 % |",
        "| all | 1.500 M | 3.000 M | – |",
        "| Conv | vector | 3 | 1.200 M | 25.0 % | 2.700 M | 90.0 % |",
    ],
)
def test_counts_are_shown_by_class_and_by_operator(line: str) -> None:
    assert line in markdown(REPORTS["counted"]).splitlines()


def test_only_the_runtimes_in_the_table_are_explained() -> None:
    text = markdown(REPORTS["counted"])
    assert "“ncnn” is cross-built" in text
    assert "“scalar” is the deployed one" not in text
    assert "Other runtimes" not in markdown(report_of(*HOST, *COUNTED))


def test_a_failure_is_told_whole_and_once_for_each_case() -> None:
    assert "- **gone**, tiny fp32: ConnectError: the link was lost more" in markdown(REPORTS["sweep"]).splitlines()


def test_a_fallback_is_reported() -> None:
    fallback = Fallback(asked="dynamic quantization", reason="no kernel for ConvInteger", instead="static")
    text = markdown(report_of(*HOST, fallbacks=[fallback]))
    assert "- **dynamic quantization** was asked for: no kernel for ConvInteger. Instead: static." in text


def test_a_doubt_names_where_it_holds_and_its_remedy() -> None:
    assert "- qemu-riscv64 fp32, qemu-riscv64 int8: fewer than 200 images" in markdown(report_of(*HOST, *EMULATED))
    assert "None: every check of the measurements passed." in markdown(report_of(*HOST))


def test_all_files_are_written_and_can_be_written_again(run: Path) -> None:
    write_report(run)
    files = {path.relative_to(run).as_posix(): path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert {"report.md", "report.html", "summary.csv", "charts/latency.svg"} <= files.keys()
    assert "report.pdf" not in files
    write_report(run)
    assert files == {path.relative_to(run).as_posix(): path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_every_chart_of_the_markdown_is_a_file_beside_it(run: Path) -> None:
    write_report(run)
    charts = re.findall(r"\]\((charts/[^)]*)\)", (run / "report.md").read_text())
    assert len(charts) == 4
    assert all((run / chart).is_file() for chart in charts)


def test_the_page_holds_all_it_shows_and_may_load_nothing() -> None:
    text = page(REPORTS["counted"])
    assert not re.findall(r'(?:src|href)="(?!#)', text)
    assert "url(" not in re.sub(r"url\(#[\w-]+\)", "", text)
    assert "default-src 'none'" in text


def test_a_section_is_one_file(tmp_path: Path) -> None:
    shutil.copytree(REPORTS_FOLDER / "sections", tmp_path, dirs_exist_ok=True)
    text = "{% call para() %}{{ report.rows | length }} of {{ report.title }} met{% endcall %}"
    (tmp_path / "11-mine.j2").write_text('{% set title = "Mine" %}\n' + text)
    found = list(sections(markdown_environment(tmp_path), {"report": report_of(*HOST, title="*")}))
    assert [section.title for section in found][:3] == ["What to deploy", "Mine", "Tasks"]
    assert found[1].body == "2 of \\* met"


def test_a_report_of_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CompareError):
        write_report(tmp_path)


def test_numbers_of_threads_are_named_in_charts_and_verdicts() -> None:
    one, two = (record(target="board", threads=threads) for threads in (1, 2))
    report = report_of(*(entry(each) for each in (one, two)))
    latency = next(chart for chart in report.charts if chart.name == "latency")
    assert ", 1 thread " in latency.words
    assert ", 2 threads " in latency.words
    assert [verdict.title for verdict in report.verdicts] == ["fp32 runs on board", "fp32 runs on board, 2 threads"]


def test_verdicts_that_say_the_same_are_one_task() -> None:
    models = (replace(model_spec(), name=name) for name in ("a", "b"))
    report = report_of(*(entry(record(target="board", model=model)) for model in models))
    decided = next(task for task in report.tasks if task.title == "Decide what to deploy")
    assert decided.found == "fp32 runs on board"


def pdf_text(report: Report, folder: Path, option: str) -> str:
    """What poppler reads in a report's PDF; the test is skipped where either program is missing."""
    if shutil.which("pdftotext") is None:
        pytest.skip("needs pdftotext: as root: apt-get install poppler-utils")
    path = folder / "report.pdf"
    try:
        path.write_bytes(export_pdf(report)["report.pdf"])
    except ConfigError as missing:
        pytest.skip(missing.message)
    return subprocess.run(["pdftotext", option, path, "-"], capture_output=True, check=True).stdout.decode()


def test_the_size_chart_has_a_bar_for_each_runtimes_file() -> None:
    ncnn = runtime_identity(name="ncnn", kind="ncnn", title="ncnn 1.0")
    scalar = runtime_identity(name="scalar")
    smaller = model_spec(size_bytes=3000)
    records = [record(), record(target="board", runtime=scalar), record(runtime=ncnn, model=smaller)]
    chart = size_chart((), records)
    assert chart is not None
    assert chart.words == "fp32 ONNX Runtime 4 kB; fp32 ncnn 3 kB"


def test_a_pdf_has_the_pages_words_and_its_charts(tmp_path: Path) -> None:
    words = pdf_text(report_of(*COUNTED), tmp_path, "-layout")
    assert "What to deploy" in words
    assert "1.500 M (raw 750.0 k)" in words, "a chart's text is text"


def test_a_pdfs_widest_table_ends_on_the_page(tmp_path: Path) -> None:
    long = on_board("milkv-jupiter-upstairs", model=model_spec(name="efficientnet_lite0_int8_friendly"))
    others = [entry(recorded.record, "onnxruntime-crossbuilt-scalar") for _, recorded in long if recorded is not None]
    found = pdf_text(report_of(*COUNTED, *long, *others), tmp_path, "-bbox")
    for page in found.split("<page ")[1:]:
        width = float(page.split('width="')[1].split('"')[0])
        assert max(float(edge) for edge in re.findall(r'xMax="([\d.]+)"', page)) < width - 30


def test_a_pdf_leaves_pillow_as_strict_as_it_was(tmp_path: Path) -> None:
    pdf_text(report_of(entry(record())), tmp_path, "-layout")
    assert not ImageFile.LOAD_TRUNCATED_IMAGES, "a damaged picture would be taken for a whole one"


def test_without_weasyprint_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(ConfigError, match="a PDF needs WeasyPrint") as caught:
        export_pdf(report_of(entry(record())))
    assert caught.value.hint == 'pip install "edgetool[pdf]"'
