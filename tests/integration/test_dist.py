"""The packages of the real runtime where they will live: Debian's Python and a C++ program, emulated: `make test-dist`.

$PYTHONS are the Pythons whose wheels are built; the first one Debian has for riscv64, 3.13, is run.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest

import edgetool
from edgetool.executors.emulators import find_emulator
from edgetool.models.spec import ModelArtifact
from edgetool.platform.debian.packages import unpack_packages
from edgetool.platform.debian.pins import Packages
from edgetool.platform.files import sha256_file
from edgetool.platform.process import Completed, run_process, run_tool
from edgetool.platform.progress import unheard
from edgetool.platform.store import cache_root
from edgetool.platform.tar import tarfile
from edgetool.runtimes.toolchains import load_toolchain

Array = npt.NDArray[np.float32]
Emulated = Callable[..., Completed]

TOOLCHAIN = load_toolchain("riscv64-linux-gnu")
PYTHON = "3.13"
BOARD = Packages(
    suite="trixie",
    architecture="riscv64",
    packages=(f"python{PYTHON}-minimal", f"libpython{PYTHON}-stdlib", "python3-numpy", "python3-pip", "libstdc++6"),
)
CPUS = {"vectors": "rv64,v=true,vlen=256,elen=64,vext_spec=v1.0", "scalar": "rv64,v=false"}
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
# After the C++ example of ONNX Runtime's documentation.
EXAMPLE = """\
#include <onnxruntime_cxx_api.h>
#include <cstdio>
#include <vector>

int main(int argc, char* argv[]) {
  Ort::Env env(ORT_LOGGING_LEVEL_WARNING, "example");
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(1);
  Ort::Session session(env, argv[argc - 1], options);
  Ort::AllocatorWithDefaultOptions allocator;
  auto input = session.GetInputNameAllocated(0, allocator);
  auto output = session.GetOutputNameAllocated(0, allocator);
  auto shape = session.GetInputTypeInfo(0).GetTensorTypeAndShapeInfo().GetShape();
  size_t size = 1;
  for (auto& dimension : shape) {
    if (dimension < 1) dimension = 1;
    size *= static_cast<size_t>(dimension);
  }
  std::vector<float> values(size, 0.5f);
  auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  auto tensor = Ort::Value::CreateTensor<float>(memory, values.data(), size, shape.data(), shape.size());
  const char* inputs[] = {input.get()};
  const char* outputs[] = {output.get()};
  auto results = session.Run(Ort::RunOptions{nullptr}, inputs, &tensor, 1, outputs, 1);
  const float* found = results[0].GetTensorData<float>();
  std::printf("%s", Ort::GetVersionString().c_str());
  for (size_t i = 0; i < results[0].GetTensorTypeAndShapeInfo().GetElementCount(); i++) std::printf(" %.9g", found[i]);
  return 0;
}
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """By the ends of their names, as the command writes them."""
    if os.environ.get("EDGETOOL_TEST_DIST") != "1":
        pytest.skip("builds the runtime and Python's extension: `make test-dist`")
    folder = tmp_path_factory.mktemp("packages")
    words = ["runtime", "dist", "--python", os.environ.get("PYTHONS", PYTHON), "--out", str(folder), "--json"]
    done = run_process([sys.executable, "-P", "-m", "edgetool", *words], timeout_s=3 * 3600)
    assert done.exit_code == 0, done.stderr.decode()
    assert {sha256_file(Path(path)) for path in json.loads(done.stdout)["files"]} == {
        line.split()[0] for line in (folder / "SHA256SUMS").read_text().splitlines()
    }
    return {name: next(folder.glob(f"*{name}")) for name in (f"cp{PYTHON.replace('.', '')}*.whl", ".tgz", ".deb")}


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a Debian with Python, NumPy and pip."""
    root = tmp_path_factory.mktemp("board") / "root"
    unpack_packages(BOARD, cache_root(), root, note=unheard)
    (root / "lib").symlink_to("usr/lib")
    return root


@pytest.fixture(scope="module")
def emulated(board: Path) -> Emulated:
    """Runs a program on the board's libraries."""
    libraries = board / "usr" / "lib" / TOOLCHAIN.triple
    emulator = find_emulator("qemu-riscv64")

    def run(*words: str | Path, cpu: str = CPUS["vectors"], python_path: str = "") -> Completed:
        paths = [libraries, libraries / "blas", libraries / "lapack"]
        environment = {
            "LD_LIBRARY_PATH": os.pathsep.join(map(str, paths)),
            "PYTHONHOME": str(board / "usr"),
            "PYTHONPATH": os.pathsep.join(filter(None, (str(board / "usr/lib/python3/dist-packages"), python_path))),
        }
        return run_process([emulator, "-cpu", cpu, "-L", board, *words], env=environment, timeout_s=1800)

    return run


@pytest.fixture(scope="module")
def site(
    packages: Mapping[str, Path], emulated: Emulated, board: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Where the board's own pip has put the wheel, without a network."""
    site = tmp_path_factory.mktemp("site")
    wheel = packages[f"cp{PYTHON.replace('.', '')}*.whl"]
    options = ("--no-index", "--no-deps", "--no-compile", "--break-system-packages", "--target", site)
    done = emulated(board / f"usr/bin/python{PYTHON}", "-m", "pip", "install", *options, wheel)
    assert done.exit_code == 0, (done.stdout + done.stderr).decode()
    return site


@pytest.fixture(scope="module")
def models() -> Mapping[str, ModelArtifact]:
    fp32 = edgetool.export("mobilenet_v2", quiet=True)
    return {"fp32": fp32, "int8": edgetool.quantize(fp32, quiet=True)}


@pytest.fixture(scope="module")
def inputs(models: Mapping[str, ModelArtifact]) -> Array:
    shape = [size if isinstance(size, int) else 1 for size in models["fp32"].spec.inputs[0].shape]
    return np.random.default_rng(3).uniform(-1, 1, (1, *shape[1:])).astype(np.float32)


def on_host(model: Path, values: Array) -> Array:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    found: Array = session.run(None, {session.get_inputs()[0].name: values})[0]
    return found


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_wheel_computes_what_the_host_does(
    site: Path,
    emulated: Emulated,
    board: Path,
    models: Mapping[str, ModelArtifact],
    inputs: Array,
    precision: str,
    cpu: str,
    tmp_path: Path,
) -> None:
    np.save(tmp_path / "inputs.npy", inputs)
    (tmp_path / "run.py").write_text(RUN)
    words = (tmp_path / "run.py", models[precision].path, tmp_path / "inputs.npy", tmp_path / "outputs.npy")
    done = emulated(board / f"usr/bin/python{PYTHON}", *words, cpu=CPUS[cpu], python_path=str(site))
    assert (done.exit_code, done.stderr) == (0, b""), done.stderr.decode()
    version, providers = json.loads(done.stdout)
    assert "+edgetool." in version
    assert providers == ["CPUExecutionProvider"]
    here, there = on_host(models[precision].path, inputs), np.load(tmp_path / "outputs.npy")
    difference = float(np.abs(here - there).max() / np.abs(here).max())
    print(f"{precision}, {cpu}: largest difference {difference:.2g} of the largest output")
    assert difference <= (FP32_TOLERANCE if precision == "fp32" else 0)


@pytest.mark.parametrize("cpu", CPUS)
def test_a_program_in_cpp_is_built_against_the_tarball_and_runs(
    packages: Mapping[str, Path],
    emulated: Emulated,
    models: Mapping[str, ModelArtifact],
    inputs: Array,
    cpu: str,
    tmp_path: Path,
) -> None:
    with tarfile.open(packages[".tgz"]) as tar:
        tar.extractall(tmp_path, filter="data")
    ort = next(tmp_path.glob("onnxruntime-linux-*"))
    (tmp_path / "main.cc").write_text(EXAMPLE)
    flags = ("-target", TOOLCHAIN.zig_target, f"-mcpu={TOOLCHAIN.zig_cpu}", "-std=c++17", "-O1", "-g0")
    words = (*flags, f"-I{ort}/include", "-o", tmp_path / "main", tmp_path / "main.cc", f"-L{ort}/lib", "-lonnxruntime")
    rpath = f"-Wl,-rpath,{ort}/lib"
    log = tmp_path / "log"
    run_tool([sys.executable, "-P", "-m", "ziglang", "c++", *words, rpath], log=log, timeout_s=900)
    done = emulated(tmp_path / "main", models["fp32"].path, cpu=CPUS[cpu])
    assert done.exit_code == 0, done.stderr.decode()
    version, *numbers = done.stdout.decode().split()
    assert version == "1.21.0"
    here = on_host(models["fp32"].path, np.full_like(inputs, 0.5)).ravel()
    assert np.abs(here - np.array(numbers, dtype=np.float32)).max() <= FP32_TOLERANCE * np.abs(here).max()


def test_dpkg_finds_the_package_whole(packages: Mapping[str, Path]) -> None:
    if shutil.which("lintian") is None:
        pytest.skip("needs lintian")
    done = run_process(["lintian", "--fail-on", "error", "--allow-root", packages[".deb"]], timeout_s=600)
    assert done.exit_code == 0, done.stdout.decode()
