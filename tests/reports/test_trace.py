"""`edgetool trace`: profiles as Chrome's trace events."""

from __future__ import annotations

import base64
import json
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
import pytest

from edgetool.bundles import Bundle
from edgetool.errors import ConfigError
from edgetool.measurements.operators import NodeTime, Operators
from edgetool.pipeline.steps import Kit
from edgetool.platform.files import sha256_file
from edgetool.platform.process import run_process
from edgetool.records.measure import measure
from edgetool.records.results import read_run
from edgetool.reports.trace import node_data, trace_events
from edgetool.targets.registry import open_executor
from tests.support.bundles import bench_of
from tests.support.commands import run_cli
from tests.support.records import emulated_record, model_spec, record, recorded, stored_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SCHEMA = Path(__file__).with_name("trace.schema.json")
NODE_DATA_SCHEMA = Path(__file__).with_name("node_data.schema.json")
NODES = Operators(
    times=(),
    nodes=(
        NodeTime(node="conv", operator="Conv", start_ns=1000, duration_ns=5000, output_bytes=64, weight_bytes=0),
        NodeTime(node='re"lu', operator="Relu", start_ns=7000, duration_ns=500),
    ),
)


def check(*paths: Path, schema: Path = SCHEMA) -> None:
    done = run_process([sys.executable, "-P", "-m", "check_jsonschema", "--schemafile", schema, *paths], timeout_s=60)
    assert done.exit_code == 0, done.stdout.decode()


def test_a_real_profile_is_a_valid_trace(host: Kit, host_bundle: Bundle, tmp_path: Path) -> None:
    with bench_of(open_executor(host.target), host_bundle, host.target) as bench:
        taken = [measure(bench, model, instruments=("operators",)) for model in host_bundle.manifest.models]
    done = run_cli("trace", stored_run(tmp_path / "run", *taken), "-o", tmp_path / "trace.json")
    assert done.exit_code == 0, done.stderr.decode()
    check(tmp_path / "trace.json")
    found = json.loads((tmp_path / "trace.json").read_text())
    slices = [event for event in found["traceEvents"] if event["ph"] == "X"]
    assert {event["pid"] for event in slices} == {1, 2}
    assert any("Conv" in event["cat"] for event in slices)
    for process in (1, 2):
        ends = [(event["ts"], event["ts"] + event["dur"]) for event in slices if event["pid"] == process]
        assert all(end <= start + 1 for (_, end), (start, _) in pairwise(ends))
    assert any(event["ph"] == "C" and event["args"]["output bytes"] > 0 for event in found["traceEvents"])
    overlays = sorted(tmp_path.glob("*.node-data.json"))
    check(*overlays, schema=NODE_DATA_SCHEMA)
    graphs = {
        str(model.spec.precision): onnx.load(host_bundle.root / model.path) for model in host_bundle.manifest.models
    }
    for path, graph in zip(overlays, (graphs["fp32"], graphs["int8"]), strict=True):
        timed = json.loads(path.read_text())["results"]
        assert set(timed) & {node.name for node in graph.graph.node}


def test_host_and_emulated_target_are_processes_and_the_emulated_one_says_so(tmp_path: Path) -> None:
    run = stored_run(tmp_path / "run", recorded(record(operators=NODES)), recorded(emulated_record(operators=NODES)))
    found = trace_events(read_run(run))
    (tmp_path / "trace.json").write_text(json.dumps(found))
    check(tmp_path / "trace.json")
    names = [event["args"]["name"] for event in found["traceEvents"] if event["name"] == "process_name"]
    assert len(names) == 2
    assert "emulated" in names[1]
    assert [event["name"] for event in found["traceEvents"] if event["ph"] == "X"] == ["conv", 're"lu'] * 2


def test_speedscope_opens_a_trace_with_each_case_and_the_times_of_its_nodes(
    browser: Browser, speedscope: Path, tmp_path: Path
) -> None:
    """As its own command line opens a file: by a script that the page loads."""
    run = stored_run(tmp_path / "run", recorded(record(operators=NODES)), recorded(emulated_record(operators=NODES)))
    assert run_cli("trace", run, "-o", tmp_path / "trace.json").exit_code == 0
    data = base64.b64encode((tmp_path / "trace.json").read_bytes()).decode()
    (tmp_path / "load.js").write_text(f"speedscope.loadFileFromBase64('trace.json', '{data}')")
    page = browser.new_page()
    try:
        page.goto(f"{speedscope.as_uri()}#localProfilePath={tmp_path / 'load.js'}")
        page.get_by_text("Sandwich").click()
        for name, time in (("conv", "5.00µs"), ('re"lu', "500.00ns")):
            page.locator("tr", has_text=name).filter(has_text=time).wait_for()
        assert "(1/2)" in page.inner_text("body")  # of two cases the first
    finally:
        page.close()


def test_an_overlay_has_each_nodes_time_in_milliseconds(tmp_path: Path) -> None:
    overlays = node_data(read_run(stored_run(tmp_path / "run", recorded(record(operators=NODES)))))
    (overlay,) = overlays.values()
    assert overlay["results"] == {"conv": {"value": 0.005}, 're"lu': {"value": 0.0005}}


def test_the_time_of_a_node_that_the_runtime_replaced_is_shown_on_the_models(tmp_path: Path, tiny_path: Path) -> None:
    """Under the name that ONNX Runtime gives it: after a value in NCHWc, after a node in its fusion of QDQ."""
    last = onnx.load(tiny_path).graph.node[-1]
    nodes = (
        NodeTime(node=f"{last.output[0]}_nchwc", operator="Conv", start_ns=0, duration_ns=5000),
        NodeTime(node="conv_token_12", operator="QLinearConv", start_ns=6000, duration_ns=2000),
    )
    spec = model_spec(sha256=sha256_file(tiny_path))
    measured = record(model=spec, operators=replace(NODES, nodes=nodes))
    run = stored_run(tmp_path / "run", recorded(measured))
    assert run_cli("trace", run, "--model", tiny_path).exit_code == 0
    (overlay,) = run.glob("*.node-data.json")
    assert json.loads(overlay.read_text())["results"] == {last.name: {"value": 0.005}, "conv": {"value": 0.002}}


def test_a_run_without_a_profile_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no profile of nodes") as caught:
        trace_events(read_run(stored_run(tmp_path / "run", recorded(record()))))
    assert caught.value.hint is not None
    assert "--profile" in caught.value.hint
