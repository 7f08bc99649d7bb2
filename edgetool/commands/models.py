"""`edgetool export`, `quantize`, `package`: a model on its way to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgetool.commands.chosen import chosen_recipe, planned_model
from edgetool.commands.groups import with_groups
from edgetool.commands.options import (
    BundledRuntime,
    Calibration,
    Dynamic,
    Force,
    HeldOut,
    Images,
    Json,
    ModelOptions,
    PreprocessingOptions,
    RecipeFile,
    RuntimeKindName,
    Source,
    Target,
)
from edgetool.commands.output import print_json

if TYPE_CHECKING:
    from edgetool.models.spec import ModelArtifact


@with_groups
def export(
    *,
    source: Source = "mobilenet_v2",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Output file. Default: MODEL.onnx.")] = None,
    options: ModelOptions,
    calibration: Calibration = None,
    preprocessing: PreprocessingOptions,
    opset: Annotated[
        int | None, typer.Option(min=16, max=23, help="ONNX opset. Default: one that every runtime supports.")
    ] = None,
    runtime: RuntimeKindName = "onnxruntime",
    force: Force = False,
    json: Json = False,
) -> None:
    """Export a PyTorch model to optimized ONNX and check it against PyTorch.

    For tflite and ncnn, the model is then converted to their format.

    Example: edgetool export resnet18 --weights imagenet --output resnet18.onnx
    """
    from edgetool import api
    from edgetool.models.artifacts import save_artifact
    from edgetool.models.opsets import DEFAULT_OPSET

    asked = planned_model(source, options, preprocessing, calibration=calibration)
    made = api.export(asked, opset=opset or DEFAULT_OPSET, runtime=runtime, force=force, quiet=json)
    _print_model(save_artifact(made, output or Path(f"{asked.request.name}{made.path.suffix}")), json)


def quantize(
    model: Annotated[Path, typer.Argument(help="fp32 model (.onnx).")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Output file. Default: MODEL.int8.onnx.")
    ] = None,
    calibration: Calibration = None,
    held_out: HeldOut = None,
    dynamic: Dynamic = False,
    recipe: RecipeFile = None,
    activations: Annotated[str | None, typer.Option(help="uint8 or int8. Default: uint8.")] = None,
    weights: Annotated[str | None, typer.Option(help="int8 or uint8. Default: int8.")] = None,
    per_tensor: Annotated[bool, typer.Option("--per-tensor", help="One scale for each weight.")] = False,
    ranges: Annotated[
        str | None, typer.Option(help="Calibrate by min-max, entropy, percentile or mse. Default: min-max.")
    ] = None,
    images: Annotated[int | None, typer.Option(min=1, help="Calibration images. Default: 128.")] = None,
    symmetric: Annotated[bool, typer.Option("--symmetric", help="Symmetric ranges of activations.")] = False,
    form: Annotated[str | None, typer.Option("--format", help="qdq or qoperator. Default: qdq.")] = None,
    keep_float: Annotated[list[str], typer.Option(help="Node not to quantize; repeatable.")] = [],
    kept_in: Annotated[str | None, typer.Option(help="fp32 or fp16, for those nodes. Default: fp32.")] = None,
    runtime: RuntimeKindName = "onnxruntime",
    force: Force = False,
    json: Json = False,
) -> None:
    """Quantize an fp32 ONNX model to int8.

    The options replace what --recipe says. They are ONNX Runtime's: tflite and ncnn have one way to quantize.

    Example: edgetool quantize resnet18.onnx --calibration photos/ --ranges entropy --keep-float /fc/Gemm
    """
    from edgetool import api
    from edgetool.models.artifacts import read_artifact, save_artifact

    fp32 = read_artifact(model)
    how = chosen_recipe(
        recipe,
        activations=activations,
        weights=weights,
        per_channel=False if per_tensor else None,
        ranges=ranges,
        images=images,
        symmetric=symmetric or None,
        form=form,
        keep_float=keep_float or None,
        kept_in=kept_in,
    )
    made = api.quantize(
        fp32,
        calibration=calibration,
        held_out=held_out,
        dynamic=dynamic,
        recipe=how,
        runtime=runtime,
        force=force,
        quiet=json,
    )
    saved = save_artifact(made, output or model.with_suffix(f".{made.spec.precision}{made.path.suffix}"))
    _print_model(saved, json, before=fp32.spec.size_bytes)


def package(
    models: Annotated[list[Path], typer.Argument(help="Models (.onnx, .tflite or .param) with the same inputs.")],
    target: Target = "qemu-riscv64",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Output folder. Default: MODEL-TARGET.")] = None,
    inputs: Annotated[Path | None, typer.Option(help="Images to time and evaluate: folder or .npz.")] = None,
    images: Images = None,
    archive: Annotated[bool, typer.Option("--archive", help="Also write a .tar.zst.")] = False,
    sign: Annotated[
        str | None,
        typer.Option(metavar="KEY|sigstore", help="Sign with this SSH key, an agent's by its .pub, or by sigstore."),
    ] = None,
    runtime: BundledRuntime = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Package models, runtime, harness and inputs as a bundle that runs on the target.

    Example: edgetool package resnet18.onnx resnet18.int8.onnx --target visionfive2 --archive
    """
    from edgetool import api
    from edgetool.archives import pack_bundle
    from edgetool.models.artifacts import read_artifact
    from edgetool.signatures import sign_bundle
    from edgetool.targets.registry import load_target

    artifacts = [read_artifact(path) for path in models]
    folder = output or Path(f"{artifacts[0].spec.name}-{load_target(target).name}")
    bundle = api.package(
        artifacts, target, folder, inputs=inputs, images=images, runtime=runtime, force=force, quiet=json
    )
    if sign is not None:
        sign_bundle(bundle.root, None if sign == "sigstore" else Path(sign))
    packed = pack_bundle(bundle, folder.with_name(f"{folder.name}.tar.zst")) if archive else None
    if json:
        from edgetool.commands.answers import PackageAnswer

        archived = str(packed) if packed else None
        print_json(PackageAnswer(bundle=str(folder), archive=archived, id=bundle.manifest.id))
    else:
        print(f"bundle: {folder}" + (f"\narchive: {packed}" if packed else ""))


def _print_model(saved: ModelArtifact, json: bool, *, before: int | None = None) -> None:
    from edgetool.platform.format import size_text

    if json:
        from edgetool.commands.answers import ModelAnswer

        print_json(ModelAnswer(path=str(saved.path), model=saved.spec, size_before_bytes=before))
        return
    noise = "" if saved.spec.signal_to_noise_db is None else f", {saved.spec.signal_to_noise_db:.1f} dB against fp32"
    meaning = "" if saved.spec.accuracy_means_something else "; random weights: outputs are meaningless"
    size = size_text(saved.spec.size_bytes)
    if before is not None:
        size = f"{size_text(before)} → {size} ({saved.spec.size_bytes / before - 1:+.1%})"
    print(f"{saved.path}: {saved.spec.precision}, opset {saved.spec.opset}, {size}{noise}{meaning}")
