"""The tarball: laid out as the makers' are, and the same whenever it is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.distribution.release import Release
from edgetool.distribution.tarball import write_tarball
from edgetool.platform.files import sha256_file
from edgetool.platform.process import run_process
from edgetool.platform.tar import tarfile
from edgetool.runtimes.buildtools import find_tool

# What the makers' onnxruntime-linux-x64-1.21.0.tgz has of this, library and headers.
MAKERS = (
    "LICENSE",
    "Privacy.md",
    "README.md",
    "ThirdPartyNotices.txt",
    "VERSION_NUMBER",
    "include/core/providers/custom_op_context.h",
    "include/core/providers/resource.h",
    "include/cpu_provider_factory.h",
    "include/onnxruntime_c_api.h",
    "include/onnxruntime_cxx_api.h",
    "include/onnxruntime_cxx_inline.h",
    "include/onnxruntime_float16.h",
    "include/onnxruntime_lite_custom_op.h",
    "include/onnxruntime_run_options_config_keys.h",
    "include/onnxruntime_session_options_config_keys.h",
    "include/provider_options.h",
    "lib/cmake/onnxruntime/onnxruntimeConfig.cmake",
    "lib/cmake/onnxruntime/onnxruntimeConfigVersion.cmake",
    "lib/libonnxruntime.so",
    "lib/libonnxruntime.so.1",
    "lib/libonnxruntime.so.1.21.0",
    "lib/pkgconfig/libonnxruntime.pc",
)


@pytest.fixture(scope="module")
def tarball(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tarball")
    packed = write_tarball(release, folder)
    with tarfile.open(packed) as tar:
        tar.extractall(folder, filter="data")
    return folder / packed.name.removesuffix(".tgz")


def test_it_is_laid_out_as_the_makers_are(tarball: Path) -> None:
    assert tarball.name.startswith("onnxruntime-linux-riscv64-1.21.0+edgetool.")
    assert [name for name in MAKERS if not (tarball / name).exists()] == []


def test_its_links_lead_to_the_library(tarball: Path, release: Release) -> None:
    for name in ("libonnxruntime.so", "libonnxruntime.so.1"):
        assert (tarball / "lib" / name).is_symlink()
        assert sha256_file(tarball / "lib" / name) == sha256_file(release.library)


def test_cmake_finds_it(tarball: Path, tmp_path: Path) -> None:
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(user NONE)\n"
        "set_property(GLOBAL PROPERTY TARGET_SUPPORTS_SHARED_LIBS TRUE)\n"
        "find_package(onnxruntime 1.20 REQUIRED)\n"
        "get_target_property(library onnxruntime::onnxruntime IMPORTED_LOCATION)\n"
        "get_target_property(headers onnxruntime::onnxruntime INTERFACE_INCLUDE_DIRECTORIES)\n"
        'message(STATUS "found ${onnxruntime_VERSION} ${library} ${headers}")\n'
    )
    done = run_process([find_tool("cmake"), "-S", tmp_path, "-B", tmp_path / "b", f"-DCMAKE_PREFIX_PATH={tarball}"])
    assert done.exit_code == 0, done.stderr.decode()
    assert f"found 1.21.0 {tarball}/lib/libonnxruntime.so.1.21.0 {tarball}/include" in done.stdout.decode()


def test_another_major_version_is_not_what_cmake_was_asked_for(tarball: Path, tmp_path: Path) -> None:
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(user NONE)\nfind_package(onnxruntime 2.0 REQUIRED)\n"
    )
    done = run_process([find_tool("cmake"), "-S", tmp_path, "-B", tmp_path / "b", f"-DCMAKE_PREFIX_PATH={tarball}"])
    assert done.exit_code != 0


def test_two_are_equal_bit_for_bit(release: Release, tmp_path: Path) -> None:
    one, other = (write_tarball(release, tmp_path / name) for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()
