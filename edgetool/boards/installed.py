"""Find the ONNX Runtime that is installed on a board, and bring a copy of it here to be measured like any other."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path, PurePosixPath

from edgetool.errors import ConfigError, EdgetoolError, TransferError
from edgetool.executors.base import Executor
from edgetool.platform.documents import parse_value, read_document, write_document
from edgetool.platform.elf import read_elf
from edgetool.platform.files import sha256_file
from edgetool.platform.foreign import one_line
from edgetool.platform.store import Store
from edgetool.platform.values import Name, Sha256, Text, value
from edgetool.runtimes.description import describe_runtime, open_runtime
from edgetool.runtimes.onnxruntime.recipe import PROVIDER as OURS
from edgetool.runtimes.spec import Installed, Runtime, RuntimeBuild, Toolchain

PROVIDER = "installed"
BY_PYTHON = f"{PROVIDER}:"  # a Python on the board other than python3
RECIPE = 1  # increment when the runtime is described differently
LIBRARY = re.compile(r"libonnxruntime\.so(\.\d+)*")
VERSION = re.compile(r"\d+\.\d+\.\d+")
FOLDER = PurePosixPath("installed")  # in the work folder
SIZE_LIMIT_BYTES = 2**30
TIMEOUT_S = 600.0  # importing NumPy takes minutes on an emulated board
NOT_FOUND = 127  # of a shell

# Imports onnxruntime as an application does. Debian's extension loads a library, which the process's memory map names;
# those of wheels are linked with the same objects as the library beside them.
PROGRAM = """\
import glob, hashlib, json, os, platform, sys
answer = {"python": "%d.%d" % sys.version_info[:2], "glibc": platform.libc_ver()[1], "machine": platform.machine()}
try:
    import onnxruntime
    home = os.path.dirname(onnxruntime.__file__)
    with open("/proc/self/maps") as maps:
        found = [line.split(None, 5)[5].strip() for line in maps if "/libonnxruntime.so" in line]
    found = found or sorted(glob.glob(os.path.join(glob.escape(home), "capi", "libonnxruntime.so*")), reverse=True)
    answer["package"] = onnxruntime.__version__
    if found:
        answer["library"] = os.path.realpath(found[0])
        with open(found[0], "rb") as file:
            answer["sha256"] = hashlib.sha256(file.read()).hexdigest()
    records = glob.glob(os.path.join(glob.escape(os.path.dirname(home)), "onnxruntime-*.dist-info/sboms/runtime.json"))
    answer["record"] = records[0] if len(records) == 1 else None
except Exception as error:
    answer["error"] = "%s: %s" % (type(error).__name__, error)
print(json.dumps(answer))
"""
# The user's home stands for "~", as in a shell.
START = 'case $1 in "~/"*) set -- "$HOME/${1#??}" "$2";; esac; exec "$1" -c "$2"'
COPY = 'mkdir -p "$1/lib" && cp -- "$2" "$1/lib/" && if [ -n "$3" ]; then cp -- "$3" "$1/record.json"; fi'


@value
class Found:
    """What the board's Python says of its onnxruntime."""

    python: Name
    glibc: Text
    machine: Text
    package: Name | None = None  # onnxruntime.__version__
    library: Name | None = None
    sha256: Sha256 | None = None
    record: Name | None = None  # the build record that edgetool's wheels contain
    error: Text | None = None


def installed_runtime(executor: Executor, asked: str, toolchain: Toolchain, store: Store) -> Runtime:
    """Return a copy of the library that onnxruntime has on an open target, and which Python found it.

    `asked` is "installed" for the board's python3, or "installed:PYTHON" for the Python of a virtual environment.
    Raises ConfigError, with what to install, when that Python has no onnxruntime or can't load it. Raises
    WrongMachine for a library of another triple, TransferError when it changes underway.
    """
    python = asked.removeprefix(PROVIDER).removeprefix(":") or "python3"
    found = _ask(executor, python)
    if found.error is not None or found.library is None or found.sha256 is None:
        raise ConfigError(_missing(found, python), hint=_instead(found, toolchain))
    library, sha256 = found.library, found.sha256

    def fill(folder: Path) -> None:
        brought = _bring(executor, library, found.record, folder)
        if sha256_file(brought) != sha256:
            raise TransferError(f"{library} changed while it was copied", hint="run the command again")
        record = _own_record(folder / "record.json", sha256)
        (folder / "record.json").unlink(missing_ok=True)
        write_document(folder / "runtime.json", _describe(brought, found, library, record, toolchain))

    inputs = {"recipe": RECIPE, "installed": library, "sha256": sha256, "triple": toolchain.triple}
    return open_runtime(store.entry("runtime", inputs, fill).path)


def _ask(executor: Executor, python: str) -> Found:
    if not executor.native():
        raise ConfigError(
            f'runtime = "{PROVIDER}" is for boards: this target runs no Python of its own',
            hint="choose another runtime, such as crossbuild",
        )
    shell: list[str | PurePosixPath] = [PurePosixPath("/bin/sh"), "-c", START, "sh", python, PROGRAM]
    done = executor.run(shell, timeout_s=TIMEOUT_S)
    if done.exit_code == NOT_FOUND:
        raise ConfigError(
            f"the board has no {python}", hint=f'name the Python that has onnxruntime: runtime = "{BY_PYTHON}PATH"'
        )
    said = done.check().stdout.decode(errors="replace").strip().rpartition("\n")[2]
    return parse_value(Found, said, where=f"{python} on the board", error=ConfigError)


def _missing(found: Found, python: str) -> str:
    who = f"{one_line(python)} on the board (CPython {found.python}, glibc {found.glibc or 'unknown'})"
    if found.error is None:
        return f"{who}: onnxruntime {found.package} contains no libonnxruntime.so that can be measured"
    return f"{who} can't import onnxruntime: {one_line(found.error, 400)}"


def _instead(found: Found, toolchain: Toolchain) -> str:
    """Say which wheel the board's Python takes."""
    if VERSION.match(f"{found.glibc}.0") and _numbers(found.glibc) < _numbers(toolchain.glibc):
        return f"edgetool's wheels need glibc {toolchain.glibc}: upgrade the board's distribution"
    pinned = found.python in {python.version for python in toolchain.python}
    more = f"--python {found.python}" if pinned else f"--headers DIR, with the headers of CPython {found.python}"
    return f"install the wheel of `edgetool runtime dist --triple {toolchain.triple} --format wheel {more}`"


def _bring(executor: Executor, library: str, record: str | None, folder: Path) -> Path:
    """Copy the library to `lib/` in `folder`, beside `record.json` if there is one."""
    words: list[str | PurePosixPath] = [PurePosixPath("/bin/sh"), "-c", COPY, "sh", FOLDER, library, record or ""]
    executor.run(words, timeout_s=TIMEOUT_S).check()
    executor.get(FOLDER, folder / "brought", limit_bytes=SIZE_LIMIT_BYTES)
    for path in tuple((folder / "brought").iterdir()):
        path.rename(folder / path.name)
    shutil.rmtree(folder / "brought")
    return folder / "lib" / PurePosixPath(library).name


def _describe(
    brought: Path, found: Found, library: str, record: RuntimeBuild | None, toolchain: Toolchain
) -> RuntimeBuild:
    version = VERSION.match(found.package or "")
    if LIBRARY.fullmatch(brought.name) is None or version is None:
        raise ConfigError(f"{library} of onnxruntime {found.package} is no library of ONNX Runtime")
    described = describe_runtime(
        toolchain,
        brought.parent.parent,
        kind="onnxruntime",
        library=LIBRARY,
        provider=PROVIDER,
        version=version[0],
        variant=f"onnxruntime {found.package} of CPython {found.python}, {'' if record else 'not '}edgetool's build",
        carries_libc=False,
    )
    where = Installed(path=library, build_id=read_elf(brought).build_id, ours=record is not None)
    return replace(described, installed=where, flags=record.flags if record else ())


def _own_record(path: Path, sha256: str | None) -> RuntimeBuild | None:
    """Return edgetool's record of the build beside the library, if it is of this very library."""
    try:
        record = read_document(path, RuntimeBuild)
    except EdgetoolError:
        return None
    own = record.provider == OURS and any(file.sha256 == sha256 for file in record.files)
    return record if own else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split(".")[:3] if number.isdecimal())
