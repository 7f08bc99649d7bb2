"""Run models with this machine's ONNX Runtime and compare their outputs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgetool.errors import ModelError
from edgetool.models.images import Float32Array

if TYPE_CHECKING:
    import onnxruntime

    from edgetool.models.samples import Samples


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Open a session on the CPU. Raises ModelError with the runtime's own message.

    Request exact int8 kernels, as the harness does: the others overflow on x86-64 processors without VNNI. ONNX
    Runtime has none for signed activations, and cannot load such a model there when asked.
    """
    try:
        return _create_session(path, exact=True)
    except ModelError:
        return _create_session(path, exact=False)


def _create_session(path: Path, *, exact: bool) -> onnxruntime.InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what fails is raised, and may be tried in another way
    options.add_session_config_entry("session.x64quantprecision", str(int(exact)))
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exception classes derive from Exception and nothing nearer
        raise ModelError(f"ONNX Runtime cannot load {path.name}: {str(error).strip().splitlines()[0]}") from error


def run_session(session: onnxruntime.InferenceSession, inputs: Float32Array) -> list[npt.NDArray[np.generic]]:
    """Return all outputs for inputs of shape (n, …), run in the model's batch size and joined along the first axis.

    Raises ModelError when the model doesn't take one float32 tensor of that shape.
    """
    wanted = session.get_inputs()
    if len(wanted) != 1 or wanted[0].type != "tensor(float)" or list(wanted[0].shape[1:]) != list(inputs.shape[1:]):
        described = ", ".join(f"{entry.name}: {entry.type} {entry.shape}" for entry in wanted)
        raise ModelError(f"the model's input is {described}; the images are float32 (n, {inputs.shape[1:]})")
    batch = int(wanted[0].shape[0])
    whole = len(inputs) // batch * batch
    runs = [session.run(None, {wanted[0].name: inputs[i : i + batch]}) for i in range(0, whole, batch)]
    return [np.concatenate(column) for column in zip(*runs, strict=True)]


def run_samples(session: onnxruntime.InferenceSession, samples: Samples) -> list[npt.NDArray[np.generic]]:
    """Return all outputs, joined along the first axis. A scalar output becomes an array of shape (samples,)."""
    runs = [session.run(None, feeds) for feeds in samples.feeds()]
    return [np.concatenate([np.atleast_1d(array) for array in column]) for column in zip(*runs, strict=True)]


def signal_to_noise_db(reference: npt.NDArray[np.generic], outputs: npt.NDArray[np.generic]) -> float:
    """10 log10(Σ reference² ÷ Σ (reference − outputs)²), at most 200 dB.

    >>> round(signal_to_noise_db(np.array([1.0, 1.0]), np.array([1.1, 0.9])), 6)
    20.0
    """
    signal = float(np.square(reference.astype(np.float64)).sum())
    return noise_ratio_db(signal, float(np.square(reference.astype(np.float64) - outputs.astype(np.float64)).sum()))


def noise_ratio_db(signal: float, noise: float) -> float:
    """10 log10(signal ÷ noise) of two sums of squares, between −200 and 200 dB."""
    if noise == 0 or signal == 0:
        return 200.0 if noise == 0 else -200.0
    return min(200.0, 10 * float(np.log10(signal / noise)))
