"""The zoo's models that no library gives by name: each a function that makes one with an example of its inputs.

Weights are random, and batch-norm statistics taken from the example's kind of noise: without them outputs vanish.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

import torch
import torchvision
from torch import nn

from edgetool.models.zoo import SEED, settle_batch_norm

Tensor = torch.Tensor
Made = tuple[nn.Module, Tensor]
CALIBRATION = 16  # samples of noise that ranges and statistics are taken from


def _made(model: nn.Module, *shape: int) -> Made:
    """The model with settled statistics, and an example of one input of `shape`."""
    settle_batch_norm(model, [torch.randn(8, *shape) for _ in range(2)])
    return model.eval(), torch.randn(1, *shape)


def noise(*shapes: Sequence[int], names: Sequence[str] = ("input",)) -> Iterator[dict[str, object]]:
    """Samples of standard normal numbers for inputs of these shapes."""
    generator = torch.Generator().manual_seed(SEED)
    for _ in range(CALIBRATION):
        yield {
            name: torch.randn(tuple(shape), generator=generator).numpy()
            for name, shape in zip(names, shapes, strict=True)
        }


def _convolution(inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def _separable(inputs: int, outputs: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        _convolution(inputs, inputs, 3, stride=stride, groups=inputs), _convolution(inputs, outputs, 1)
    )


class _Dense(nn.Module):
    """A torchvision detector or segmenter without its post-processing: what its heads say of each place."""

    def __init__(self, parts: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleDict(parts)


class _Detector(_Dense):
    def forward(self, images: Tensor) -> dict[str, Tensor]:
        features = list(self.parts["backbone"](images).values())
        found: dict[str, Tensor] = self.parts["head"](features)
        return {"boxes": found["bbox_regression"], "scores": found["cls_logits"].softmax(-1)}


def ssdlite() -> Made:
    """SSDlite on MobileNetV3: deltas to the anchors' boxes, and scores; anchors and suppression are the host's."""
    whole = torchvision.models.detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None)
    return _made(_Detector({"backbone": whole.backbone, "head": whole.head}), 3, 320, 320)


def lraspp() -> Made:
    whole = torchvision.models.segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None)
    return _made(_FirstOutput(whole), 3, 224, 224)


def deeplabv3() -> Made:
    whole = torchvision.models.segmentation.deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None)
    return _made(_FirstOutput(whole), 3, 224, 224)


class _FirstOutput(nn.Module):
    def __init__(self, whole: nn.Module) -> None:
        super().__init__()
        self.whole = whole

    def forward(self, images: Tensor) -> Tensor:
        masks: Tensor = self.whole(images)["out"]
        return masks


class _Yolo(nn.Module):
    """A backbone of strided convolutions and two heads: x, y, w, h and the scores of 20 classes at each place."""

    def __init__(self, classes: int = 20) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            _convolution(3, 16, 3, stride=2), _convolution(16, 32, 3, stride=2), _convolution(32, 64, 3, stride=2)
        )
        self.deep = _convolution(64, 128, 3, stride=2)
        self.up = nn.Upsample(scale_factor=2)
        self.merge = _convolution(192, 64, 1)
        self.fine, self.coarse = nn.Conv2d(64, 4 + classes, 1), nn.Conv2d(128, 4 + classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        shallow = self.stem(images)
        deep = self.deep(shallow)
        merged = self.merge(torch.cat([shallow, self.up(deep)], 1))
        found = torch.cat([self.fine(merged).flatten(2), self.coarse(deep).flatten(2)], 2)
        return torch.cat([found[:, :4], found[:, 4:].sigmoid()], 1)


def yolo_like() -> Made:
    return _made(_Yolo(), 3, 160, 160)


def keyword_cnn_1d() -> Made:
    """M5, of raw sound: Dai et al. 2017."""

    def block(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
        return [nn.Conv1d(inputs, outputs, kernel, stride), nn.BatchNorm1d(outputs), nn.ReLU(), nn.MaxPool1d(4)]

    layers = [*block(1, 32, 80, 16), *block(32, 32, 3, 1), *block(32, 64, 3, 1), *block(64, 64, 3, 1)]
    return _made(nn.Sequential(*layers, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(64, 35)), 1, 8000)


def autoencoder() -> Made:
    """Of pictures, by strided and transposed convolutions."""
    return _made(
        nn.Sequential(
            _convolution(3, 16, 3, stride=2),
            _convolution(16, 32, 3, stride=2),
            nn.ConvTranspose2d(32, 16, 2, 2),
            nn.ReLU(),
            nn.ConvTranspose2d(16, 3, 2, 2),
            nn.Sigmoid(),
        ),
        *(3, 64, 64),
    )


class _Recurrent(nn.Module):
    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell
        self.last = nn.Linear(64, 12)

    def forward(self, frames: Tensor) -> Tensor:
        states, _ = self.cell(frames)
        found: Tensor = self.last(states[:, -1])
        return found


def lstm() -> Made:
    return _made(_Recurrent(nn.LSTM(40, 64, num_layers=2, batch_first=True)), 50, 40)


def gru() -> Made:
    return _made(_Recurrent(nn.GRU(40, 64, num_layers=2, batch_first=True)), 50, 40)


class _Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.last = nn.Linear(64, 8)

    def forward(self, tokens: Tensor) -> Tensor:
        found: Tensor = self.last(self.encoder(tokens).mean(1))
        return found


def transformer_encoder() -> Made:
    return _made(_Encoder(), 32, 64)


def small_vit() -> Made:
    """torchvision's vision transformer with 4 blocks of 96 numbers, for pictures of 64 × 64."""
    whole = torchvision.models.VisionTransformer(64, 8, 4, 4, 96, 192, num_classes=10)
    nn.init.normal_(whole.heads[0].weight, std=0.02)  # zeros else: every output would be
    return _made(whole, 3, 64, 64)


def tiny_resnet8() -> Made:
    """MLPerf Tiny's image classification by shape."""

    class Residual(nn.Module):
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            second = [nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)]
            self.body = nn.Sequential(_convolution(inputs, outputs, 3, stride=stride), *second)
            self.short = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride)

        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(self.body(x) + self.short(x))

    blocks = [Residual(16, 16, 1), Residual(16, 32, 2), Residual(32, 64, 2)]
    layers = [_convolution(3, 16, 3), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    return _made(nn.Sequential(*layers), 3, 32, 32)


def tiny_dscnn() -> Made:
    """MLPerf Tiny's keyword spotting by shape."""
    first = nn.Sequential(nn.Conv2d(1, 64, (10, 4), 2, (4, 1), bias=False), nn.BatchNorm2d(64), nn.ReLU())
    layers = [first, *(_separable(64, 64) for _ in range(4)), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 12)]
    return _made(nn.Sequential(*layers), 1, 49, 10)


def tiny_mobilenet_v1() -> Made:
    """MLPerf Tiny's visual wake words by shape: MobileNetV1 with a quarter of the channels."""
    plan = [(8, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 128, 2), *[(128, 128, 1)] * 5]
    blocks = [_separable(i, o, stride=s) for i, o, s in [*plan, (128, 256, 2), (256, 256, 1)]]
    layers = [_convolution(3, 8, 3, stride=2), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 2)]
    return _made(nn.Sequential(*layers), 3, 96, 96)


def tiny_autoencoder() -> Made:
    """MLPerf Tiny's anomaly detection by shape."""
    widths = [640, 128, 128, 128, 128, 8, 128, 128, 128, 128]
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU()]
    return _made(nn.Sequential(*layers, nn.Linear(128, 640)), 640)


def samples_of(make: Callable[[], Made]) -> Iterator[dict[str, object]]:
    return noise(make()[1].shape)
