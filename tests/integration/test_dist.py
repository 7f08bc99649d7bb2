"""The packages of the real runtime where they will live: Debian's Python and a C++ program, emulated: `make test-dist`.

$PYTHONS are the Pythons whose wheels are built; Debian's own, 3.13, is run.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from edgetool.models.spec import ModelArtifact
from edgetool.platform.process import run_process, run_tool
from edgetool.platform.tar import tarfile
from tests.integration.packaged import (
    CPUS,
    FP32_TOLERANCE,
    PYTHON,
    RUN,
    TOOLCHAIN,
    Array,
    Emulated,
    check_wheel,
    on_host,
)

COMPILERS = {
    "zig": (
        sys.executable,
        "-P",
        "-m",
        "ziglang",
        "c++",
        "-target",
        TOOLCHAIN.zig_target,
        *([f"-mcpu={TOOLCHAIN.zig_cpu}"] if TOOLCHAIN.zig_cpu else []),
    ),
    "gcc": (f"{TOOLCHAIN.triple}-g++",),  # Debian's
}
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


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_wheel_computes_what_the_host_does(
    site: Path,
    emulated: Emulated,
    debian: Path,
    models: Mapping[str, ModelArtifact],
    inputs: Array,
    precision: str,
    cpu: str,
    tmp_path: Path,
) -> None:
    np.save(tmp_path / "inputs.npy", inputs)
    (tmp_path / "run.py").write_text(RUN)
    words = (tmp_path / "run.py", models[precision].path, tmp_path / "inputs.npy", tmp_path / "outputs.npy")
    done = emulated(debian / f"usr/bin/python{PYTHON}", *words, cpu=CPUS[cpu], python_path=str(site))
    assert (done.exit_code, done.stderr) == (0, b""), done.stderr.decode()
    outputs = tmp_path / "outputs.npy"
    check_wheel(done.stdout, outputs, models[precision].path, inputs, precision=precision, where=cpu)


@pytest.mark.parametrize("compiler", COMPILERS)
def test_a_program_in_cpp_is_built_against_the_tarball_and_runs(
    packages: Mapping[str, Path],
    emulated: Emulated,
    models: Mapping[str, ModelArtifact],
    inputs: Array,
    compiler: str,
    tmp_path: Path,
) -> None:
    if shutil.which(COMPILERS[compiler][0]) is None:
        pytest.skip(f"needs {COMPILERS[compiler][0]}")
    with tarfile.open(packages[".tgz"]) as tar:
        tar.extractall(tmp_path, filter="data")
    ort = next(tmp_path.glob("onnxruntime-linux-*"))
    (tmp_path / "main.cc").write_text(EXAMPLE)
    flags = ("-std=c++17", "-O1", f"-I{ort}/include", "-o", tmp_path / "main", tmp_path / "main.cc")
    libraries = (f"-L{ort}/lib", "-lonnxruntime", f"-Wl,-rpath,{ort}/lib")
    run_tool([*COMPILERS[compiler], *flags, *libraries], log=tmp_path / "log", timeout_s=900)
    here = on_host(models["fp32"].path, np.full_like(inputs, 0.5)).ravel()
    for cpu in CPUS.values():
        done = emulated(tmp_path / "main", models["fp32"].path, cpu=cpu)
        assert done.exit_code == 0, done.stderr.decode()
        version, *numbers = done.stdout.decode().split()
        assert version == "1.21.0"
        assert np.abs(here - np.array(numbers, dtype=np.float32)).max() <= FP32_TOLERANCE * np.abs(here).max()


def test_the_package_is_installed_and_removed_again_without_a_trace(
    packages: Mapping[str, Path], emulated: Emulated, debian: Path, tmp_path: Path
) -> None:
    if shutil.which("dpkg") is None or os.geteuid() != 0:
        pytest.skip("needs dpkg and root")

    def files() -> set[Path]:
        return {path for path in (debian / "usr").rglob("*") if "__pycache__" not in path.parts}

    before = files()
    for folder in ("var/lib/dpkg/updates", "var/lib/dpkg/info"):
        (debian / folder).mkdir(parents=True, exist_ok=True)
    for name in ("status", "available"):
        (debian / "var/lib/dpkg" / name).touch()
    dpkg = ("dpkg", f"--root={debian}", "--force-architecture", "--force-depends", "--force-script-chrootless")
    run_tool([*dpkg, "--install", packages[".deb"]], log=tmp_path / "log", timeout_s=300)
    try:
        code = "import ctypes; print(ctypes.CDLL('libonnxruntime.so.1').OrtGetApiBase() != 0)"
        done = emulated(debian / f"usr/bin/python{PYTHON}", "-c", code)
        assert done.stdout == b"True\n", done.stderr.decode()
    finally:
        run_tool([*dpkg, "--purge", "onnxruntime-edgetool"], log=tmp_path / "log", timeout_s=300)
    assert files() == before


def test_dpkg_finds_the_package_whole(packages: Mapping[str, Path]) -> None:
    if shutil.which("lintian") is None:
        pytest.skip("needs lintian")
    done = run_process(["lintian", "--fail-on", "error", "--allow-root", packages[".deb"]], timeout_s=600)
    assert done.exit_code == 0, done.stdout.decode()
