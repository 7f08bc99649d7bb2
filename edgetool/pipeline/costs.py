"""What quantized models cost on a target beside fp32: times in turn on a board, estimated cycles on an emulator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgetool.errors import ConfigError, EdgetoolError
from edgetool.estimates.cores import Core, core_names, load_core
from edgetool.estimates.estimate import estimate, runs_on
from edgetool.harness.bench import Bench, open_bench
from edgetool.harness.counts import check_countable, run_counting
from edgetool.harness.instructions import InstructionMix
from edgetool.measurements.reading import Reading
from edgetool.measurements.timing import Timing, measure_in_turn, ratio
from edgetool.models.onnxfile import load_graph
from edgetool.models.spec import ModelArtifact
from edgetool.pipeline import steps
from edgetool.pipeline.images import ImageSource
from edgetool.pipeline.plan import PlannedModel, load_configured
from edgetool.platform.context import StepContext
from edgetool.platform.store import key_of
from edgetool.records.stats import Interval, quantile
from edgetool.runtimes.emulator import counting_emulator

TIME, CYCLES = "ns", "estimated cycles"  # units


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a model costs on the target, in the unit of all, and that ÷ that of fp32; None where it can't be told.

    The intervals of times are of 95 %. Those of estimated cycles are from perfect overlap to none.
    """

    cost: Interval | None = None
    ratio: Interval | None = None


def costs_on_target(
    models: Sequence[ModelArtifact],
    model: PlannedModel,
    source: ImageSource,
    target: str,
    context: StepContext,
    core: str,
) -> tuple[list[Cost], str | None]:
    """On the target, fp32 first: times in turn on a board, a core's estimated cycles on an emulator that can count.

    Models of one structure cost the same, whatever their ranges, and are measured once.
    """
    first_of: dict[str, int] = {}
    same = [first_of.setdefault(_structure(artifact), i) for i, artifact in enumerate(models)]
    distinct = {i: _renamed(models[i], i) for i in sorted(set(same))}
    kit = steps.provision(load_configured(target, {}, images=1), context)
    bundle = steps.package(list(distinct.values()), kit, model.request, source, context)
    with open_bench(bundle, kit.target, context) as bench:
        found, unit = _measured(bench, core)
    return [found.get(f"{models[i].spec.name}-{i}", Cost()) for i in same], unit


def _structure(artifact: ModelArtifact) -> str:
    graph = load_graph(artifact.path).graph
    nodes = [(node.op_type, len(node.input)) for node in graph.node]
    return key_of({"nodes": nodes, "weights": [(t.data_type, list(t.dims)) for t in graph.initializer]})


def _renamed(artifact: ModelArtifact, number: int) -> ModelArtifact:
    """A bundle holds models of one precision by different names."""
    return replace(artifact, spec=replace(artifact.spec, name=f"{artifact.spec.name}-{number}"))


def _measured(bench: Bench, core: str) -> tuple[Mapping[str, Cost], str | None]:
    models = []
    for model in bench.bundle.manifest.models:
        try:
            bench.run(model)  # what the target's runtime can't load has no cost
        except EdgetoolError:
            continue
        models.append(model)
    names = [model.spec.name for model in models]
    if bench.executor.emulator is None:
        timings = [_timing(reading) for reading in measure_in_turn([(bench, model) for model in models])]
        costs = [Cost(cost=quantile(t.samples_ns, 0.5), ratio=ratio(t, timings[0])) for t in timings]
        return dict(zip(names, costs, strict=True)), TIME
    try:
        check_countable(bench.target)
    except ConfigError:
        return {}, None
    counting = counting_emulator(bench.context.store, bench.context.progress)
    counted = []
    for model in models:
        with bench.context.progress.step(f"count instructions of {model.spec.name}"):
            counted.append(run_counting(bench, model, counting, warmup=1, counted=1).counts)
    mixes = [counts.inferences[-1] for counts in counted]
    vlen_bits, modelled = counted[0].vlen_bits, load_core(core)
    if not all(runs_on(mix, vlen_bits, modelled) for mix in mixes):
        fitting = [name for name in core_names() if runs_on(mixes[0], vlen_bits, load_core(name))]
        raise ConfigError(
            f"{bench.target.name} has vectors of {vlen_bits} bits, {modelled.title} has others",
            hint=f"--core {' or '.join(fitting)}" if fitting else "choose another target",
        )
    return dict(zip(names, estimated_costs(mixes, modelled), strict=True)), f"{CYCLES} on {modelled.title}"


def estimated_costs(mixes: Sequence[InstructionMix], core: Core) -> list[Cost]:
    """Return the costs of counted models on a core in cycles, the first being fp32's."""
    found = [estimate(mix, core) for mix in mixes]
    first = found[0]
    return [
        Cost(
            cost=Interval(value=each.middle, low=each.low, high=each.high),
            ratio=_between(each.middle / first.middle, each.low / first.low, each.high / first.high),
        )
        for each in found
    ]


def _between(middle: float, *ends: float) -> Interval:
    return Interval(value=middle, low=min(middle, *ends), high=max(middle, *ends))


def _timing(reading: Reading | EdgetoolError) -> Timing:
    if isinstance(reading, EdgetoolError):
        raise reading
    timing: Timing = reading.measurement
    return timing
