"""`edgetool diff`: two models, or one in two places, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgetool.commands.completion import complete_target
from edgetool.commands.options import HeldOut, Json
from edgetool.commands.output import print_json
from edgetool.errors import ConfigError

if TYPE_CHECKING:
    from edgetool.pipeline.diff import Diff


def diff(
    reference: Annotated[Path, typer.Argument(help="Model (.onnx) that runs on this machine.")],
    candidate: Annotated[
        Path | None, typer.Argument(help="Model to compare with it. Default: the same, on --target.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", "-t", help="Run the candidate's layers there, too.", autocompletion=complete_target),
    ] = None,
    held_out: HeldOut = None,
    least: Annotated[
        float | None,
        typer.Option(help="Signal to noise that a layer must have, in dB. Default: 10 for int8 beside fp32, else 60."),
    ] = None,
    samples: Annotated[int, typer.Option(min=1, max=1000, help="Inputs to compare on.")] = 8,
    bisect: Annotated[
        bool, typer.Option("--bisect", help="Find the nodes to keep in fp32 for the outputs to have --least.")
    ] = False,
    recipe: Annotated[
        Path | None, typer.Option("--recipe", help="Write a recipe (.json) that keeps what --bisect found.")
    ] = None,
    json: Json = False,
) -> None:
    """Compare two models layer by layer, and find where the noise begins.

    Example: edgetool diff resnet18.onnx resnet18.int8.onnx --held-out photos/ --bisect --recipe recipe.json
    """
    from edgetool.console.context import make_context
    from edgetool.models.artifacts import read_artifact, request_of
    from edgetool.models.recipes import Recipe
    from edgetool.pipeline.diff import diff as compare_layers
    from edgetool.pipeline.images import ImageSource
    from edgetool.platform.documents import write_document

    if candidate is None and target is None:
        raise ConfigError("diff needs two models, or one model and --target")
    if recipe is not None and not bisect:
        raise ConfigError("--recipe writes what --bisect finds", hint="give --bisect, too")
    one = read_artifact(reference)
    other = one if candidate is None else read_artifact(candidate)
    found = compare_layers(
        one,
        other,
        ImageSource.choose(request_of(one), None, held_out),
        make_context(quiet=json, force=False),
        target=target,
        least_db=least,
        samples=samples,
        bisect=bisect,
    )
    if recipe is not None:
        write_document(recipe, Recipe(keep_float=found.kept or ()))
    if json:
        from edgetool.commands.answers import DiffAnswer

        print_json(DiffAnswer(diff=found, first=found.first))
    else:
        _print(found)


def _print(found: Diff) -> None:
    from edgetool.console.table import print_table

    places = {"host": [layer.host_db for layer in found.layers]}
    if found.target is not None:
        places[found.target] = [layer.target_db for layer in found.layers]
    places = {name: column for name, column in places.items() if any(db is not None for db in column)}
    rows = [
        [layer.node, layer.operator, *("–" if db is None else f"{db:.1f}" for db in cells)]
        for layer, *cells in zip([noise.layer for noise in found.layers], *places.values(), strict=True)
    ]
    print_table(["node", "operator", *(f"{name}, dB" for name in places)], rows)
    first = found.first
    if first is None:
        print(f"Every layer has {found.least_db:g} dB of signal to noise or more.")
    else:
        print(f"The first layer below {found.least_db:g} dB: {first.layer.node} ({first.worst_db:.1f} dB).")
    if found.kept is not None and found.kept_db is not None:
        kept = ", ".join(found.kept) or "nothing"
        print(f"Keep in fp32: {kept}. The worst output then has {found.kept_db:.1f} dB.")
