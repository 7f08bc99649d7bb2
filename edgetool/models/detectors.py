"""torchvision's single-shot detectors as modules whose outputs have fixed shapes: boxes and scores of all places."""

from __future__ import annotations

from typing import Any

import torch

LARGEST = 4.135166556742356  # log(1000 ÷ 16): torchvision's own limit of a size's exponent
WEIGHTS = (10.0, 10.0, 5.0, 5.0)  # by which torchvision's SSDs scale x, y, width and height


class WithBoxes(torch.nn.Module):
    """Backbone, head, and the decoding of boxes; what is left for the host is the suppression of overlapping ones.

    From (n, 3, side, side) to `boxes` (n, places, 4), corners in pixels of the input, and `scores`
    (n, places, classes), of which the first class is the background. Source of the decoding: Liu et al., "SSD" (2016),
    as torchvision's BoxCoder has it.
    """

    anchors: torch.Tensor

    def __init__(self, detector: Any) -> None:
        super().__init__()
        self.backbone, self.head = detector.backbone, detector.head
        width, height = detector.transform.fixed_size
        self.register_buffer("anchors", _anchors(detector, width, height), persistent=False)
        self.register_buffer("scale", torch.tensor(WEIGHTS), persistent=False)
        self.limits = (width, height)

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        found = self.head(list(self.backbone(images).values()))
        moves = found["bbox_regression"] / self.scale
        size = self.anchors[:, 2:] - self.anchors[:, :2]
        centre = self.anchors[:, :2] + size / 2 + moves[..., :2] * size
        half = torch.exp(moves[..., 2:].clamp(max=LARGEST)) * size / 2
        boxes = torch.cat([centre - half, centre + half], dim=-1)
        return {"boxes": boxes.clamp(0, max(self.limits)), "scores": found["cls_logits"].softmax(-1)}


def _anchors(detector: Any, width: int, height: int) -> torch.Tensor:
    """Return the places' default boxes, (places, 4) as corners, in pixels."""
    from torchvision.models.detection.image_list import ImageList

    images = torch.zeros(1, 3, height, width)
    was_training = detector.training
    detector.eval()  # batch norm takes no statistics of zeros
    with torch.no_grad():
        features = list(detector.backbone(images).values())
        (anchors,) = detector.anchor_generator(ImageList(images, [(height, width)]), features)
    detector.train(was_training)
    found: torch.Tensor = anchors
    return found


def with_boxes(detector: torch.nn.Module) -> torch.nn.Module:
    return WithBoxes(detector)
