"""Numeric self-tests of runtimes: a small model with known outputs, run before anything is timed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from edgetool.errors import SelfTestFailed

Array = npt.NDArray[Any]

# input channels, output channels, side, kernel, stride, groups: pointwise, first layer, depthwise, grouped
CONVOLUTIONS = (
    (8, 24, 7, 1, 1, 1),
    (3, 16, 9, 3, 2, 1),
    (12, 12, 7, 3, 1, 12),
    (12, 12, 8, 3, 2, 12),
    (8, 8, 6, 3, 1, 2),
)


@dataclass
class SelfTest:
    """Inputs and expected outputs. Each kind of runtime provides the model."""

    inputs: dict[str, Array] = field(default_factory=dict)
    expected: dict[str, Array] = field(default_factory=dict)
    tolerances: dict[str, Array] = field(default_factory=dict)
    model_name: ClassVar[str]  # file name
    remedy: ClassVar[str]

    def write_model(self, path: Path) -> None:
        """Write the model in the runtime's own format."""
        raise NotImplementedError

    def write(self, folder: Path) -> dict[str, str]:
        """Write the model and a raw file for each input. Return input name → file name."""
        folder.mkdir(parents=True, exist_ok=True)
        self.write_model(folder / self.model_name)
        files = {}
        for i, (name, array) in enumerate(self.inputs.items()):
            files[name] = f"{i}.bin"
            array.tofile(folder / files[name])
        return files

    def input(self, name: str, array: Array) -> str:
        self.inputs[name] = array
        return name

    def expect(self, case: str, output: Array, tolerance: Array) -> None:
        self.expected[case] = output
        self.tolerances[case] = tolerance

    def check(self, outputs: Mapping[str, Array], *, runtime: str) -> None:
        """Compare the outputs with the expected ones. Raises SelfTestFailed, naming the first wrong cases."""
        wrong = [text for case in self.expected if (text := self._judge(case, outputs.get(case)))]
        if wrong:
            raise SelfTestFailed(
                "\n  ".join(
                    [f"{runtime} computes wrong numbers: {len(wrong)} of {len(self.expected)} cases", *wrong[:8]]
                ),
                hint=self.remedy,
            )

    def _judge(self, case: str, found: Array | None) -> str | None:
        wanted = self.expected[case]
        if found is None or found.shape[1:] != wanted.shape[1:] or found.size != wanted.size:
            return f"{case}: no output of shape {wanted.shape}"
        distance = np.abs(found.reshape(wanted.shape).astype(np.float64) - wanted.astype(np.float64))
        bad = ~(distance <= self.tolerances[case])
        if not bad.any():
            return None
        at = int(np.argmax(np.where(bad, np.nan_to_num(distance, nan=np.inf), -1)))
        return f"{case}: {int(bad.sum())} of {bad.size} values, one is {found.flat[at]} and should be {wanted.flat[at]}"


def convolve(x: Array, w: Array, kernel: int, stride: int, groups: int) -> Array:
    """Convolve (1, c, s, s) with (o, c/groups, k, k) in float64, padded so that stride 1 keeps the side."""
    pad = kernel // 2
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), axis=(2, 3))[:, :, ::stride, ::stride]
    parts = zip(np.split(windows, groups, axis=1), np.split(w.astype(np.float64), groups, axis=0), strict=True)
    return np.concatenate([np.einsum("ncyxij,ocij->noyx", part, kernels) for part, kernels in parts], axis=1)
