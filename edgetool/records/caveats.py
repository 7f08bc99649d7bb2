"""Caveats: doubts about a number with a text and a remedy, derived from records."""

from __future__ import annotations

from enum import StrEnum

from edgetool.measurements.timing import Timing
from edgetool.models.spec import Precision
from edgetool.records.record import Record
from edgetool.records.shape import drift, modes
from edgetool.records.stats import summarize

ZVFH = "zvfh"  # what our library's kernels say when they compute in fp16: "rvv vlen=256 zvfh wide16: ..."


class Caveat(StrEnum):
    """A doubt about a number, with a text and a remedy."""

    EMULATED = "emulated"
    FEW_SAMPLES = "few-samples"
    IMPRECISE = "imprecise"
    UNSTABLE = "unstable"
    BIMODAL = "bimodal"
    DRIFTING = "drifting"
    SLOW_FIRST_RUN = "slow-first-run"
    GOVERNOR = "governor"
    THROTTLED = "throttled"
    BUSY = "busy"
    APART = "apart"
    DIFFERENT_RUNTIME = "different-runtime"
    FOREIGN_RUNTIME = "foreign-runtime"
    DIFFERENT_MODEL = "different-model"
    DIFFERENT_VECTORS = "different-vectors"
    COMPUTED_IN_FP32 = "computed-in-fp32"
    OTHER_KERNELS = "other-kernels"
    RANDOM_WEIGHTS = "random-weights"
    FEW_IMAGES = "few-images"
    FEW_SCORED = "few-scored"
    FEW_CALIBRATION = "few-calibration"
    CALIBRATED_ON = "calibrated-on"

    @property
    def text(self) -> str:
        return _CAVEATS[self][0]

    @property
    def remedy(self) -> str:
        return _CAVEATS[self][1]


_CAVEATS = {
    Caveat.EMULATED: (
        "the times are the emulator's, not the latency of any board",
        "run on a board; under emulation, read only sizes, accuracy and outputs",
    ),
    Caveat.FEW_SAMPLES: ("fewer than 20 repetitions, so p90 and p99 are close to the maximum", "raise --repetitions"),
    Caveat.IMPRECISE: (
        "time ran out before the median's 95 % interval was narrow enough",
        "raise --max-duration or --target-error",
    ),
    Caveat.UNSTABLE: (
        "the interquartile range exceeds 10 % of the median",
        "stop other work, set --governor performance, pin the process with --cpus",
    ),
    Caveat.BIMODAL: (
        "the samples have two modes, and the median falls into one of them by chance",
        "read both modes under Method; pin the process with --cpus, set --governor performance",
    ),
    Caveat.DRIFTING: (
        "the last third of the samples differs from the first by more than 5 %",
        "cool the board, warm up longer, interleave what you compare",
    ),
    Caveat.SLOW_FIRST_RUN: (
        "the first inference took more than twice the median",
        "report it separately where start-up time matters",
    ),
    Caveat.GOVERNOR: ("the clock governor is not `performance`", "set --governor performance"),
    Caveat.THROTTLED: (
        "the board throttled, for heat or for its power supply",
        "cool it or give it a better power supply, and measure again",
    ),
    Caveat.BUSY: (
        "the machine was busy: the load exceeded half of its processors at the start",
        "stop other work",
    ),
    Caveat.APART: (
        "the two were not interleaved, so their ratio contains any drift between them",
        "measure both in one run without --no-interleave",
    ),
    Caveat.DIFFERENT_RUNTIME: (
        "the two sides run different runtimes, or different releases of one",
        "read the ratio as that of the whole stack, not of the hardware",
    ),
    Caveat.FOREIGN_RUNTIME: (
        "the board's installed runtime is not edgetool's build, so edgetool's kernels were not measured",
        "install a wheel of `edgetool runtime dist`, or measure with --runtime crossbuild",
    ),
    Caveat.DIFFERENT_MODEL: ("the two records are of different models", "read the ratio as that of the models"),
    Caveat.DIFFERENT_VECTORS: (
        "the instructions were counted at different VLEN",
        "compare counts at one VLEN",
    ),
    Caveat.COMPUTED_IN_FP32: (
        "fp16 was computed in fp32, between casts: the runtime has no fp16 kernels for this processor",
        "on RISC-V, measure with a runtime of `edgetool runtime build` on a processor with Zvfh",
    ),
    Caveat.OTHER_KERNELS: (
        "the kernels that were asked for cannot run here, so others were measured",
        "read why in the record's kernels; pin the process with --cpus to those that can run them",
    ),
    Caveat.RANDOM_WEIGHTS: (
        "the weights are random, so the outputs are meaningless",
        "use trained weights",
    ),
    Caveat.FEW_IMAGES: ("fewer than 200 images, so one image is more than 0.5 % of accuracy", "raise --images"),
    Caveat.FEW_SCORED: (
        "a score over fewer than 200 samples: another few would change it, and its interval may be too narrow",
        "raise --images",
    ),
    Caveat.FEW_CALIBRATION: (
        "calibrated with fewer than 32 samples: the ranges of activations may be too narrow",
        "calibrate with 100 to 500 samples",
    ),
    Caveat.CALIBRATED_ON: (
        "held-out inputs were used for calibration, too, so the result may be too good",
        "give other inputs with --held-out",
    ),
}


def caveats_of(record: Record) -> tuple[Caveat, ...]:
    """Return the caveats that follow from a single record."""
    timing, accuracy = record.timing, record.accuracy
    installed = record.subject.runtime.installed
    calibrated = record.subject.model.calibration_samples
    doubts = {
        Caveat.EMULATED: record.emulated,
        Caveat.FOREIGN_RUNTIME: installed is not None and not installed.ours,
        Caveat.COMPUTED_IN_FP32: _computes_fp16_in_fp32(record),
        Caveat.OTHER_KERNELS: f"; {record.subject.runtime.name} cannot run here" in (record.kernels or ""),
        Caveat.RANDOM_WEIGHTS: not record.subject.model.accuracy_means_something,
        Caveat.FEW_IMAGES: accuracy is not None and accuracy.images < 200,
        Caveat.FEW_SCORED: any(score.samples < 200 for score in record.scores),
        Caveat.FEW_CALIBRATION: calibrated is not None and calibrated < 32,
        Caveat.CALIBRATED_ON: bool(calibrated and record.overlap),
    }
    if timing is not None:
        doubts |= _of_timing(timing, record)
    return tuple(caveat for caveat in Caveat if doubts.get(caveat, False))


def _computes_fp16_in_fp32(record: Record) -> bool:
    """Return whether ONNX Runtime casts an fp16 model's tensors: it has fp16 kernels for Arm, and ours for Zvfh."""
    is_half = record.subject.precision is Precision.FP16 and record.subject.runtime.kind == "onnxruntime"
    has_kernels = record.subject.triple.startswith("aarch64") or ZVFH in (record.kernels or "").split()
    return is_half and not has_kernels


def _of_timing(timing: Timing, record: Record) -> dict[Caveat, bool]:
    summary, before = summarize(timing.samples_ns), timing.before
    processors = record.environment.process.processors
    return {
        Caveat.FEW_SAMPLES: summary.count < 20,
        Caveat.IMPRECISE: timing.stop is not None and not timing.stop.reached,
        Caveat.UNSTABLE: summary.spread > 0.1 and not record.emulated,
        Caveat.BIMODAL: not record.emulated and bool(modes(timing.samples_ns)),
        Caveat.DRIFTING: not record.emulated and drift(timing.samples_ns) is not None,
        Caveat.SLOW_FIRST_RUN: timing.first_run_ns > 2 * summary.p50_ns,
        Caveat.GOVERNOR: before is not None and before.governor not in (None, "performance"),
        Caveat.THROTTLED: _was_throttled(timing),
        Caveat.BUSY: before is not None and before.load_1min is not None and before.load_1min > processors / 2,
    }


def _was_throttled(timing: Timing) -> bool:
    """Return whether the board was throttled at either end of the measurement or in between.

    The firmware's upper flags stay set after the first throttling since boot, so only a change of them counts.
    """
    found = [facts for facts in (timing.before, timing.after) if facts is not None]
    flags = [facts.throttle_flags for facts in found if facts.throttle_flags is not None]
    now = any(flag & 0xF for flag in flags) or any(facts.cooling_steps for facts in found)
    return now or len(set(flags)) > 1 or _has_slowed(timing)


def _has_slowed(timing: Timing) -> bool:
    """Return whether the clock fell by more than a twentieth although the governor is "performance"."""
    before, after = timing.before, timing.after
    if before is None or after is None or before.governor != "performance":
        return False
    return bool(before.clock_hz and after.clock_hz and after.clock_hz < 0.95 * before.clock_hz)
