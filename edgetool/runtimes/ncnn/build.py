"""Cross-build ncnn for a triple with edgetool's compiler, as a shared library that the harness loads."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import ClassVar

from edgetool.errors import BuildError
from edgetool.platform.catalog import data_folder
from edgetool.platform.context import StepContext
from edgetool.platform.documents import read_document, write_document
from edgetool.platform.files import sha256_file
from edgetool.platform.process import run_tool
from edgetool.platform.progress import Note, unheard
from edgetool.platform.python import PYTHON
from edgetool.platform.store import Store
from edgetool.platform.unpack import unpack
from edgetool.platform.values import Name, Positive, Sha256, value
from edgetool.runtimes.compilers import Compiler, cache_environment, find_compiler
from edgetool.runtimes.description import describe_runtime, open_runtime
from edgetool.runtimes.onnxruntime.sources import recipe_folder
from edgetool.runtimes.patches import patched_files
from edgetool.runtimes.spec import Runtime, Toolchain

RECIPE = 3  # increment when the build changes
NAME = "ncnn"
LIBRARY = re.compile(r"libncnn\.so\.\d+")
OPTIONS = {
    "CMAKE_BUILD_TYPE": "Release",
    "NCNN_SHARED_LIB": "ON",
    # zig brings no OpenMP, but compiles for it: ncnn's own small one takes its place.
    "NCNN_OPENMP": "ON",
    "NCNN_SIMPLEOMP": "ON",
    # Vectors before 1.0, and bfloat16, in which edgetool runs no model.
    "NCNN_XTHEADVECTOR": "OFF",
    "NCNN_ZVFBFMIN": "OFF",
    "NCNN_BF16": "OFF",
    # Of Arm's extensions those of a Raspberry Pi 5: the others double the build time.
    "NCNN_ARM82FP16FML": "OFF",
    "NCNN_ARM84BF16": "OFF",
    "NCNN_ARM84I8MM": "OFF",
    "NCNN_ARM86SVE": "OFF",
    # x86-64 serves only for comparison with a board, for which AVX2 suffices; the others double the build time.
    "NCNN_AVX512": "OFF",
    "NCNN_AVXVNNI": "OFF",
    "NCNN_AVXVNNIINT8": "OFF",
    "NCNN_AVXVNNIINT16": "OFF",
    "NCNN_AVXNECONVERT": "OFF",
    "NCNN_XOP": "OFF",
    "NCNN_VULKAN": "OFF",
    "NCNN_PYTHON": "OFF",
    "NCNN_BUILD_BENCHMARK": "OFF",
    "NCNN_BUILD_EXAMPLES": "OFF",
    "NCNN_BUILD_TOOLS": "OFF",
}
VECTORS = "NCNN_RVV"
COMPILE_FLAGS = "-g0"
LINK_FLAGS = "-s"
# zig accepts no -march, and the last of several -mcpu applies.
ZIG_NAMES = {
    "-march=rv64gc_zfh": "-mcpu=baseline_rv64+zfh",
    "-march=rv64gcv_zfh_zvfh": "-mcpu=baseline_rv64+v+zfh+zvfh",
    "-march=armv8.2-a+fp16+dotprod": "-mcpu=generic+v8_2a+fullfp16+dotprod",
}


@value
class PythonSource:
    """A source package from PyPI, defined in `toolchain/ncnn/source.toml`."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    name: Name
    version: Name
    size_bytes: Positive
    sha256: Sha256


def build_options(processor: str) -> dict[str, str]:
    """Return ncnn's CMake options for a processor, named as in a triple."""
    # With it, ncnn lays out int8 blobs by RISC-V's vector length, and divides by 0 on other processors.
    options = {**OPTIONS, VECTORS: "ON" if processor == "riscv64" else "OFF"}
    if processor == "aarch64":
        options["NCNN_COMPILER_SUPPORT_ARM_VFPV4"] = "ON"  # every Armv8 has it; ncnn's probe asks by -march=armv8-a
    return options


def ncnn_source() -> PythonSource:
    return read_document(_recipe() / "source.toml", PythonSource)


def build(toolchain: Toolchain, context: StepContext, note: Note = unheard) -> Runtime:
    """Build ncnn for a triple. The first build takes four minutes on two cores.

    Raises ConfigError for a missing requirement, BuildError when a tool fails.
    """
    store = context.store
    compiler = find_compiler("zig", toolchain)
    compiler = replace(compiler, renamed={**compiler.renamed, **ZIG_NAMES})
    options = build_options(_processor(toolchain))
    source, patches = ncnn_source(), sorted((_recipe() / "patches").glob("*.patch"))
    inputs = {
        "name": NAME,
        "recipe": RECIPE,
        "source": source.sha256,
        "patches": [sha256_file(patch) for patch in patches],
        **compiler.inputs,
        "options": options,
        "flags": [COMPILE_FLAGS, LINK_FLAGS],
        "toolchain.cmake": sha256_file(recipe_folder() / "toolchain.cmake"),
    }

    def make(folder: Path) -> None:
        note(f"build {NAME} {source.version}")
        library = _compile(compiler, toolchain, source, patches, folder / "work", store)
        (folder / "lib").mkdir()
        shutil.copy2(library.resolve(), folder / "lib" / library.name)
        shutil.rmtree(folder / "work")
        described = describe_runtime(
            toolchain,
            folder,
            kind=NAME,
            library=LIBRARY,
            provider="crossbuild",
            version=source.version,
            variant=f"{compiler.title}, sha256 {source.sha256[:12]}",
            carries_libc=False,
        )
        flags = tuple(f"{name}={setting}" for name, setting in options.items())
        # ncnn chooses its kernels by the processor at run time.
        write_document(folder / "runtime.json", replace(described, flags=flags, chooses_kernels=True))

    return open_runtime(store.entry("runtime", inputs, make, force=context.force).path)


def _processor(toolchain: Toolchain) -> str:
    return toolchain.triple.partition("-")[0]


def _recipe() -> Path:
    return data_folder("toolchain") / "ncnn"


def _compile(
    compiler: Compiler, toolchain: Toolchain, source: PythonSource, patches: list[Path], folder: Path, store: Store
) -> Path:
    """Build the library in `folder` and return its path under its SONAME."""
    tree, build, logs = folder / "source", folder / "build", store.root / "logs"
    folder.mkdir()
    unpack(fetch_source(source, store), tree)
    for name, content in patched_files(tree, patches, log=logs / "ncnn-patch.log").items():
        (tree / name).write_bytes(content)
    environment = {
        **cache_environment(store.root),
        **compiler.write_wrappers(folder / "bin"),
        "EDGETOOL_SOURCES": str(tree),
        "EDGETOOL_PROCESSOR": _processor(toolchain),
        "EDGETOOL_CFLAGS": COMPILE_FLAGS,
        "EDGETOOL_LDFLAGS": LINK_FLAGS,
    }
    ninja = Path(import_module("ninja").BIN_DIR) / "ninja"
    places = {"CMAKE_TOOLCHAIN_FILE": recipe_folder() / "toolchain.cmake", "CMAKE_MAKE_PROGRAM": ninja}
    definitions = [
        f"-D{name}={setting}" for name, setting in {**build_options(_processor(toolchain)), **places}.items()
    ]
    run_tool(
        [*PYTHON, "-m", "cmake", "-G", "Ninja", "-S", tree, "-B", build, *definitions],
        log=logs / f"ncnn-configure-{toolchain.triple}.log",
        env=environment,
        timeout_s=900,
    )
    run_tool(
        [ninja, "-C", build, "-j", str(os.cpu_count() or 1), "ncnn"],
        log=logs / f"ncnn-build-{toolchain.triple}.log",
        env=environment,
        timeout_s=7200,
    )
    found = [path for path in sorted((build / "src").glob("libncnn.so.*")) if LIBRARY.fullmatch(path.name)]
    if len(found) != 1:
        raise BuildError(f"the build produced {len(found)} libraries, expected one")
    return found[0]


def fetch_source(source: PythonSource, store: Store) -> Path:
    """Download the source archive with pip, which knows this machine's index, proxies and certificates.

    Raises BuildError when it isn't in the index or its SHA-256 differs.
    """
    file_name = f"{source.name}-{source.version}.tar.gz"
    path, log = store.root / "downloads" / file_name, store.root / "logs" / "ncnn-fetch.log"
    if not path.is_file() or sha256_file(path) != source.sha256:
        pip = [*PYTHON, "-m", "pip"]
        words = [*pip, "index", "versions", source.name, f"--no-binary={source.name}", "-vvv"]
        listed = run_tool(words, log=log, timeout_s=300).stdout.decode(errors="replace")
        link = re.search(rf"Found link (\S+/{re.escape(file_name)})", listed)
        if link is None:
            raise BuildError(f"pip's index has no {file_name}")
        # Without --no-binary: it would also apply to pip's build requirements and have them all compiled.
        options = ["--quiet", "--no-deps", f"--dest={path.parent}"]
        run_tool([*pip, "download", *options, f"{link[1]}#sha256={source.sha256}"], log=log, timeout_s=900)
    if path.stat().st_size != source.size_bytes or sha256_file(path) != source.sha256:
        raise BuildError(f"{path} doesn't match the pinned sha256 {source.sha256} of {source.name} {source.version}")
    return path
