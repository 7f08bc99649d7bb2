"""Options that a source would ignore are refused, with what to do."""

from __future__ import annotations

import pytest

from edgetool.errors import ConfigError
from edgetool.models.requests import check_request
from edgetool.models.spec import ModelRequest, SourceKind


@pytest.mark.parametrize(
    ("source", "kind", "name"),
    [
        ("mobilenet_v2", SourceKind.TORCHVISION, "mobilenet_v2"),
        ("a/b.onnx", SourceKind.ONNX, "b"),
        ("a/b.pt2", SourceKind.PROGRAM, "b"),
        ("a/B.ONNX", SourceKind.ONNX, "B"),
        ("my.nets:make", SourceKind.FACTORY, "make"),
        ("timm:mobilenetv3_small_100", SourceKind.TIMM, "mobilenetv3_small_100"),
        ("hf:google/vit-base", SourceKind.HUGGING_FACE, "vit-base"),
        ("hf:./local/net", SourceKind.HUGGING_FACE, "net"),
    ],
)
def test_a_source_tells_what_it_is(source: str, kind: SourceKind, name: str) -> None:
    request = ModelRequest(source=source)
    assert (request.kind, request.name) == (kind, name)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (ModelRequest(source="m.onnx", checkpoint="w.pt"), r"--checkpoint w\.pt would be ignored: m\.onnx"),
        (ModelRequest(source="m.onnx", weights="imagenet"), "--weights imagenet would be ignored"),
        (ModelRequest(source="m.pt2", checkpoint="w.pt"), "--checkpoint"),
        (ModelRequest(source="m.pt2", input_shape=(1, 3, 8, 8)), "--shape would be ignored"),
        (ModelRequest(source="resnet18", weights="imagenet", checkpoint="w.pt"), "exclude each other"),
        (ModelRequest(source="a:b", weights="imagenet"), "torchvision"),
        (ModelRequest(source="script.pt"), "TorchScript"),
        (ModelRequest(source="net.pth"), "checkpoint or a TorchScript"),
        (ModelRequest(source="net.tflite"), "not a model that can be read"),
        (ModelRequest(source="net.safetensors"), "not a model that can be read"),
        (ModelRequest(source="nets/mine"), "is a path"),
    ],
)
def test_what_would_be_ignored_is_refused(request_: ModelRequest, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        check_request(request_)
    assert caught.value.hint
