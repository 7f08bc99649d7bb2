"""The options that several commands have, alone and in groups."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from edgetool.commands.completion import (
    complete_model,
    complete_precision,
    complete_runtime,
    complete_target,
    complete_task,
    one_of,
)
from edgetool.platform.names import listed

SOURCES = "torchvision name, timm:NAME, hf:ID-OR-FOLDER, package.module:factory, .onnx or .pt2 file."
WEIGHTS = ("digits", "imagenet", "random")
SCENARIOS = ("SingleStream", "Offline")  # of MLPerf Inference; the first is always measured
MODEL, MEASUREMENT, BOARD = "Model and data", "Measurement", "Board"  # titles in a command's help


Target = Annotated[
    str,
    typer.Option(
        "--target", "-t", help="Target name or file. `edgetool targets` lists them.", autocompletion=complete_target
    ),
]
Targets = Annotated[
    list[str],
    typer.Option("--target", "-t", help="Target name or file; repeatable.", autocompletion=complete_target),
]
Source = Annotated[str, typer.Argument(help=SOURCES, autocompletion=complete_model)]
Model = Annotated[
    str,
    typer.Option("--model", "-m", help=SOURCES, rich_help_panel=MODEL, autocompletion=complete_model),
]
Calibration = Annotated[
    Path | None, typer.Option(help="Calibration inputs: folder, .npz or package.module:samples.", rich_help_panel=MODEL)
]
HeldOut = Annotated[
    Path | None,
    typer.Option(
        "--held-out",
        help="Inputs to evaluate on, all of them. Default: every fifth of --calibration.",
        rich_help_panel=MODEL,
    ),
]
Dynamic = Annotated[
    bool,
    typer.Option("--dynamic", help="Quantize activations at run time, without calibration.", rich_help_panel=MODEL),
]
Images = Annotated[
    int | None, typer.Option(min=1, help="Number of held-out images to evaluate.", rich_help_panel=MEASUREMENT)
]
Runtimes = Annotated[
    list[str],
    typer.Option(
        "--runtime",
        help="onnxruntime, tflite, ncnn, crossbuild, debian, wheel, scalar or key:KEY; repeatable, or several with "
        "commas. Default: the target's ONNX Runtime, or the plan's list.",
        rich_help_panel=MODEL,
        autocompletion=complete_runtime,
    ),
]
RuntimeKindName = Annotated[
    str,
    typer.Option(
        "--runtime",
        help="Runtime whose format the model is written in: onnxruntime, tflite or ncnn.",
        autocompletion=one_of("onnxruntime", "tflite", "ncnn"),
    ),
]
BundledRuntime = Annotated[
    str | None,
    typer.Option(
        "--runtime",
        help="Runtime to carry, such as debian or key:KEY. Default: the target's, of the models' format.",
        autocompletion=complete_runtime,
    ),
]
GoalName = Annotated[
    str,
    typer.Option(
        "--goal",
        help="Choose the runtime by latency, size, memory or accuracy.",
        rich_help_panel=MEASUREMENT,
        autocompletion=one_of("latency", "size", "memory", "accuracy"),
    ),
]
Metrics = Annotated[
    list[str],
    typer.Option(
        "--metric",
        help="Also judge by this function of yours, package.module:metric, importable from here; repeatable.",
        rich_help_panel=MEASUREMENT,
    ),
]
Precisions = Annotated[
    list[str],
    typer.Option(
        "--precision",
        help="fp32, fp16, int8 or int8-dynamic; repeatable, or several with commas. Default: fp32 and int8.",
        rich_help_panel=MODEL,
        callback=listed,
        autocompletion=complete_precision,
    ),
]
RecipeFile = Annotated[
    Path | None,
    typer.Option("--recipe", help="Recipe of int8 (.toml or .json), such as one of tune's.", rich_help_panel=MODEL),
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait while someone else uses the board.", rich_help_panel=BOARD)]
Track = Annotated[
    str | None,
    typer.Option("--track", help="Log the run to MLflow, too: mlflow, or mlflow=URI of a server or store."),
]
Runs = Annotated[Path, typer.Option(help="Folder of runs.")]
Force = Annotated[bool, typer.Option("--force", help="Repeat every step, even those in the cache.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and no progress.")]


def _be_verbose(wanted: bool) -> bool:
    """Note it for this process and those that it starts."""
    if wanted:
        os.environ["EDGETOOL_VERBOSE"] = "1"
    return wanted


Verbose = Annotated[
    bool, typer.Option("--verbose", callback=_be_verbose, help="Print each step as it starts, with all that it notes.")
]


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """How a model is read."""

    weights: Annotated[
        str,
        typer.Option(
            help="digits, imagenet or random. Default of mobilenet_v2: digits.",
            rich_help_panel=MODEL,
            autocompletion=one_of(*WEIGHTS),
        ),
    ] = ""
    checkpoint: Annotated[
        Path | None, typer.Option(help="State dict: .safetensors or weights-only .pt.", rich_help_panel=MODEL)
    ] = None
    shape: Annotated[
        list[str],
        typer.Option(
            "--shape",
            help="Input shape such as 1,3,224,224, or NAME=SHAPE for each of several inputs. Default for PyTorch: "
            "1,3,224,224.",
            rich_help_panel=MODEL,
        ),
    ] = field(default_factory=list)
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            help="classification, detection, segmentation, regression, embedding or none. Default: what is certain.",
            rich_help_panel=MODEL,
            autocompletion=complete_task,
        ),
    ] = None
    weights_mirror: Annotated[
        str | None,
        typer.Option("--weights-mirror", help="Download weights from this URL.", rich_help_panel=MODEL),
    ] = None


@dataclass(frozen=True, kw_only=True)
class PreprocessingOptions:
    """How pictures become inputs."""

    preprocess: Annotated[
        str | None,
        typer.Option(
            "--preprocess",
            help="How pictures become inputs: imagenet, zero-one, minus-one-one or none. Default: as the model states.",
            rich_help_panel=MODEL,
            autocompletion=one_of("imagenet", "zero-one", "minus-one-one", "none"),
        ),
    ] = None
    mean: Annotated[
        str | None, typer.Option(help="Mean for each channel, such as 0.5,0.5,0.5.", rich_help_panel=MODEL)
    ] = None
    std: Annotated[str | None, typer.Option(help="Deviation for each channel.", rich_help_panel=MODEL)] = None
    scale: Annotated[float | None, typer.Option(help="Factor of pixels of 0 to 255.", rich_help_panel=MODEL)] = None
    layout: Annotated[str | None, typer.Option("--layout", help="nchw or nhwc.", rich_help_panel=MODEL)] = None
    resize: Annotated[str | None, typer.Option("--resize", help="crop, stretch or pad.", rich_help_panel=MODEL)] = None
    crop: Annotated[float | None, typer.Option(help="Share that the centre crop keeps.", rich_help_panel=MODEL)] = None
    color: Annotated[str | None, typer.Option("--color", help="rgb or bgr.", rich_help_panel=MODEL)] = None


@dataclass(frozen=True, kw_only=True)
class BenchmarkOptions:
    """How inferences are timed: a target's [benchmark] in place of its own."""

    repetitions: Annotated[
        int | None, typer.Option(min=1, help="Minimum timed repetitions.", rich_help_panel=MEASUREMENT)
    ] = None
    warmup: Annotated[int | None, typer.Option(min=0, help="Warm-up inferences.", rich_help_panel=MEASUREMENT)] = None
    min_duration: Annotated[
        float | None, typer.Option(min=0, help="Minimum timed seconds.", rich_help_panel=MEASUREMENT)
    ] = None
    max_duration: Annotated[
        float | None, typer.Option(min=0, help="Maximum timed seconds.", rich_help_panel=MEASUREMENT)
    ] = None
    target_error: Annotated[
        str | None,
        typer.Option(
            help="Repeat until the median's 95 % interval is this narrow, such as 1%; 0 for fixed counts. Default: 2%.",
            rich_help_panel=MEASUREMENT,
        ),
    ] = None
    no_interleave: Annotated[
        bool,
        typer.Option(
            "--no-interleave",
            help="Time each model alone, not in turn with the others.",
            rich_help_panel=MEASUREMENT,
        ),
    ] = False
    threads: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Runtime threads.", rich_help_panel=MEASUREMENT)
    ] = None
    cpus: Annotated[str | None, typer.Option(help="Pin to these CPUs, such as 0-3,6.", rich_help_panel=BOARD)] = None
    governor: Annotated[
        str | None,
        typer.Option(help="CPU frequency governor while measuring; restored afterwards.", rich_help_panel=BOARD),
    ] = None
    cooldown: Annotated[
        str | None,
        typer.Option(help="Wait until the board cools to this temperature, such as 60C.", rich_help_panel=BOARD),
    ] = None


@dataclass(frozen=True, kw_only=True)
class InstrumentOptions:
    """What is measured beside time and accuracy."""

    scenario: Annotated[
        list[str],
        typer.Option(
            "--scenario",
            help="SingleStream (p90 latency) or Offline (throughput by batch and threads, too); repeatable.",
            rich_help_panel=MEASUREMENT,
            autocompletion=one_of(*SCENARIOS),
        ),
    ] = field(default_factory=list)
    profile: Annotated[
        bool, typer.Option("--profile", help="Record time by operator.", rich_help_panel=MEASUREMENT)
    ] = False
    count_instructions: Annotated[
        bool,
        typer.Option(
            "--count-instructions",
            help="Count the instructions of an inference (emulated riscv64 only).",
            rich_help_panel=MEASUREMENT,
        ),
    ] = False
