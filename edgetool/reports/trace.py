"""A run's profiles for other viewers: as a trace of all cases, and as an overlay of each case's model.

The trace is Chrome's JSON (Trace Event Format, Google 2016), which ui.perfetto.dev and chrome://tracing open: each case
is a process, its nodes are slices, the bytes that each handles a counter. The overlays are node data of Model Explorer,
which colors the nodes of an opened model by the time they take.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from edgetool.errors import ConfigError
from edgetool.measurements.operators import Operators
from edgetool.records.record import Record
from edgetool.records.results import StoredRun

THREAD = 1
REPLACED = re.compile(r"(_nchwc|_token_\d+)+$")  # what ONNX Runtime's layouts and QDQ fusion append
MICROSECOND_NS, MILLISECOND_NS = 1000, 1_000_000
GRADIENT = ({"stop": 0, "bgColor": "#ffffff"}, {"stop": 1, "bgColor": "#d7301f"})


def trace_events(stored: StoredRun) -> dict[str, Any]:
    """One inference of each profiled case, all from time 0, so that host and target lie below each other.

    Raises ConfigError for a run without profiles.
    """
    profiled = [(found.record, found.record.operators) for found in stored.recorded]
    events = [
        event
        for process, (record, operators) in enumerate(profiled, 1)
        if operators is not None and operators.nodes
        for event in _events(process, record, operators)
    ]
    if not events:
        raise ConfigError(f"{stored.folder} holds no profile of nodes", hint="measure it again with --profile")
    return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": {"run": stored.run.id}}


def node_data(stored: StoredRun, producers: Mapping[str, Mapping[str, str]] | None = None) -> dict[str, dict[str, Any]]:
    """Return the overlay of each profiled case by its file's stem: node → milliseconds in one inference.

    The form is that of one graph's data (google-ai-edge/model-explorer, node_data_builder.py: GraphNodeData).
    ONNX Runtime names a node that it put in place of others after one of them, or after the value that it computes;
    `producers` has the node's name by that value, for the models with these SHA-256s. What has no counterpart in the
    model's file is not shown there.
    """
    overlays = {}
    for result, found in stored.entries:
        if found is None or (operators := found.record.operators) is None or not operators.nodes:
            continue
        of_model = (producers or {}).get(found.record.subject.model.sha256, {})
        times: dict[str, int] = {}
        for node in operators.nodes:
            name = REPLACED.sub("", node.node or node.operator)
            name = of_model.get(name, name)
            times[name] = times.get(name, 0) + node.duration_ns
        results = {name: {"value": time_ns / MILLISECOND_NS} for name, time_ns in times.items()}
        overlays[result.case.stem] = {"results": results, "gradient": list(GRADIENT)}
    return overlays


def _events(process: int, record: Record, operators: Operators) -> Iterator[dict[str, Any]]:
    emulated = " (emulated: not the latency of any board)" if record.emulated else ""
    of = {"pid": process, "tid": THREAD}
    for name, text in (("process_name", f"{record.title}{emulated}"), ("thread_name", "operators")):
        yield {"ph": "M", "name": name, **of, "args": {"name": text}}
    for node in operators.nodes:
        start_us = node.start_ns / MICROSECOND_NS
        sizes = {
            "output bytes": node.output_bytes,
            "activation bytes": node.activation_bytes,
            "weight bytes": node.weight_bytes,
        }
        known = {name: size for name, size in sizes.items() if size is not None}
        yield {
            "ph": "X",
            "name": node.node or node.operator,
            "cat": node.operator,
            "ts": start_us,
            "dur": node.duration_ns / MICROSECOND_NS,
            **of,
            "args": {"operator": node.operator, **known},
        }
        if known:
            yield {"ph": "C", "name": "bytes of a node", "ts": start_us, **of, "args": known}
