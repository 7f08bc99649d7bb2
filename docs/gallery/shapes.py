"""A segmenter of discs and squares on noise, which is trained in seconds, and its samples."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

SIZE, CLASSES = 32, 3  # background, disc, square
STEPS, BATCH = 250, 8


def segmenter() -> torch.nn.Module:
    """Return the trained network, the same each time."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # tensors are too small to share
    net = torch.nn.Sequential(
        *_block(3, 16, stride=2),
        *_block(16, 32, stride=2),
        *_block(32, 32, stride=1),
        torch.nn.Upsample(scale_factor=2, mode="nearest"),
        *_block(32, 16, stride=1),
        torch.nn.Upsample(scale_factor=2, mode="nearest"),
        torch.nn.Conv2d(16, CLASSES, 3, padding=1),
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    random = np.random.default_rng(0)
    for _ in range(STEPS):
        images, masks = zip(*(_scene(random) for _ in range(BATCH)), strict=True)
        guess = net(torch.from_numpy(np.stack(images)))
        loss = torch.nn.functional.cross_entropy(guess, torch.from_numpy(np.stack(masks)).long())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # PyTorch declares no types for it
        optimizer.step()
    return net.eval()


def samples() -> Iterator[dict[str, NDArray[np.generic]]]:
    """Yield scenes that the network was not trained on; every fifth is held out."""
    random = np.random.default_rng(1)
    for _ in range(60):
        image, mask = _scene(random)
        yield {"input": image[None], "truth_masks": mask}


def _block(inputs: int, outputs: int, *, stride: int) -> tuple[torch.nn.Module, ...]:
    conv = torch.nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
    return conv, torch.nn.BatchNorm2d(outputs), torch.nn.ReLU()


def _scene(random: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return noise with a disc and a square in colours of their own, and the class of each pixel."""
    y, x = np.mgrid[:SIZE, :SIZE]
    image = random.standard_normal((3, SIZE, SIZE), dtype=np.float32)
    mask = np.zeros((SIZE, SIZE), dtype=np.uint8)
    for number in random.permutation((1, 2)):
        at_y, at_x = random.integers(8, SIZE - 8, 2)
        radius = random.integers(5, 9)
        far = np.hypot(y - at_y, x - at_x) if number == 1 else np.maximum(abs(y - at_y), abs(x - at_x))
        inside = far <= radius
        image[:, inside] += random.uniform(0.5, 2, (3, 1)).astype(np.float32)
        mask[inside] = number
    return image, mask
