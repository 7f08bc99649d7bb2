"""Build ONNX Runtime from pinned sources for a triple: configure, build, inspect, describe."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgetool.errors import BuildError
from edgetool.platform.documents import write_document
from edgetool.platform.files import digest_entries, file_entries, link_or_copy, sha256_file, write_atomically
from edgetool.platform.locks import inherited_lock
from edgetool.platform.process import run_tool
from edgetool.platform.progress import Progress, Step
from edgetool.platform.store import Store, key_of
from edgetool.runtimes.buildtools import UNTOUCHED, cmake_version, find_tool, progress_note
from edgetool.runtimes.compilers import cache_environment, host_compiler
from edgetool.runtimes.description import open_runtime
from edgetool.runtimes.inspection import inspect_library
from edgetool.runtimes.onnxruntime.folding import fold_functions
from edgetool.runtimes.onnxruntime.headers import Headers
from edgetool.runtimes.onnxruntime.protoc import build_protoc
from edgetool.runtimes.onnxruntime.recipe import COMPILE_FLAGS, PROVIDER, Recipe
from edgetool.runtimes.onnxruntime.reduction import reduce_sources
from edgetool.runtimes.onnxruntime.sources import recipe_folder
from edgetool.runtimes.patches import mirror, patched_files
from edgetool.runtimes.spec import Runtime, RuntimeBuild

TARGET = "onnxruntime"
INCLUDED = ("dependencies", "kernels", "older_glibc", "reduced", "unittests", "python")  # by ORT's own CMake project
UNITY = "unity"  # included where it was tried; elsewhere files may clash
EXTENSION = "onnxruntime_pybind11_state"
BRIDGE = "onnxruntime_providers_shared"  # a library that the extension opens beside itself


def build_runtime(
    recipe: Recipe, store: Store, progress: Progress, *, jobs: int | None = None, force: bool = False
) -> Runtime:
    """Build the runtime of a recipe unless it is cached. An interrupted build resumes.

    Raises BuildError when a tool fails or the library doesn't match the toolchain.
    """

    def make(folder: Path) -> None:
        with build_folder(recipe, store) as build:
            _configure(recipe, build, store, progress)
            with progress.step(f"build ONNX Runtime {recipe.tree.version} for {recipe.toolchain.triple}") as step:
                _build(recipe, build, store, step, TARGET, jobs=jobs)
                library = _library(recipe, build, store)
            write_document(folder / "runtime.json", _finish(recipe, library, folder))

    return open_runtime(store.entry("runtime", recipe.inputs(), make, force=force).path)


def build_program(
    recipe: Recipe, name: str, folder: Path, store: Store, progress: Progress, *, jobs: int | None = None
) -> Path:
    """Build another target of ONNX Runtime from the runtime's objects and copy it into `folder`.

    Raises BuildError.
    """
    with build_folder(recipe, store) as build:
        _configure(recipe, build, store, progress)
        with progress.step(f"build {name} for {recipe.toolchain.triple}") as step:
            _build(recipe, build, store, step, name, jobs=jobs)
        return Path(shutil.copy2(build / "onnxruntime" / name, folder / name))


@dataclass(frozen=True, kw_only=True)
class Extensions:
    """What Python needs of ONNX Runtime's build."""

    by_python: Mapping[str, Path]  # CPython's version → extension
    bridge: Path  # to execution providers in libraries of their own


def build_extensions(
    recipe: Recipe,
    pythons: Sequence[Headers],
    store: Store,
    progress: Progress,
    *,
    jobs: int | None = None,
) -> Extensions:
    """Build ONNX Runtime's Python extension for each CPython release, from the same objects as the runtime.

    Raises BuildError.
    """
    bridge = f"lib{BRIDGE}.so"

    def make(folder: Path) -> None:
        def inspected(path: Path) -> None:
            glibc = recipe.toolchain.glibc if recipe.compiler.chooses_glibc else None
            inspect_library(path, recipe.toolchain, recipe.wanted, glibc=glibc)

        with build_folder(recipe, store) as build:
            for headers in pythons:
                mirror(headers.folder, build / "python" / headers.version, only="*.h")
            versions = [headers.version for headers in pythons]
            _configure(recipe, build, store, progress, pythons=versions)
            with progress.step(f"build Python's extension for {recipe.toolchain.triple}") as step:
                targets = {f"{EXTENSION}-{version}": f"{EXTENSION}-{version}.so" for version in versions}
                for target, name in {**targets, BRIDGE: bridge}.items():
                    _build(recipe, build, store, step, target, jobs=jobs, pythons=versions)
                    inspected(Path(shutil.copy2(build / "onnxruntime" / name, folder / name)))

    inputs = {
        "runtime": recipe.inputs(),
        "cmake": sha256_file(recipe_folder() / "python.cmake"),
        "pythons": {headers.version: headers.folder.name for headers in pythons},
    }
    entry = store.entry("python-extension", inputs, make)
    files = {headers.version: entry.path / f"{EXTENSION}-{headers.version}.so" for headers in pythons}
    return Extensions(by_python=files, bridge=entry.path / bridge)


def configure_runtime(recipe: Recipe, store: Store, progress: Progress) -> Path:
    """Only configure the build. Return the folder for Ninja."""
    with build_folder(recipe, store) as build:
        _configure(recipe, build, store, progress)
        return build / "onnxruntime"


@contextmanager
def build_folder(recipe: Recipe, store: Store) -> Iterator[Path]:
    """Lock and yield the folder that keeps objects between builds.

    Reduced builds have a folder of their own, since they are optimized for size. Different sets of operators share it,
    since only some forty objects differ between them.
    """
    from filelock import FileLock

    key = key_of({"sources": recipe.tree.key, "compiler": recipe.compiler.title, "cmake": cmake_version()})
    kind = "" if recipe.operators is None else "-reduced"
    build = store.root / "build" / f"{recipe.toolchain.triple}-{key}{kind}"
    build.mkdir(parents=True, exist_ok=True)
    with FileLock(build.with_name(f"{build.name}.lock")):
        # Discard CMake's cached results when its inputs have changed. Objects are kept: Ninja recompiles those whose
        # command has changed.
        inputs = {**recipe.inputs(), "patches": None, "kernels": None, "older glibc": None, "operators": None}
        stamp, wanted = build / "inputs", key_of(inputs).encode()
        if not stamp.is_file() or stamp.read_bytes() != wanted:
            (build / "onnxruntime" / "CMakeCache.txt").unlink(missing_ok=True)
            for memory in build.glob("onnxruntime/CMakeFiles/[0-9]*"):
                shutil.rmtree(memory)
        write_atomically(stamp, wanted)
        yield build


def _bring_in(recipe: Recipe, build: Path, store: Store) -> Path:
    """Place the sources beside the objects. Return ONNX Runtime's tree.

    The location is the same for all patches, so a changed patch recompiles only the objects that depend on it.
    """
    mirror(recipe_folder(), build / "recipe", only="*.cmake")
    if recipe.kernels is not None:
        mirror(recipe.kernels, build / "kernels")
    if recipe.older_glibc is not None:
        mirror(recipe.older_glibc, build / "older_glibc")
    if not recipe.tree.pinned:
        return recipe.tree.onnxruntime
    changed = patched_files(recipe.tree.onnxruntime, recipe.patches, log=_log(store, recipe, "patch"))
    mirror(recipe.tree.onnxruntime, build / "source", changed=changed, place=link_or_copy)
    return build / "source"


def _configure(recipe: Recipe, build: Path, store: Store, progress: Progress, *, pythons: Sequence[str] = ()) -> None:
    protoc = build_protoc(recipe.tree, host_compiler(recipe.compiler), store, progress)
    with progress.step(f"configure ONNX Runtime {recipe.tree.version} for {recipe.toolchain.triple}"):
        environment = _environment(recipe, build, store, pythons)
        source = _bring_in(recipe, build, store)
        if recipe.operators is not None:
            reduce_sources(
                recipe.operators,
                recipe.tree,
                source,
                build / "onnxruntime",
                build / "reduced",
                _log(store, recipe, "reduce"),
            )
        python = _link_python(build)
        included = (*INCLUDED, UNITY) if recipe.united else INCLUDED
        recipes = [build / "recipe" / f"{name}.cmake" for name in included]
        places: dict[str, str | Path] = {
            "CMAKE_TOOLCHAIN_FILE": build / "recipe" / "toolchain.cmake",
            "CMAKE_PROJECT_TOP_LEVEL_INCLUDES": ";".join(map(str, recipes)),
            "CMAKE_MAKE_PROGRAM": find_tool("ninja"),
            "Python_EXECUTABLE": python,
            "PYTHON_EXECUTABLE": python,  # onnx uses the older name, and would search the PATH
            "ONNX_CUSTOM_PROTOC_EXECUTABLE": protoc,
        }
        definitions = [f"-D{name}={setting}" for name, setting in {**recipe.options, **places}.items()]
        words: list[str | Path] = ["-G", "Ninja", "-S", source / "cmake", "-B", build / "onnxruntime"]
        run_tool(
            [find_tool("cmake"), *words, "--compile-no-warning-as-error", *definitions],
            log=_log(store, recipe, "configure"),
            env=environment,
            timeout_s=3600,
        )


def _link_python(build: Path) -> Path:
    """Link this interpreter into the build, whose commands then don't depend on the environment that runs it."""
    link = build / "bin" / "python3"
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(Path(sys.executable).resolve())
    return link


def _build(
    recipe: Recipe,
    build: Path,
    store: Store,
    step: Step,
    target: str,
    *,
    jobs: int | None,
    pythons: Sequence[str] = (),
) -> None:
    with inherited_lock(build / "ninja.lock") as lock:
        run_tool(
            [find_tool("ninja"), "-C", build / "onnxruntime", "-j", str(jobs or os.cpu_count() or 1), target],
            log=_log(store, recipe, "build"),
            env=_environment(recipe, build, store, pythons),
            on_line=progress_note(step),
            keep_open=[lock],  # a Ninja left by a killed process keeps running for a while
        )
    step.note("")


def _library(recipe: Recipe, build: Path, store: Store) -> Path:
    """Return the built library; in a reduced build with identical functions merged."""
    name = f"libonnxruntime.so.{recipe.tree.version}"
    built = build / "onnxruntime" / name
    if not built.is_file():
        raise BuildError(f"the build produced no {name}")
    if not recipe.folded:
        return built
    asked = run_tool(
        [find_tool("ninja"), "-C", built.parent, "-t", "commands", "-s", name], log=_log(store, recipe, "commands")
    )
    folded = build / "folded" / name
    folded.parent.mkdir(exist_ok=True)
    fold_functions(
        asked.stdout.decode().splitlines()[-1],
        folded,
        zig=Path(recipe.compiler.programs["cc"][0]),
        folder=built.parent,
        env=_environment(recipe, build, store),
        log=_log(store, recipe, "fold"),
    )
    return folded


def _finish(recipe: Recipe, built: Path, folder: Path) -> RuntimeBuild:
    """Inspect the library, copy it into `folder` and describe it."""
    name = built.name
    # The limit may be older than glibc 2.34 on aarch64, whose pthread and dlopen symbols no installed GCC can link
    # against.
    glibc = recipe.toolchain.glibc if recipe.compiler.chooses_glibc else None
    elf = inspect_library(built, recipe.toolchain, recipe.wanted, glibc=glibc)
    (folder / "lib").mkdir()
    shutil.copy2(built, folder / "lib" / name)
    files = file_entries(folder)
    return RuntimeBuild(
        schema=RuntimeBuild.SCHEMA,
        name="onnxruntime",
        version=recipe.tree.version,
        provider=PROVIDER,
        variant=recipe.variant,
        triple=recipe.toolchain.triple,
        library=f"lib/{name}",
        loader=None,
        glibc=elf.glibc,
        files=files,
        flags=tuple(recipe.flags()),
        reduced=recipe.operators is not None,
        key=digest_entries(files),
    )


def _environment(recipe: Recipe, build: Path, store: Store, pythons: Sequence[str] = ()) -> dict[str, str]:
    """Return the environment that the recipe's CMake files read."""
    places = {recipe.tree.dependencies: "sources", recipe.tree.onnxruntime: "sources/onnxruntime", build: "build"}
    # Map source paths in messages to names independent of this machine. The maps are hidden from CMake, since ONNX
    # Runtime embeds CMake's flags in its build information.
    maps = [f"-ffile-prefix-map={place}={name}" for place, name in places.items()]
    return {
        **UNTOUCHED,
        **cache_environment(store.root),
        **recipe.compiler.write_wrappers(build / "bin", hidden_flags=maps),
        "EDGETOOL_SOURCES": str(recipe.tree.dependencies),
        "EDGETOOL_PROCESSOR": recipe.wanted.processor,
        "EDGETOOL_CFLAGS": shlex.join(COMPILE_FLAGS),
        "EDGETOOL_LDFLAGS": shlex.join(recipe.link_flags),
        "EDGETOOL_KERNELS": "" if recipe.kernels is None else str(build / "kernels"),
        "EDGETOOL_OLDER_GLIBC": "" if recipe.older_glibc is None else str(build / "older_glibc"),
        "EDGETOOL_PYTHONS": ";".join(pythons),
        "EDGETOOL_REDUCED": "" if recipe.operators is None else str(build / "reduced"),
        # The build asks git for a commit; keep git from finding a repository around the cache.
        "GIT_CEILING_DIRECTORIES": os.pathsep.join(map(str, (store.root, recipe.tree.onnxruntime.parent))),
    }


def _log(store: Store, recipe: Recipe, step: str) -> Path:
    return store.root / "logs" / f"onnxruntime-{step}-{recipe.toolchain.triple}.log"
