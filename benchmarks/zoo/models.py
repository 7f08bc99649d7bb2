"""Which models are in the zoo, how each is asked for, and what it is for."""

from __future__ import annotations

from edgetool.api import Model
from edgetool.models.spec import Task

LARGE = ("resnet18", "densenet121", "convnext_tiny", "swin_t")  # billions of multiplications at 224 × 224
SIDE_OF_LARGE = 96  # so that an emulator takes minutes for one, as for the others
NETWORKS, NOISE = "benchmarks.zoo.networks", "benchmarks.zoo.noise"


def _torchvision(name: str) -> Model:
    shape = (1, 3, SIDE_OF_LARGE, SIDE_OF_LARGE) if name in LARGE else None
    return Model(source=name, weights="random", task=Task.CLASSIFICATION, input_shape=shape)


def _network(name: str, task: Task) -> Model:
    return Model(source=f"{NETWORKS}:{name}", task=task, calibration=f"{NOISE}:{name}")


CLASSIFIERS = (
    "mobilenet_v2",
    "mobilenet_v3_small",
    "resnet18",
    "efficientnet_b0",
    "shufflenet_v2_x1_0",
    "regnet_y_400mf",
    "squeezenet1_1",
    "mnasnet1_0",
    "densenet121",
    "convnext_tiny",
    "swin_t",
)
OWN = {
    "small_vit": Task.CLASSIFICATION,
    "ssdlite": Task.DETECTION,
    "lraspp": Task.SEGMENTATION,
    "deeplabv3": Task.SEGMENTATION,
    "keyword_cnn_1d": Task.CLASSIFICATION,
    "autoencoder": Task.NONE,
    "lstm": Task.CLASSIFICATION,
    "gru": Task.CLASSIFICATION,
    "transformer_encoder": Task.CLASSIFICATION,
    "yolo_like": Task.DETECTION,
    "tiny_resnet8": Task.CLASSIFICATION,
    "tiny_dscnn": Task.CLASSIFICATION,
    "tiny_mobilenet_v1": Task.CLASSIFICATION,
    "tiny_autoencoder": Task.NONE,
}
ZOO: tuple[Model, ...] = (
    *(_torchvision(name) for name in CLASSIFIERS),
    *(_network(name, task) for name, task in OWN.items()),
)
