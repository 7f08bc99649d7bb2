"""The Python API: light to import, the commands' own functions, rich in a notebook."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import edgetool
from edgetool.errors import ConfigError
from edgetool.models.spec import Precision
from edgetool.platform.process import run_process
from edgetool.reports.exporters.html import html_fragment
from tests.reports.examples import REPORTS, entry, report_of
from tests.support.records import record

QUICK = {"warmup": 0, "min_repetitions": 2, "min_duration_s": 0.0}
FUNCTIONS = ("bench", "compare", "deploy", "estimate", "export", "load_run", "package", "quantize")


def test_importing_it_loads_nothing_but_the_package_itself() -> None:
    code = "import sys; before = set(sys.modules); import edgetool; print(*sorted(set(sys.modules) - before))"
    done = run_process([sys.executable, "-c", code], timeout_s=60)
    loaded = {name.partition(".")[0] for name in done.stdout.decode().split()}
    assert loaded - set(sys.stdlib_module_names) == {"edgetool"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_there_whatever_was_imported_before(name: str) -> None:
    code = f"import edgetool.cli, edgetool.harness.bench, edgetool.pipeline.deploy, edgetool; print(edgetool.{name})"
    done = run_process([sys.executable, "-c", code], timeout_s=60)
    assert done.stdout.decode().startswith(f"<function {name} ")


def test_what_is_public_is_listed_and_documented() -> None:
    page = (Path(__file__).parents[1] / "docs" / "api.md").read_text()
    assert set(FUNCTIONS) < set(dir(edgetool))
    for name in set(dir(edgetool)) - {"__version__"}:
        assert f"edgetool.{name}" in page
        assert getattr(edgetool, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'train'"):
        getattr(edgetool, "train")  # noqa: B009  # the type checker knows that there is none


def test_type_checkers_are_told_that_it_is_typed() -> None:
    assert (Path(edgetool.__file__).parent / "py.typed").is_file()


def test_a_model_is_quantized_packaged_measured_and_compared(
    tiny_path: Path, images_path: Path, tmp_path: Path
) -> None:
    int8 = edgetool.quantize(tiny_path, tmp_path / "int8.onnx", calibration=images_path, quiet=True)
    assert int8.path == tmp_path / "int8.onnx"
    assert int8.spec.precision is Precision.INT8

    bundle = edgetool.package([tiny_path], "host", inputs=images_path, images=4, quiet=True)
    assert bundle.manifest.inputs[0].samples == 4
    benched = edgetool.bench(bundle, "host", benchmark=QUICK, runs=tmp_path / "runs", quiet=True)
    assert [row.images for row in benched.report.rows] == [4]

    model = edgetool.Model(source=str(tiny_path), calibration=str(images_path))
    deployed = edgetool.deploy(model, "host", benchmark=QUICK, images=4, runs=tmp_path / "runs", quiet=True)
    assert [row.precision for row in deployed.report.rows] == ["fp32", "int8"]
    assert edgetool.load_run(deployed.folder).run == deployed.run

    (comparison,) = edgetool.compare(benched, deployed)
    assert comparison.difference is not None
    assert comparison.difference.max_abs == 0
    assert "<td" in edgetool.compare(benched, deployed)._repr_html_()
    assert deployed.report.verdicts[0].answer in deployed._repr_html_()


def test_a_precision_that_nobody_knows_is_named(tiny_path: Path) -> None:
    with pytest.raises(ConfigError, match="no precision 'int4'"):
        edgetool.deploy(str(tiny_path), "host", precisions=("int4",))


@pytest.mark.parametrize("name", REPORTS)
def test_a_notebook_shows_the_verdict_first_and_brings_no_style_or_script(name: str) -> None:
    shown = html_fragment(REPORTS[name])
    assert shown.index("What to deploy") < shown.index("Measurements")
    assert "<style" not in shown
    assert "<script" not in shown


def test_what_a_record_says_of_itself_is_text_in_a_notebook() -> None:
    shown = html_fragment(report_of(entry(record(target="<img src=x onerror=alert(1)>"))))
    assert "<img" not in shown
    assert "&lt;img" in shown


def test_a_chart_is_a_picture_on_white() -> None:
    chart = REPORTS["board"].charts[0]
    assert chart._repr_svg_().startswith("<svg")
    assert "background:#fff" in chart._repr_svg_()
