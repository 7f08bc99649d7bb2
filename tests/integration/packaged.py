"""What the tests of the real runtime's packages share: a Debian to run them on, and what they are compared with.

$EDGETOOL_TEST_TRIPLE is what the packages are for, riscv64 by default.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from edgetool.distribution.deb import ARCHITECTURES
from edgetool.platform.debian.pins import Packages
from edgetool.platform.process import Completed
from edgetool.runtimes.toolchains import load_toolchain

Array = npt.NDArray[np.float32]
Emulated = Callable[..., Completed]

TOOLCHAIN = load_toolchain(os.environ.get("EDGETOOL_TEST_TRIPLE") or "riscv64-linux-gnu")
PROCESSOR = TOOLCHAIN.triple.partition("-")[0]
PYTHON = "3.13"
DEBIAN = Packages(
    suite="trixie",
    architecture=ARCHITECTURES[PROCESSOR],
    packages=(
        f"python{PYTHON}-minimal",
        f"python{PYTHON}-venv",
        f"libpython{PYTHON}-stdlib",
        "python3-pip",
        "libstdc++6",
        # what the wheel requires
        "python3-coloredlogs",
        "python3-flatbuffers",
        "python3-numpy",
        "python3-packaging",
        "python3-protobuf",
        "python3-sympy",
        # what the makers' tests do
        "python3-onnx",
        "python3-parameterized",
    ),
)
# The emulator's processors, the newest first, and one that lacks what the kernels would rather use.
CPUS = {
    "riscv64": {"vectors": "rv64,v=true,vlen=256,elen=64,vext_spec=v1.0", "scalar": "rv64,v=false"},
    "aarch64": {"newest": "max", "oldest": "cortex-a53"},
}[PROCESSOR]
FP32_TOLERANCE = 1e-4  # of the largest output: another order of summation, fused multiply-adds
RUN = """\
import json, sys
import numpy as np
import onnxruntime
model, inputs, outputs = sys.argv[1:]
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
np.save(outputs, session.run(None, {name: np.load(inputs)})[0])
print(json.dumps([onnxruntime.__version__, onnxruntime.get_available_providers()]))
"""


def check_wheel(said: bytes, outputs: Path, model: Path, inputs: Array, *, precision: str, where: str) -> None:
    """Check what RUN printed and computed: by edgetool's runtime, and the host's numbers, bit for bit in int8."""
    version, providers = json.loads(said)
    assert "+edgetool." in version
    assert providers == ["CPUExecutionProvider"]
    here, there = on_host(model, inputs), np.load(outputs)
    difference = float(np.abs(here - there).max() / np.abs(here).max())
    print(f"{precision}, {where}: largest difference {difference:.2g} of the largest output")
    assert difference <= (FP32_TOLERANCE if precision == "fp32" else 0)


def on_host(model: Path, values: Array) -> Array:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    found: Array = session.run(None, {session.get_inputs()[0].name: values})[0]
    return found
