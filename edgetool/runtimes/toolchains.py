"""Load toolchains by triple, and build the harness for each."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edgetool.errors import ConfigError
from edgetool.platform.catalog import data_folder
from edgetool.platform.documents import read_document
from edgetool.platform.elf import check_machine
from edgetool.platform.files import sha256_file
from edgetool.platform.names import name_hint
from edgetool.platform.process import run_tool
from edgetool.platform.python import PYTHON
from edgetool.platform.store import Store, key_of
from edgetool.runtimes.spec import Toolchain

HARNESS_FLAGS = ("-std=gnu11", "-O2", "-g0", "-s", "-Wall", "-Wextra", "-Werror")


def native_triple() -> str:
    """Return this machine's triple. No toolchain has it unless the machine runs Linux."""
    system = platform.system().lower()
    return f"{platform.machine()}-{'linux-gnu' if system == 'linux' else system}"


def load_toolchain(triple: str) -> Toolchain:
    """Load `toolchain/<triple>.toml`; "native" stands for this machine.

    Raises ConfigError, listing the known triples.
    """
    if triple == "native":
        triple = native_triple()
    folder = data_folder("toolchain")
    path = folder / f"{triple}.toml"
    if not path.is_file():
        known = sorted(file.stem for file in folder.glob("*.toml"))
        raise ConfigError(f"no toolchain for {triple!r}", hint=name_hint(triple, known, what="known triples"))
    toolchain = read_document(path, Toolchain)
    if toolchain.schema != Toolchain.SCHEMA:
        raise ConfigError(f"{path}: schema: {toolchain.schema}, this edgetool reads {Toolchain.SCHEMA}")
    return toolchain


def build_harness(toolchain: Toolchain, store: Store, *, force: bool = False) -> Path:
    """Compile the harness for a triple with zig, once. Raises BuildError, WrongMachine."""
    sources = sorted(data_folder("toolchain").glob("harness/*.[ch]"))
    digests = {source.name: sha256_file(source) for source in sources}
    target = ["-target", toolchain.zig_target, *([f"-mcpu={toolchain.zig_cpu}"] if toolchain.zig_cpu else [])]
    flags = [*HARNESS_FLAGS, *target, *toolchain.cflags]
    inputs = {"sources": digests, "flags": flags, "zig": _zig_version()}
    # Identifies the harness in records: equal sources and flags give the same name.
    build = key_of(inputs)
    define = f'-DHARNESS_BUILD="{build}"'
    programs = [source for source in sources if source.suffix == ".c"]

    def make(folder: Path) -> None:
        binary = folder / "edgetool-harness"
        run_tool(
            [*PYTHON, "-m", "ziglang", "cc", *flags, define, "-o", binary, *programs, "-ldl", "-lm"],
            log=store.root / "logs" / f"harness-{toolchain.triple}.log",
            timeout_s=600,
        )
        check_machine(binary, machine=toolchain.elf_machine, triple=toolchain.triple)

    return store.entry("harness", inputs, make, force=force).path / "edgetool-harness"


def _zig_version() -> str:
    try:
        return version("ziglang")
    except PackageNotFoundError as error:
        raise ConfigError("the compiler ziglang is not installed", hint="pip install ziglang") from error
