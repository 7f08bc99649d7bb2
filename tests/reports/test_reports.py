"""Reports: what is emulated says so in its own row, numbers have units, charts are drawn."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edgetool.errors import CompareError
from edgetool.models.spec import Precision
from edgetool.platform.format import percent_text, ratio_text, size_text, time_text
from edgetool.records.case import Fallback
from edgetool.records.compare import compare
from edgetool.records.record import Recorded
from edgetool.reports.plots import write_charts
from edgetool.reports.report import write_report
from edgetool.reports.tables import comparison_table, csv_text, rows, text_table
from tests.reports.written import written
from tests.support import emulated_record, model_spec, record, recorded

INT8 = model_spec(precision=Precision.INT8, sha256="c" * 64, size_bytes=1000)
FOUR = (
    recorded(record()),
    recorded(record(model=INT8, outputs_file="host-tiny-int8.npz")),
    recorded(emulated_record()),
    recorded(emulated_record(model=INT8, outputs_file="qemu-riscv64-tiny-int8.npz")),
)


def markdown_tables(text: str) -> list[list[list[str]]]:
    """The cells of every table in a Markdown text."""
    tables: list[list[list[str]]] = []
    inside = False
    for line in text.splitlines():
        if line.startswith("|"):
            if not inside:
                tables.append([])
            tables[-1].append([cell.strip() for cell in line.strip("|").split(" | ")])
        inside = line.startswith("|")
    return tables


def test_an_emulated_row_says_so_in_the_table_and_the_others_do_not() -> None:
    headings, cells = text_table(rows(FOUR))
    assert [cell[headings.index("place")] for cell in cells] == [
        "host",
        "host",
        "qemu-riscv64 (emulated)",
        "qemu-riscv64 (emulated)",
    ]


def test_an_emulated_row_says_so_in_the_csv() -> None:
    lines = list(csv.DictReader(io.StringIO(csv_text(rows(FOUR)))))
    assert [line["emulated"] for line in lines] == ["false", "false", "true", "true"]
    assert all(("emulated" in line["caveats"].split()) == (line["emulated"] == "true") for line in lines)


def test_an_emulated_row_says_so_in_the_report(tmp_path: Path) -> None:
    text = (written(tmp_path, FOUR) / "report.md").read_text()
    headings, _, *lines = markdown_tables(text)[0]
    assert ["(emulated)" in line[headings.index("place")] for line in lines] == [False, False, True, True]
    assert "not a latency of any board" in text


def test_emulated_times_make_no_ratio() -> None:
    ratios = [row.ratio for row in rows(FOUR)]
    assert [ratio is None for ratio in ratios] == [False, False, True, True]


def test_a_run_without_an_emulator_speaks_of_none(tmp_path: Path) -> None:
    run = written(tmp_path, FOUR[:2])
    assert "emulat" not in (run / "report.md").read_text()


def test_every_row_of_the_reports_table_has_all_its_cells(tmp_path: Path) -> None:
    (table,) = markdown_tables((written(tmp_path, FOUR) / "report.md").read_text())
    assert len(table) == 2 + len(FOUR)
    assert {len(line) for line in table[:1] + table[2:]} == {13}


def test_a_name_with_a_bar_or_a_line_break_does_not_break_the_table(tmp_path: Path) -> None:
    odd = recorded(record(target="my|board\nsecond", outputs_file="odd.npz"))
    text = (written(tmp_path, [odd]) / "report.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 3
    assert r"my\|board" in lines[2]
    assert lines[2].endswith("|")


def test_the_report_tells_what_was_done_instead(tmp_path: Path) -> None:
    fallback = Fallback(asked="dynamic quantization", reason="no kernel for ConvInteger", instead="static")
    text = (written(tmp_path, FOUR, fallbacks=[fallback]) / "report.md").read_text()
    assert "## Fallbacks" in text
    assert "no kernel for ConvInteger" in text


def test_every_chart_of_the_report_is_there(tmp_path: Path) -> None:
    run = written(tmp_path, FOUR)
    charts = [
        line.rpartition("(")[2].rstrip(")") for line in (run / "report.md").read_text().splitlines() if "![" in line
    ]
    assert len(charts) == 3
    assert all((run / chart).is_file() for chart in charts)


def test_the_page_holds_all_it_shows(tmp_path: Path) -> None:
    page = (written(tmp_path, FOUR) / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert page.count("<tr>") == 1 + len(FOUR)
    assert 'src="charts' not in page
    assert "http" not in page


def test_a_name_with_html_in_it_stays_text_on_the_page(tmp_path: Path) -> None:
    odd = recorded(record(target="<script>alert(1)</script>", outputs_file="odd.npz"))
    page = (written(tmp_path, [odd]) / "report.html").read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_random_weights_have_no_accuracy(tmp_path: Path) -> None:
    random = record(model=model_spec(accuracy_means_something=False, weights="random"))
    headings, cells = text_table(rows([recorded(random)]))
    assert cells[0][headings.index("accuracy")] == "means nothing"
    assert "means nothing" in (written(tmp_path, [recorded(random)]) / "report.md").read_text()


def test_unknown_numbers_are_dashes_and_empty_fields() -> None:
    table = rows([recorded(record(peak_rss_bytes=None, accuracy=None), {})])
    headings, cells = text_table(table)
    assert {cells[0][headings.index(name)] for name in ("peak RSS", "accuracy", "output vs host")} == {"–"}
    (line,) = csv.DictReader(io.StringIO(csv_text(table)))
    assert (line["peak_rss_bytes"], line["images"], line["output_difference"]) == ("", "", "")


def test_the_ratio_is_to_fp32_in_the_same_place() -> None:
    fast = recorded(record(model=INT8, samples_ns=(700_000,) * 30, outputs_file="i.npz"))
    slow = recorded(record(samples_ns=(1_400_000,) * 30))
    ratios = [row.ratio and row.ratio.value for row in rows([fast, slow])]
    assert ratios == [0.5, 1]


def test_the_csv_has_base_units_in_its_headings_and_one_line_each() -> None:
    (line, *rest) = csv.DictReader(io.StringIO(csv_text(rows(FOUR))))
    assert len(rest) == 3
    assert int(line["size_bytes"]) == 4000
    assert float(line["p50_ns"]) == pytest.approx(1_400_014.5)


def test_a_comparison_is_a_row_with_its_interval_and_caveats() -> None:
    headings, (cells,) = comparison_table([compare(record(), emulated_record())])
    found = dict(zip(headings, cells, strict=True))
    assert (found["latency"], found["95 %"]) == ("1×", "1× to 1×")
    assert "emulated" in found["caveats"]


def test_a_report_of_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CompareError):
        write_report(tmp_path)


def test_a_report_can_be_written_again(tmp_path: Path) -> None:
    run = written(tmp_path, FOUR)
    before = (run / "report.md").read_text()
    write_report(run)
    assert (run / "report.md").read_text() == before


SLOW = emulated_record(samples_ns=tuple(4_000_000_000 + i * 10**7 for i in range(5)), outputs_file="s.npz")
ZERO = record(samples_ns=(0,) * 30, first_run_ns=0, outputs_file="z.npz")
HUGE = record(samples_ns=(2**63 - 1,) * 30, first_run_ns=2**63 - 1, session_load_ns=2**63 - 1, outputs_file="h.npz")


@pytest.mark.parametrize(
    "measurements",
    [
        pytest.param(FOUR, id="four"),
        pytest.param(FOUR[:1], id="one"),
        pytest.param([recorded(SLOW), *FOUR[:2]], id="a thousandfold apart"),
        pytest.param([recorded(record(samples_ns=(1_000_000,)))], id="one sample"),
        pytest.param([recorded(ZERO)], id="no time at all"),
        pytest.param([recorded(HUGE)], id="three centuries"),
        pytest.param([recorded(record(target=f"board-{i}")) for i in range(9)], id="nine boards"),
    ],
)
def test_charts_are_pictures(tmp_path: Path, measurements: Sequence[Recorded]) -> None:
    names = write_charts(tmp_path, rows(measurements), measurements)
    assert names == ("size.png", "latency.png", "samples.png")
    for name in names:
        assert (tmp_path / name).stat().st_size > 5000
        with Image.open(tmp_path / name) as picture:
            assert picture.format == "PNG"
            assert picture.width > 800


def test_latencies_of_host_and_emulator_look_different(tmp_path: Path) -> None:
    table = rows(FOUR[::2])
    write_charts(tmp_path / "marked", table, FOUR[::2])
    write_charts(tmp_path / "plain", [replace(row, emulated=False) for row in table], FOUR[::2])
    assert (tmp_path / "marked" / "latency.png").read_bytes() != (tmp_path / "plain" / "latency.png").read_bytes()


@pytest.mark.parametrize(
    ("ns", "text"),
    [(0, "0 ns"), (999, "999 ns"), (1000, "1 µs"), (1_234_567, "1.23 ms"), (999_999, "1000 µs"), (10**10, "10 s")],
)
def test_times_have_three_digits_and_a_unit(ns: float, text: str) -> None:
    assert time_text(ns) == text


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (14_120_000, "14.1 MB"), (3e9, "3 GB"), (None, "–")])
def test_sizes_have_decimal_units(size: float | None, text: str) -> None:
    assert size_text(size) == text


@given(st.floats(0, 1e18))
def test_no_number_is_written_with_an_exponent(number: float) -> None:
    for text in (time_text(number), size_text(number), ratio_text(number / 1e9), percent_text(number / 1e18)):
        assert "e" not in text.removesuffix("B").lower()
        assert float(text.rstrip("nµmskMGB×% ")) >= 0
