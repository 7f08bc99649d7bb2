"""Operators: how an inference's time is divided among them, from the runtime's profile."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Le, Len

from edgetool.bundles import BundledModel
from edgetool.errors import HarnessError
from edgetool.harness.bench import Bench, title
from edgetool.harness.plausible import check_times
from edgetool.harness.profile import INFERENCE, KERNEL_SUFFIX, bytes_of, name_of, operator_of, start_of
from edgetool.measurements.reading import Instrument, Reading
from edgetool.platform.documents import read_plain
from edgetool.platform.foreign import one_line
from edgetool.platform.values import Name, NonNegative, Text, value
from edgetool.runtimes.table import KINDS

NODES_LIMIT = 20_000


@value
class OperatorTime:
    """The time of all nodes of one operator, per inference."""

    operator: Name
    calls: NonNegative
    time_ns: NonNegative
    share: Annotated[float, Ge(0), Le(1)]  # of the total time of all operators


@value
class NodeTime:
    """One run of a node in the last inference. Sizes are None where the runtime doesn't say."""

    node: Text
    operator: Name
    start_ns: NonNegative  # after the inference's own start
    duration_ns: NonNegative
    output_bytes: NonNegative | None = None
    activation_bytes: NonNegative | None = None  # of its inputs
    weight_bytes: NonNegative | None = None


@value
class Operators:
    """Operator times in descending order. Profiling slows the model, so read the shares, not the sums."""

    times: tuple[OperatorTime, ...]
    nodes: Annotated[tuple[NodeTime, ...], Len(0, NODES_LIMIT)] = ()  # () in older records


def measure(bench: Bench, model: BundledModel) -> Reading:
    """Profile a model in a separate process, since profiling slows it down.

    The measurement is None for a runtime that can't profile.
    """
    if not KINDS[bench.bundle.manifest.runtime.name].profiles:
        return Reading(measurement=None, outcome=bench.run(model))
    once = replace(bench.target.benchmark, warmup=0, min_duration_s=0.0, target_error=0.0)
    spec = replace(once, min_repetitions=2, max_repetitions=2)
    with (
        bench.context.progress.step(f"profile {model.spec.precision} on {bench.place}"),
        tempfile.TemporaryDirectory(prefix="edgetool-") as scratch,
    ):
        profile = Path(scratch) / "profile.json"
        outcome = bench.run(model, benchmark=spec, profile=profile)
        run = outcome.run
        inferences = (run.first_run_ns or 0, *run.warmup_ns, *run.samples_ns)
        times, nodes = read_profile(profile, len(inferences)), read_nodes(profile)
        profiled_ns = sum(time.time_ns for time in times) * len(inferences)
        check_times((), profiled_ns, wall_s=sum(inferences) / 1e9, name=title(model))
    return Reading(measurement=Operators(times=times, nodes=nodes), outcome=outcome)


def read_profile(path: Path, runs: int) -> tuple[OperatorTime, ...]:
    """Return the time of each operator per inference in descending order, from a profile of `runs` inferences.

    The profile is a list of trace events. Events of category "Node" whose name ends in `_kernel_time` have a duration
    in microseconds and the operator's name. Raises HarnessError when the profile isn't such a list.
    """
    events = read_plain(path, error=HarnessError)
    if not isinstance(events, list):
        raise HarnessError(f"{path.name}: the profile is not a list of events")
    total_us: dict[str, int] = defaultdict(int)
    calls: dict[str, int] = defaultdict(int)
    for event in events:
        if (operator := operator_of(event)) is not None:
            total_us[operator] += event["dur"]
            calls[operator] += 1
    everything = sum(total_us.values())
    return tuple(
        OperatorTime(
            operator=operator,
            calls=calls[operator] // runs,
            time_ns=total_us[operator] * 1000 // runs,
            share=total_us[operator] / everything if everything else 0.0,
        )
        for operator in sorted(total_us, key=lambda name: -total_us[name])
    )


def read_nodes(path: Path) -> tuple[NodeTime, ...]:
    """Return each node's run in the profile's last inference, in order of time, at most NODES_LIMIT of them.

    Raises HarnessError when the profile isn't a list of trace events.
    """
    events = read_plain(path, error=HarnessError)
    if not isinstance(events, list):
        raise HarnessError(f"{path.name}: the profile is not a list of events")
    begin = max((start_of(event) or 0 for event in events if name_of(event) == INFERENCE), default=0)
    found = []
    for event in events:
        operator, start = operator_of(event), start_of(event)
        if operator is None or start is None or start < begin:
            continue
        node = NodeTime(
            node=one_line(event["name"].removesuffix(KERNEL_SUFFIX), 512),
            operator=operator,
            start_ns=(start - begin) * 1000,
            duration_ns=event["dur"] * 1000,
            output_bytes=bytes_of(event, "output_size"),
            activation_bytes=bytes_of(event, "activation_size"),
            weight_bytes=bytes_of(event, "parameter_size"),
        )
        found.append(node)
    return tuple(sorted(found, key=lambda node: node.start_ns)[:NODES_LIMIT])


INSTRUMENT = Instrument(measure=measure)
