"""`edgetool tune`: which recipe of int8 to deploy, or none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgetool.commands.chosen import planned_model
from edgetool.commands.completion import complete_core
from edgetool.commands.groups import with_groups
from edgetool.commands.options import (
    Calibration,
    HeldOut,
    Json,
    Model,
    ModelOptions,
    PreprocessingOptions,
    Target,
)
from edgetool.commands.output import print_json

if TYPE_CHECKING:
    from edgetool.pipeline.tune import Tuning
    from edgetool.reports.charts.drawing import Chart


@with_groups
def tune(
    *,
    target: Target = "qemu-riscv64",
    model: Model = "mobilenet_v2",
    options: ModelOptions,
    calibration: Calibration = None,
    held_out: HeldOut = None,
    preprocessing: PreprocessingOptions,
    trials: Annotated[int, typer.Option(min=1, max=10_000, help="Recipes to try.")] = 16,
    core: Annotated[
        str,
        typer.Option(
            help="On an emulated target: the core whose cycles are estimated as the cost.", autocompletion=complete_core
        ),
    ] = "x60",  # of the Banana Pi F3 and the Milk-V Jupiter
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Output folder. Default: tunings/MODEL-TARGET.")
    ] = None,
    json: Json = False,
) -> None:
    """Search the int8 recipe to deploy on a target, by accuracy, cost and size (extra: tune).

    An interrupted search goes on where it was. The folder gets tuning.json, pareto.svg and, unless fp32 is better,
    recipe.json for `quantize` and `deploy`.

    Example: edgetool tune --target visionfive2 --model resnet18 --weights imagenet --calibration photos/
    """
    from edgetool.console.context import make_context
    from edgetool.pipeline.tune import RECIPE
    from edgetool.pipeline.tune import tune as search
    from edgetool.platform.files import write_atomically

    planned = planned_model(model, options, preprocessing, calibration=calibration, held_out=held_out)
    folder = output or Path("tunings") / f"{planned.title}-{Path(target).stem}"
    tuning = search(planned, target, folder, make_context(quiet=json, force=False), trials=trials, core=core)
    if chart := _chart(tuning):
        write_atomically(folder / "pareto.svg", chart.file())
    recipe = folder / RECIPE if tuning.recommended.recipe is not None else None
    if json:
        from edgetool.commands.answers import TuneAnswer

        print_json(TuneAnswer(folder=str(folder), recipe=None if recipe is None else str(recipe), tuning=tuning))
        return
    _print(tuning)
    if recipe is not None:
        print(f"edgetool deploy --target {target} --recipe {recipe}")


def _chart(tuning: Tuning) -> Chart | None:
    from edgetool.reports.charts.pareto import Point, pareto_chart

    points = [
        Point(
            label=_label(i),
            cost=candidate.cost_ratio,
            accuracy=candidate.accuracy,
            size_bytes=candidate.size_bytes,
            is_best=i == tuning.best,
        )
        for i, candidate in enumerate(tuning.candidates)
        if candidate.cost_ratio is not None and candidate.accuracy is not None
    ]
    return pareto_chart(points, tuning.judged_by)


def _label(index: int) -> str:
    return "fp32" if index == 0 else str(index)


def _print(tuning: Tuning) -> None:
    from edgetool.console.table import print_table
    from edgetool.platform.format import percent_text, ratio_text, size_text

    judged = any(candidate.accuracy for candidate in tuning.candidates)
    rows = [
        [
            _label(i) + (" *" if i == tuning.best else ""),
            *([percent_text(candidate.accuracy.value if candidate.accuracy else None)] if judged else []),
            "–" if candidate.signal_to_noise_db is None else f"{candidate.signal_to_noise_db:.1f} dB",
            "–" if candidate.cost_ratio is None else ratio_text(candidate.cost_ratio.value),
            size_text(candidate.size_bytes),
            candidate.title,
        ]
        for i, candidate in enumerate(tuning.candidates)
    ]
    heads = [
        "",
        *([tuning.judged_by] if judged else []),
        "signal to noise",
        f"cost ({tuning.unit or 'unknown'})",
        "size",
        "recipe",
    ]
    print_table(heads, rows)
    sure = "" if tuning.is_clear else " (not certain)"
    what = "fp32" if tuning.best == 0 else f"int8 by recipe {_label(tuning.best)}"
    print(f"Deploy {what}{sure}: {tuning.reason}.")
