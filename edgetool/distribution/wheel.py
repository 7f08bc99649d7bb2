"""Write the Python package `onnxruntime` as a wheel."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from time import gmtime

from edgetool import __version__
from edgetool.distribution.members import TIME_S, Member
from edgetool.distribution.release import HOMEPAGE, Release
from edgetool.errors import BuildError
from edgetool.platform.elf import read_elf
from edgetool.platform.files import staged_file
from edgetool.runtimes.onnxruntime.build import BRIDGE, EXTENSION

NAME = "onnxruntime"
LEVEL = 6  # of deflate: 9 takes thrice as long for a hundredth
# Folder and pattern of ORT's tree → folder of the package, as ORT's own build puts it together.
SOURCES = (
    ("onnxruntime", "__init__.py", ""),
    ("", "LICENSE", ""),
    ("", "ThirdPartyNotices.txt", ""),
    ("docs", "Privacy.md", ""),
    ("onnxruntime/python", "*.py", "capi"),
    ("onnxruntime/python/backend", "*.py", "backend"),
    ("onnxruntime/python/datasets", "*", "datasets"),
    ("onnxruntime/python/tools", "*.py", "tools"),
    ("onnxruntime/python/tools/quantization", "**/*.py", "quantization"),
    ("onnxruntime/python/tools/transformers", "**/*.py", "transformers"),
    ("onnxruntime/core/flatbuffers/ort_flatbuffers_py", "**/*.py", "tools/ort_format_model/ort_flatbuffers_py"),
    ("tools/python/util/mobile_helpers", "*.py", "tools/mobile_helpers"),
    ("tools/python/util/ort_format_model", "*.py", "tools/ort_format_model"),
    ("tools/python/util/qdq_helpers", "*.py", "tools/qdq_helpers"),
    ("tools/ci_build/github/android", "nnapi_supported_ops.md", "tools/mobile_helpers"),
    ("tools/ci_build/github/apple", "coreml_supported_*_ops.md", "tools/mobile_helpers"),
    *(
        ("tools/python/util", f"{name}.py", "tools")
        for name in (
            "check_onnx_model_mobile_usability",
            "convert_onnx_models_to_ort",
            "file_utils",
            "logger",
            "make_dynamic_shape_fixed",
            "onnx_model_utils",
            "optimize_onnx_model",
            "pytorch_export_helpers",
            "reduced_build_config_parser",
            "update_onnx_opset",
        )
    ),
)
APPENDED = ("tools/python/util/__init__append.py", "tools/__init__.py")  # the one to the other
STATE = "onnxruntime/python/_pybind_state.py.in"
IMPORT = "from .onnxruntime_pybind11_state import *"
# Installers refuse a wheel for another Python or glibc by its name. This is for copied packages and upgraded Pythons.
GUARDED = """\
try:
    {statement}  # noqa
except ImportError as error:
    import sys

    here = "%s.%s" % sys.version_info[:2]
    raise ImportError(
        f"{{error}}. This onnxruntime {version} is for CPython {python} on {processor} with glibc {glibc} or newer; "
        f"here is {{platform.python_implementation()}} {{here}} on {{platform.machine()}} with "
        f"{{' '.join(platform.libc_ver())}}. Take the wheel named cp{{here.replace('.', '')}}, or make it: "
        f"edgetool runtime dist --format wheel --python {{here}}"
    ) from error
"""
ENTRY_POINTS = "[console_scripts]\nonnxruntime_test = onnxruntime.tools.onnxruntime_test:main\n"


def write_wheel(release: Release, extension: Path, python: str, folder: Path, *, bridge: Path) -> Path:
    """Write the wheel for CPython `python` ("3.13") and return its path.

    Raises BuildError when a library needs more than libc.
    """
    tag = wheel_tag(release, (extension, bridge), python)
    path = folder / f"{NAME}-{release.version}-{tag}.whl"
    info = f"{NAME}-{release.version}.dist-info"
    libraries = package_libraries(release, extension, python, bridge)
    members = [*package_files(release, extension, python, bridge), *libraries, *_info(release, info, tag, libraries)]
    with staged_file(path) as beside, zipfile.ZipFile(beside, "w") as archive:
        for member in (*members, _record(members, info)):
            archive.writestr(_entry(member), member.data, zipfile.ZIP_DEFLATED, LEVEL)
    return path


def wheel_tag(release: Release, libraries: Sequence[Path], python: str) -> str:
    """Read the wheel's tag from the ELF files, such as "cp313-cp313-manylinux_2_34_riscv64".

    Raises BuildError when a library needs more than libc.
    """
    abi = f"cp{python.replace('.', '')}"
    return f"{abi}-{abi}-manylinux_{_glibc(release, libraries).replace('.', '_')}_{release.processor}"


def _glibc(release: Release, libraries: Sequence[Path]) -> str:
    """Return the oldest glibc that the runtime and `libraries` run with. Raises BuildError as `wheel_tag` does."""
    wanted = release.toolchain.crossbuild
    assert wanted is not None
    found = [read_elf(path) for path in (release.library, *libraries)]
    for elf in found:
        if more := set(elf.needed) - set(wanted.needed):
            raise BuildError(f"a wheel's library needs {', '.join(sorted(more))}, which not every Linux has")
    return max((elf.glibc for elf in found if elf.glibc), key=_numbers, default=release.toolchain.glibc)


def package_files(release: Release, extension: Path, python: str, bridge: Path) -> Iterator[Member]:
    """Yield the files of the folder `onnxruntime` but its libraries."""
    root, seen = release.tree.onnxruntime, set[str]()
    for folder, pattern, to in SOURCES:
        for path in sorted((root / folder).glob(pattern)):
            name = "/".join(filter(None, (NAME, to, path.relative_to(root / folder).as_posix())))
            if path.is_file() and name not in seen:
                seen.add(name)
                more = (root / APPENDED[0]).read_bytes() if name == f"{NAME}/{APPENDED[1]}" else b""
                yield Member(path=name, content=path.read_bytes() + more if more else path)
    # Where ORT's CMake would write how to open libraries of custom schemas, which this build has not.
    state = re.sub(r"^@\w+@\n", "", (root / STATE).read_text(), flags=re.MULTILINE)
    guarded = GUARDED.format(
        statement=IMPORT,
        version=release.version,
        python=python,
        processor=release.processor,
        glibc=_glibc(release, (extension, bridge)),
    )
    state = re.sub(rf"^{re.escape(IMPORT)}.*\n", lambda _: guarded, state, flags=re.MULTILINE)
    yield Member(path=f"{NAME}/capi/_pybind_state.py", content=state.encode())
    known = f"package_name = '{NAME}'\n__version__ = '{release.version}'\n"
    yield Member(path=f"{NAME}/capi/build_and_package_info.py", content=known.encode())


def package_libraries(release: Release, extension: Path, python: str, bridge: Path) -> tuple[Member, ...]:
    """Return the libraries of the folder `onnxruntime`."""
    suffix = f"cpython-{python.replace('.', '')}-{release.toolchain.triple}.so"
    return (
        Member(path=f"{NAME}/capi/{EXTENSION}.{suffix}", content=extension),
        Member(path=f"{NAME}/capi/lib{BRIDGE}.so", content=bridge),
        Member(path=f"{NAME}/capi/{release.library.name}", content=release.library),
    )


def _info(release: Release, info: str, tag: str, libraries: Sequence[Member]) -> Iterator[Member]:
    texts = [
        Member(path=name, content=release.tree.onnxruntime / name) for name in ("LICENSE", "ThirdPartyNotices.txt")
    ]
    notices = [*texts, *release.notices()]
    metadata = _metadata(release, [notice.path for notice in notices])
    yield Member(path=f"{info}/METADATA", content=metadata.encode())
    wheel = f"Wheel-Version: 1.0\nGenerator: edgetool {__version__}\nRoot-Is-Purelib: false\nTag: {tag}\n"
    yield Member(path=f"{info}/WHEEL", content=wheel.encode())
    yield Member(path=f"{info}/entry_points.txt", content=ENTRY_POINTS.encode())
    yield Member(path=f"{info}/top_level.txt", content=f"{NAME}\n".encode())
    for notice in notices:
        yield Member(path=f"{info}/licenses/{notice.path}", content=notice.content)
    for record in release.records(libraries, tuple(release.bindings())):
        yield Member(path=f"{info}/sboms/{record.path}", content=record.content)


def _metadata(release: Release, notices: Iterable[str]) -> str:
    requirements = (release.tree.onnxruntime / "requirements.txt").read_text().split("\n")
    return "\n".join(
        [
            "Metadata-Version: 2.4",
            f"Name: {NAME}",
            f"Version: {release.version}",
            f"Summary: ONNX Runtime for {release.toolchain.triple}, built by edgetool",
            f"Project-URL: Homepage, {HOMEPAGE}",
            f"License-Expression: {' AND '.join(release.licences())}",
            *(f"License-File: {notice}" for notice in notices),
            "Requires-Python: >=3.10",
            *(f"Requires-Dist: {line.replace(' ', '')}" for line in requirements if line.strip()),
            f"Keywords: onnx,machine learning,{release.processor}",
            "Classifier: Operating System :: POSIX :: Linux",
            "Classifier: Programming Language :: Python :: Implementation :: CPython",
            "Classifier: Topic :: Scientific/Engineering :: Artificial Intelligence",
            "Description-Content-Type: text/markdown",
            "",
            release.readme(),
        ]
    )


def _record(members: Iterable[Member], info: str) -> Member:
    """Return RECORD: every file with its hash and size, except itself."""
    path, text = f"{info}/RECORD", io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for member in members:
        data = member.data
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.writerow((member.path, f"sha256={digest}", len(data)))
    rows.writerow((path, "", ""))
    return Member(path=path, content=text.getvalue().encode())


def _entry(member: Member) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(member.path, date_time=gmtime(TIME_S)[:6])
    entry.create_system = 3  # Unix, whose permissions these are
    entry.external_attr = (0o100755 if member.path.endswith(".so") else 0o100644) << 16
    return entry


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
