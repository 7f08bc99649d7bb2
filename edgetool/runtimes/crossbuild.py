"""ONNX Runtime built from pinned sources for a triple: configure, build, inspect, describe."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from edgetool.errors import BuildError, ConfigError
from edgetool.platform.documents import write_document
from edgetool.platform.files import file_entries, sha256_file, write_atomically
from edgetool.platform.process import run_process, run_tool
from edgetool.platform.progress import Progress, Step
from edgetool.platform.store import Store, key_of
from edgetool.runtimes.compilers import Compiler, cache_environment, find_compiler, host_compiler
from edgetool.runtimes.inspection import inspect_library
from edgetool.runtimes.operators import Operators
from edgetool.runtimes.patches import mirror, patched_files
from edgetool.runtimes.prebuilt import open_runtime
from edgetool.runtimes.sources import SourceTree, find_source, recipe_folder, source_tree
from edgetool.runtimes.spec import CrossBuild, Runtime, RuntimeBuild, Toolchain

RECIPE = 3  # raised when the way a runtime is built changes
PROTOC_RECIPE = 1
PROVIDER = "crossbuild"
OPTIONS = {
    "CMAKE_BUILD_TYPE": "Release",
    "CMAKE_POLICY_VERSION_MINIMUM": "3.5",  # some of the dependencies ask for less than CMake 4 still knows
    "CMAKE_SKIP_RPATH": "ON",
    "onnxruntime_BUILD_SHARED_LIB": "ON",
    "onnxruntime_BUILD_UNIT_TESTS": "OFF",
    "onnxruntime_ENABLE_PYTHON": "OFF",
    "onnxruntime_ENABLE_CPUINFO": "OFF",  # it has no RISC-V, and elsewhere the kernel tells the same
}
# No debug information: zig's default makes the library 37 times as large.
COMPILE_FLAGS = ("-g0",)
LINK_FLAGS = ("-s", "-Wl,--build-id=sha1")
# CMake would add what the user's shell says to what the recipe says.
UNTOUCHED = dict.fromkeys(("CFLAGS", "CXXFLAGS", "CPPFLAGS", "ASMFLAGS", "LDFLAGS"), "")
NINJA_STATUS = re.compile(r"\[(\d+)/(\d+)\]")
TARGET = "onnxruntime"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that decides what is built."""

    toolchain: Toolchain
    wanted: CrossBuild
    tree: SourceTree
    compiler: Compiler
    operators: Operators | None  # None: all of them

    @property
    def options(self) -> dict[str, str]:
        """CMake's cache entries, without those that name a place on this machine."""
        return {**OPTIONS, "onnxruntime_REDUCED_OPS_BUILD": "OFF" if self.operators is None else "ON"}

    @property
    def link_flags(self) -> tuple[str, ...]:
        return (*LINK_FLAGS, *self.compiler.link_flags)

    @property
    def patches(self) -> tuple[Path, ...]:
        """None for a tree of the user's: it may have what they bring already."""
        return tuple(sorted((recipe_folder() / "patches").glob("*.patch"))) if self.tree.pinned else ()

    @property
    def kernels(self) -> Path | None:
        name = self.wanted.kernels if self.tree.pinned else None
        return None if name is None else recipe_folder() / name

    def inputs(self) -> dict[str, object]:
        return {
            "provider": PROVIDER,
            "recipe": RECIPE,
            "triple": self.toolchain.triple,
            "sources": self.tree.key,
            "cmake": {path.name: sha256_file(path) for path in sorted(recipe_folder().glob("*.cmake"))},
            "patches": {path.name: sha256_file(path) for path in self.patches},
            "kernels": None if self.kernels is None else {x.path: x.sha256 for x in file_entries(self.kernels)},
            "compiler": self.compiler.title,
            "target": self.compiler.target_flags,
            "options": self.options,
            "flags": [*COMPILE_FLAGS, *self.link_flags],
            "operators": None if self.operators is None else self.operators.config,
        }

    def flags(self) -> Iterator[str]:
        """What a record says of how the runtime was built."""
        yield self.compiler.title
        yield shlex.join([*self.compiler.target_flags, *COMPILE_FLAGS, *self.link_flags])
        yield from (f"-D{name}={setting}" for name, setting in self.options.items())

    @property
    def variant(self) -> str:
        which = "all operators" if self.operators is None else f"reduced to {self.operators.title}"
        return f"{self.compiler.title}, {which}"


def build_runtime(
    toolchain: Toolchain,
    store: Store,
    progress: Progress,
    *,
    compiler: str = "zig",
    operators: Operators | None = None,
    source: Path | None = None,
    mirror: Path | None = None,
    jobs: int | None = None,
    force: bool = False,
) -> Runtime:
    """The runtime for a triple, built when it is not in the cache yet; an interrupted build goes on where it ended.

    Raises ConfigError for what is missing on this machine, BuildError when a tool fails or the library is not what
    the toolchain promises.
    """
    recipe = prepare(toolchain, store, progress, compiler=compiler, operators=operators, source=source, mirror=mirror)

    def make(folder: Path) -> None:
        with build_folder(recipe, store) as build:
            _configure(recipe, build, store, progress)
            with progress.step(f"build ONNX Runtime {recipe.tree.version} for {toolchain.triple}") as step:
                _build(recipe, build, store, step, jobs=jobs)
            write_document(folder / "runtime.json", _finish(recipe, build, folder))

    return open_runtime(store.entry("runtime", recipe.inputs(), make, force=force).path)


def configure_runtime(recipe: Recipe, store: Store, progress: Progress) -> Path:
    """The first part of a build alone; returns the folder in which Ninja would go on."""
    with build_folder(recipe, store) as build:
        _configure(recipe, build, store, progress)
        return build / "onnxruntime"


def prepare(
    toolchain: Toolchain,
    store: Store,
    progress: Progress,
    *,
    compiler: str = "zig",
    operators: Operators | None = None,
    source: Path | None = None,
    mirror: Path | None = None,
) -> Recipe:
    """Find the compiler and fetch the sources. Raises ConfigError, BuildError."""
    if toolchain.crossbuild is None:
        raise ConfigError(
            f"{toolchain.triple} has no [crossbuild] table", hint=f"add one to toolchain/{toolchain.triple}.toml"
        )
    for program in ("cmake", "ninja"):
        _tool(program)
    found = find_compiler(compiler, toolchain)
    tree = source_tree(store, progress, own=source, mirror=mirror)
    return Recipe(toolchain=toolchain, wanted=toolchain.crossbuild, tree=tree, compiler=found, operators=operators)


@contextmanager
def build_folder(recipe: Recipe, store: Store) -> Iterator[Path]:
    """Where objects are kept between builds, for one process at a time.

    Reduced builds have one of their own: ORT defines a macro for all of its files there, but from one set of operators
    to another only some forty differ.
    """
    from filelock import FileLock

    key = key_of({"sources": recipe.tree.key, "compiler": recipe.compiler.title, "cmake": _cmake_version()})
    kind = "" if recipe.operators is None else "-reduced"
    build = store.root / "build" / f"{recipe.toolchain.triple}-{key}{kind}"
    build.mkdir(parents=True, exist_ok=True)
    with FileLock(build.with_name(f"{build.name}.lock")):
        # What CMake reads once and then remembers: when it has changed, have it look again. Objects stay, as Ninja
        # compiles those anew whose command has changed.
        inputs = {**recipe.inputs(), "patches": None, "kernels": None, "operators": None}
        stamp, wanted = build / "inputs", key_of(inputs).encode()
        if not stamp.is_file() or stamp.read_bytes() != wanted:
            (build / "onnxruntime" / "CMakeCache.txt").unlink(missing_ok=True)
            for memory in build.glob("onnxruntime/CMakeFiles/[0-9]*"):
                shutil.rmtree(memory)
        write_atomically(stamp, wanted)
        yield build


def _bring_in(recipe: Recipe, build: Path, store: Store) -> Path:
    """The sources as they are compiled, beside their objects; returns ONNX Runtime's tree.

    They have the same place whatever is patched, so that a changed patch costs only the objects that it touches.
    """
    mirror(recipe_folder(), build / "recipe", only="*.cmake")
    if recipe.kernels is not None:
        mirror(recipe.kernels, build / "kernels")
    if not recipe.tree.pinned:
        return recipe.tree.onnxruntime
    changed = patched_files(recipe.tree.onnxruntime, recipe.patches, log=_log(store, recipe, "patch"))
    mirror(recipe.tree.onnxruntime, build / "source", changed=changed, place=os.link)
    return build / "source"


def _configure(recipe: Recipe, build: Path, store: Store, progress: Progress) -> None:
    protoc = _host_protoc(recipe, store, progress)
    with progress.step(f"configure ONNX Runtime {recipe.tree.version} for {recipe.toolchain.triple}"):
        environment = _environment(recipe, build, store)
        source = _bring_in(recipe, build, store)
        if recipe.operators is not None:
            _reduce(recipe.operators, recipe, build, source, store)
        recipes = [build / "recipe" / name for name in ("dependencies.cmake", "kernels.cmake")]
        places: dict[str, str | Path] = {
            "CMAKE_TOOLCHAIN_FILE": build / "recipe" / "toolchain.cmake",
            "CMAKE_PROJECT_TOP_LEVEL_INCLUDES": ";".join(map(str, recipes)),
            "CMAKE_MAKE_PROGRAM": _tool("ninja"),
            "Python_EXECUTABLE": Path(sys.executable),
            "ONNX_CUSTOM_PROTOC_EXECUTABLE": protoc,
        }
        definitions = [f"-D{name}={setting}" for name, setting in {**recipe.options, **places}.items()]
        words: list[str | Path] = ["-G", "Ninja", "-S", source / "cmake", "-B", build / "onnxruntime"]
        run_tool(
            [_tool("cmake"), *words, "--compile-no-warning-as-error", *definitions],
            log=_log(store, recipe, "configure"),
            env=environment,
            timeout_s=3600,
        )


def _build(recipe: Recipe, build: Path, store: Store, step: Step, *, jobs: int | None) -> None:
    run_tool(
        [_tool("ninja"), "-C", build / "onnxruntime", "-j", str(jobs or os.cpu_count() or 1), TARGET],
        log=_log(store, recipe, "build"),
        env=_environment(recipe, build, store),
        on_line=_progress_note(step),
    )
    step.note("")


def _progress_note(step: Step) -> Callable[[str], None]:
    def note(line: str) -> None:
        if found := NINJA_STATUS.match(line):
            step.note(f"{found[1]} of {found[2]} objects")

    return note


def _finish(recipe: Recipe, build: Path, folder: Path) -> RuntimeBuild:
    """Inspect the library, copy it into `folder`, describe it."""
    name = f"libonnxruntime.so.{recipe.tree.version}"
    built = build / "onnxruntime" / name
    if not built.is_file():
        raise BuildError(f"the build made no {name}")
    elf = inspect_library(built, recipe.toolchain, recipe.wanted, glibc=recipe.compiler.glibc)
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
        key=hashlib.sha256("".join(f"{file.path}\0{file.sha256}\n" for file in files).encode()).hexdigest(),
    )


def _environment(recipe: Recipe, build: Path, store: Store) -> dict[str, str]:
    """What toolchain.cmake and dependencies.cmake read."""
    places = {recipe.tree.dependencies: "sources", recipe.tree.onnxruntime: "sources/onnxruntime", build: "build"}
    # Messages name their source file: not by where it lay on this machine. Flags that CMake knows of would be in the
    # library too, as ORT keeps them for its build information; a wrapper's are not.
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
        # The build asks git for a commit: it must not find one of a repository around the cache.
        "GIT_CEILING_DIRECTORIES": os.pathsep.join(map(str, (store.root, recipe.tree.onnxruntime.parent))),
    }


def _reduce(operators: Operators, recipe: Recipe, build: Path, source: Path, store: Store) -> None:
    """ORT's own script writes the kernels' registrations anew, without those that are not wanted."""
    config = build / "operators.config"
    write_atomically(config, operators.config.encode())
    script = source / "tools" / "ci_build" / "reduce_op_kernels.py"
    options = ["--is_extended_minimal_build_or_higher", "--enable_type_reduction"]
    run_tool(
        [sys.executable, script, config, "--cmake_build_dir", build / "onnxruntime", *options],
        log=_log(store, recipe, "reduce"),
        timeout_s=300,
    )


def _host_protoc(recipe: Recipe, store: Store, progress: Progress) -> Path:
    """The protocol compiler of the sources' own release, built once to run here."""
    source = find_source("protobuf")
    compiler = host_compiler(recipe.compiler)
    inputs = {"recipe": PROTOC_RECIPE, "protobuf": source.sha256, "compiler": compiler.title}

    def make(folder: Path) -> None:
        build = folder / "build"
        environment = {**UNTOUCHED, **cache_environment(store.root)}
        wrappers = compiler.write_wrappers(folder / "bin")
        definitions: Mapping[str, str] = {
            "CMAKE_BUILD_TYPE": "Release",
            "CMAKE_CXX_FLAGS_RELEASE": "-O1",
            "CMAKE_CXX_FLAGS": "-g0",
            "CMAKE_C_COMPILER": wrappers["EDGETOOL_CC"],
            "CMAKE_MAKE_PROGRAM": str(_tool("ninja")),
            "CMAKE_CXX_COMPILER": wrappers["EDGETOOL_CXX"],
            "CMAKE_AR": wrappers["EDGETOOL_AR"],
            "CMAKE_RANLIB": wrappers["EDGETOOL_RANLIB"],
            "CMAKE_POLICY_VERSION_MINIMUM": OPTIONS["CMAKE_POLICY_VERSION_MINIMUM"],
            "protobuf_BUILD_TESTS": "OFF",
            "protobuf_WITH_ZLIB": "OFF",
        }
        words: list[str | Path] = ["-G", "Ninja", "-S", recipe.tree.dependencies / source.name, "-B", build]
        run_tool(
            [_tool("cmake"), *words, *(f"-D{name}={setting}" for name, setting in definitions.items())],
            log=_log(store, recipe, "configure-protoc"),
            env=environment,
            timeout_s=3600,
        )
        run_tool(
            [_tool("ninja"), "-C", build, "protoc"],
            log=_log(store, recipe, "build-protoc"),
            env=environment,
            on_line=_progress_note(step),
        )
        shutil.copy2((build / "protoc").resolve(), folder / "protoc")
        shutil.rmtree(build)
        step.note("")

    with progress.step(f"protocol compiler {source.version}") as step:
        return store.entry("protoc", inputs, make).path / "protoc"


def _tool(name: str) -> Path:
    """CMake or Ninja: out of its PyPI package, the same on every machine, or else what is installed."""
    try:
        module = import_module(name)
    except ImportError:
        found = shutil.which(name)
        if found is None:
            raise ConfigError(f"{name} is not installed", hint=f"pip install {name}") from None
        return Path(found)
    folder: str = module.CMAKE_BIN_DIR if name == "cmake" else module.BIN_DIR
    return Path(folder) / name


def _cmake_version() -> str:
    printed = run_process([_tool("cmake"), "--version"], timeout_s=60).stdout.decode(errors="replace")
    return printed.partition("\n")[0].removeprefix("cmake version ").strip()


def _log(store: Store, recipe: Recipe, step: str) -> Path:
    return store.root / "logs" / f"onnxruntime-{step}-{recipe.toolchain.triple}.log"
