"""Ranges of activations that quantize with the least squared error, which ONNX Runtime doesn't offer itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

LEVELS = 255  # steps between the ends of an 8-bit range
BINS = 2048
SHARES = np.linspace(0.2, 1.0, 81)  # of the observed range; candidates for the range to quantize

Array = npt.NDArray[np.float64]


def write_least_squares_ranges(model: Path, collect: Callable[[Any], None], path: Path) -> None:
    """Write a calibration cache that `quantize_static` reads, as if by min-max, for a prepared fp32 model.

    `collect` feeds the samples to a calibrator. Histograms of all activations are taken by ONNX Runtime.
    """
    from onnxruntime.quantization.calibrate import (
        CalibrationMethod,
        TensorsData,
        create_calibrator,
        save_tensors_data,
    )
    from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

    calibrator = create_calibrator(
        model,
        sorted({*QLinearOpsRegistry, *QDQRegistry}),
        augmented_model_path=path.with_suffix(".onnx").as_posix(),
        calibrate_method=CalibrationMethod.Percentile,
        extra_options={"symmetric": False, "num_bins": BINS},
    )
    collect(calibrator)
    ranges = {}
    for name, (counts, edges, low, high, _) in calibrator.collector.get_histogram_dict().items():
        found = least_squares_range(np.asarray(counts), np.asarray(edges), float(low), float(high))
        ranges[name] = tuple(np.array(end, dtype=np.float32) for end in found)
    save_tensors_data(TensorsData(CalibrationMethod.MinMax, ranges), path)


def least_squares_range(counts: Array, edges: Array, low: float, high: float) -> tuple[float, float]:
    """Return the range, with 0 in it, whose 8-bit quantization of a histogram has the least squared error.

    Both ends shrink alike from the observed ones: what lies outside is clipped, what lies inside gets finer steps
    (Nagel et al. 2021, A White Paper on Neural Network Quantization, section 3.1).

    >>> edges = np.linspace(-100, 100, 2001)
    >>> counts = np.where(np.abs(edges[:-1]) < 1, 1e6, 0) + np.where(edges[:-1] == 99, 1, 0)
    >>> least_squares_range(counts, edges, -1.0, 100.0)[1] < 100
    True
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        return low, high
    values, weights = (edges[:-1] + edges[1:]) / 2, counts.astype(np.float64)
    inside = weights > 0
    values, weights = np.clip(values[inside], low, high), weights[inside]

    def error(share: float) -> float:
        step = (high - low) * share / LEVELS
        rounded = np.clip(np.round((values - low * share) / step), 0, LEVELS) * step + low * share
        return float((weights * np.square(values - rounded)).sum())

    best = min(reversed(SHARES.tolist()), key=error)  # the widest of equals
    return low * best, high * best
