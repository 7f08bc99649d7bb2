"""Train the default model: torchvision's MobileNetV2 1.0 at 224×224 on scikit-learn's bundled handwritten digits.

Writes `mobilenet_v2_digits.safetensors` (fp16) and `digits.npz` beside this file. Seeded; about ten minutes on two
cores, no network. Run with `python examples/digits/train.py` in an environment that has edgetool[export] and
scikit-learn.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from PIL import Image
from safetensors.torch import save_file
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from edgetool.models.preprocessing import PictureInput

SEED = 20
HELD_OUT = 360
CALIBRATION = 128
# Small pictures teach the features for a fourteenth of the cost; the last epochs adapt them to the size in use.
SCHEDULE = ((64, 30, 3e-3), (224, 3, 4e-4))  # side in pixels, epochs, peak learning rate
HERE = Path(__file__).parent


def to_inputs(images: np.ndarray, side: int) -> torch.Tensor:
    """(n, 8, 8) uint8 pictures as the model's inputs, (n, 3, side, side) float32."""
    to_input = PictureInput(shape=(3, side, side))
    return torch.from_numpy(np.stack([to_input(Image.fromarray(image)) for image in images]))


def jitter(inputs: torch.Tensor) -> torch.Tensor:
    """A random small rotation, shift and scale of each picture."""
    n = len(inputs)
    angle = (torch.rand(n) - 0.5) * math.radians(24)
    scale = 1 + (torch.rand(n) - 0.5) * 0.2
    matrix = torch.zeros(n, 2, 3)
    matrix[:, 0, 0] = matrix[:, 1, 1] = scale * torch.cos(angle)
    matrix[:, 0, 1] = -scale * torch.sin(angle)
    matrix[:, 1, 0] = scale * torch.sin(angle)
    matrix[:, :, 2] = (torch.rand(n, 2) - 0.5) * 0.2
    grid = F.affine_grid(matrix, list(inputs.shape), align_corners=False)
    return F.grid_sample(inputs, grid, padding_mode="border", align_corners=False)


@torch.inference_mode()
def accuracy(model: torch.nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of `inputs` whose largest logit is at their label."""
    model.eval()
    predicted = torch.cat([model(batch).argmax(dim=1) for batch in torch.split(inputs, 32)])
    return (predicted == labels).double().mean().item()


def train(model: torch.nn.Module, images: np.ndarray, labels: torch.Tensor) -> None:
    """Train in place, along SCHEDULE."""
    for side, epochs, peak in SCHEDULE:
        inputs = to_inputs(images, side)
        batch = 32
        optimizer = torch.optim.AdamW(model.parameters(), lr=peak, weight_decay=1e-2)
        steps = epochs * (len(inputs) // batch)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=peak, total_steps=steps, pct_start=0.2)
        for epoch in range(epochs):
            model.train()
            total = 0.0
            for chosen in torch.split(torch.randperm(len(inputs))[: len(inputs) // batch * batch], batch):
                loss = F.cross_entropy(model(jitter(inputs[chosen])), labels[chosen], label_smoothing=0.05)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                total += loss.item() * batch
            print(f"{side} px  epoch {epoch + 1}/{epochs}  loss {total / len(inputs):.3f}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=HERE, help="folder to write to")
    output: Path = parser.parse_args().output
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)

    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)
    labels = digits.target.astype(np.int64)
    train_images, held_images, train_labels, held_labels = train_test_split(
        images, labels, test_size=HELD_OUT, random_state=SEED, stratify=labels
    )
    np.savez_compressed(
        output / "digits.npz",
        calibration_images=train_images[:CALIBRATION],
        calibration_labels=train_labels[:CALIBRATION],
        heldout_images=held_images,
        heldout_labels=held_labels,
    )

    model = torchvision.models.mobilenet_v2(weights=None, num_classes=10)
    train(model, train_images, torch.from_numpy(train_labels))
    weights = {name: t.half() if t.is_floating_point() else t for name, t in model.state_dict().items()}
    model.load_state_dict({name: t.float() if t.is_floating_point() else t for name, t in weights.items()})
    score = accuracy(model, to_inputs(held_images, 224), torch.from_numpy(held_labels))
    print(f"accuracy on {HELD_OUT} held-out digits with the fp16 weights: {score:.2%}")
    save_file(
        weights, output / "mobilenet_v2_digits.safetensors", metadata={"seed": str(SEED), "accuracy": f"{score:.4f}"}
    )
    return 0 if score >= 0.97 else 1


if __name__ == "__main__":
    sys.exit(main())
