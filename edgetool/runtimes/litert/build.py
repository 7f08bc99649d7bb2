"""Cross-build TensorFlow Lite with XNNPACK by its own CMake, for triples that LiteRT has no wheel for.

The sources are in Debian's package of Chromium: TensorFlow Lite and XNNPACK of one day, and what they need.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from edgetool.errors import BuildError, FetchError
from edgetool.platform.catalog import data_folder
from edgetool.platform.context import StepContext
from edgetool.platform.debian.mirrors import VARIABLE
from edgetool.platform.documents import write_document
from edgetool.platform.files import sha256_file
from edgetool.platform.locks import inherited_lock
from edgetool.platform.process import run_tool
from edgetool.platform.progress import Note, unheard
from edgetool.platform.store import Store, key_of
from edgetool.platform.unpack import unpack, unpack_parts
from edgetool.runtimes.buildtools import NINJA_STATUS, POLICY_MINIMUM, UNTOUCHED, check_patch, find_tool
from edgetool.runtimes.compilers import Compiler, cache_environment, find_compiler, host_compiler
from edgetool.runtimes.description import describe_runtime, open_runtime
from edgetool.runtimes.inspection import inspect_library
from edgetool.runtimes.onnxruntime.sources import Source, fetch_sources, read_sources, recipe_folder
from edgetool.runtimes.patches import patched_files
from edgetool.runtimes.spec import CrossBuild, Runtime, Toolchain

RECIPE = 1  # increment when the build changes
NAME = "tflite"
VERSION = "2.22.0"  # as the library tells it
LIBRARY = "libtensorflowlite_c.so"
TARGET = "tensorflowlite_c"
OPTIONS = {
    "CMAKE_BUILD_TYPE": "Release",
    "CMAKE_POLICY_VERSION_MINIMUM": POLICY_MINIMUM,
    "FETCHCONTENT_FULLY_DISCONNECTED": "ON",
    "TFLITE_ENABLE_XNNPACK": "ON",
    "TFLITE_ENABLE_EXTERNAL_DELEGATE": "OFF",
    "TFLITE_ENABLE_NNAPI": "OFF",
    "XNNPACK_BUILD_ALL_MICROKERNELS": "OFF",
    "FLATBUFFERS_BUILD_FLATC": "OFF",
    "FLATBUFFERS_BUILD_TESTS": "OFF",
}
FLATC_OPTIONS = {
    "CMAKE_BUILD_TYPE": "Release",
    "CMAKE_CXX_FLAGS_RELEASE": "-O1",
    "CMAKE_CXX_FLAGS": "-g0",
    "FLATBUFFERS_BUILD_TESTS": "OFF",
    "FLATBUFFERS_BUILD_FLATLIB": "OFF",
    "FLATBUFFERS_BUILD_FLATHASH": "OFF",
    "FLATBUFFERS_INSTALL": "OFF",
}
COMPILE_FLAGS = "-g0"
LINK_FLAGS = "-s -Wl,-z,defs"
COST = "941 MB to download, a quarter of an hour on two idle cores"
DURATIONS = {"library": "a quarter of an hour on two idle cores", "flatc": "two minutes"}  # of the whole build


def build(toolchain: Toolchain, wanted: CrossBuild, context: StepContext, note: Note = unheard) -> Runtime:
    """Build TensorFlow Lite for a triple: a quarter of an hour on two idle cores. An interrupted build resumes.

    Raises ConfigError for a missing requirement, BuildError and FetchError when a tool fails or a source can't be had.
    """
    check_patch()
    store = context.store
    compiler = find_compiler("zig", toolchain)
    sources, patches = read_sources(_recipe()), sorted((_recipe() / "patches").glob("*.patch"))
    inputs: dict[str, object] = {
        "name": NAME,
        "recipe": RECIPE,
        "sources": {source.name: source.sha256 for source in sources},
        "parts": {source.name: source.parts for source in sources},
        "patches": [sha256_file(patch) for patch in patches],
        **compiler.inputs,
        "options": OPTIONS,
        "flags": [COMPILE_FLAGS, LINK_FLAGS],
        "toolchain.cmake": sha256_file(recipe_folder() / "toolchain.cmake"),
    }
    work = store.root / "build" / f"tflite-{toolchain.triple}-{key_of(inputs)}"

    def make(folder: Path) -> None:
        tree = _unpack(sources, patches, work, store, note)
        library = _compile(compiler, wanted, tree, work, store, note)
        inspect_library(library, toolchain, replace(wanted, isa=None), glibc=toolchain.glibc)
        (folder / "lib").mkdir()
        shutil.copy2(library, folder / "lib" / LIBRARY)
        described = describe_runtime(
            toolchain,
            folder,
            kind=NAME,
            library=re.compile(re.escape(LIBRARY)),
            provider="crossbuild",
            version=VERSION,
            variant=f"{compiler.title}, {sources[0].name} {sources[0].version}",
            carries_libc=False,
        )
        flags = tuple(f"{name}={setting}" for name, setting in OPTIONS.items())
        write_document(folder / "runtime.json", replace(described, flags=flags, chooses_kernels=True))

    found = open_runtime(store.entry("runtime", inputs, make, force=context.force).path)
    shutil.rmtree(work, ignore_errors=True)
    return found


def _recipe() -> Path:
    return data_folder("toolchain") / "tflite"


def _unpack(sources: tuple[Source, ...], patches: list[Path], work: Path, store: Store, note: Note) -> Path:
    """Fetch, unpack and patch the sources in `work`, unless an interrupted build has done so. Return their folder."""
    tree, beside = work / "sources", work / "unpacked"
    if tree.is_dir():
        return tree
    try:
        archives = fetch_sources(sources, store, note=note)
    except FetchError as error:
        hint = f"set {VARIABLE} to a snapshot that has {sources[0].file_name}, or use --runtime tflite-debian"
        raise FetchError(error.message, hint=hint) from error
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    for source, archive in zip(sources, archives, strict=True):
        note(f"unpack {source.name} {source.version}, a minute or two")
        if source.parts:
            unpack_parts(archive, source.parts, beside)
        else:
            unpack(archive, beside / source.name)
    for name, content in patched_files(beside, patches, log=_log(store, "patch")).items():
        (beside / name).write_bytes(content)
    beside.rename(tree)
    return tree


def _compile(compiler: Compiler, wanted: CrossBuild, tree: Path, work: Path, store: Store, note: Note) -> Path:
    """Build the library in `work` and return its path."""
    folders = [folder for folder in sorted(tree.iterdir()) if folder.name != "tensorflow"]
    named = {folder.name.upper(): folder for folder in folders}
    options: dict[str, str | Path] = {
        **OPTIONS,
        **{f"FETCHCONTENT_SOURCE_DIR_{name}": folder for name, folder in named.items()},
        **{f"{name}_SOURCE_DIR": named[name] for name in ("CPUINFO", "FP16", "FXDIV", "PTHREADPOOL")},
        "TENSORFLOW_SOURCE_DIR": tree / "tensorflow",
        "TFLITE_HOST_TOOLS_DIR": _flatc(host_compiler(compiler), tree / "flatbuffers", work, store, note).parent,
        "CMAKE_TOOLCHAIN_FILE": recipe_folder() / "toolchain.cmake",
        "Python_EXECUTABLE": sys.executable,
    }
    environment = {
        **compiler.write_wrappers(work / "bin", hidden_flags=[f"-ffile-prefix-map={work}=tflite"]),
        "EDGETOOL_SOURCES": str(tree),
        "EDGETOOL_PROCESSOR": wanted.processor,
        "EDGETOOL_CFLAGS": COMPILE_FLAGS,
        "EDGETOOL_LDFLAGS": LINK_FLAGS,
    }
    source = tree / "tensorflow" / "tensorflow" / "lite" / "c"
    note(f"configure TensorFlow Lite {VERSION}")
    _run_cmake("library", source, work / "build", options, TARGET, environment, store, note)
    library = work / "build" / LIBRARY
    if not library.is_file():
        raise BuildError(f"the build produced no {LIBRARY}")
    return library


def _flatc(compiler: Compiler, source: Path, work: Path, store: Store, note: Note) -> Path:
    """Build the schema compiler of FlatBuffers, to run on this machine, and return its path."""
    wrappers = compiler.write_wrappers(work / "host-bin")
    options: dict[str, str | Path] = {
        **FLATC_OPTIONS,
        "CMAKE_C_COMPILER": wrappers["EDGETOOL_CC"],
        "CMAKE_CXX_COMPILER": wrappers["EDGETOOL_CXX"],
        "CMAKE_AR": wrappers["EDGETOOL_AR"],
        "CMAKE_RANLIB": wrappers["EDGETOOL_RANLIB"],
    }
    note("configure flatc")
    _run_cmake("flatc", source, work / "flatc", options, "flatc", {}, store, note)
    return work / "flatc" / "flatc"


def _run_cmake(
    name: str,
    source: Path,
    build: Path,
    options: Mapping[str, str | Path],
    target: str,
    environment: Mapping[str, str],
    store: Store,
    note: Note,
) -> None:
    """Configure a project and build one of its targets."""
    env = {**UNTOUCHED, **cache_environment(store.root), **environment}
    ninja = find_tool("ninja")
    definitions = [f"-D{option}={setting}" for option, setting in {**options, "CMAKE_MAKE_PROGRAM": ninja}.items()]
    run_tool(
        [find_tool("cmake"), "-G", "Ninja", "-S", source, "-B", build, "-Wno-dev", *definitions],
        log=_log(store, f"{name}-configure"),
        env=env,
        timeout_s=1800,
    )
    with inherited_lock(build / "ninja.lock") as lock:
        run_tool(
            [ninja, "-C", build, "-j", str(os.cpu_count() or 1), target],
            log=_log(store, f"{name}-build"),
            env=env,
            on_line=_count(name, note),
            keep_open=[lock],  # a Ninja left by a killed process keeps running for a while
        )


def _count(name: str, note: Note) -> Callable[[str], None]:
    """Return a callback that reads Ninja's output and reports its progress."""

    def read(line: str) -> None:
        if found := NINJA_STATUS.match(line):
            note(f"build {name}: {found[1]} of {found[2]} objects, {DURATIONS[name]} in all")

    return read


def _log(store: Store, step: str) -> Path:
    return store.root / "logs" / f"tflite-{step}.log"
