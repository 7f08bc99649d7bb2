"""Write a Debian package that installs beside Debian's own libonnxruntime."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
from collections.abc import Sequence
from pathlib import Path
from time import gmtime, strftime

from edgetool.distribution.members import TIME_S, Member, moved, write_tar
from edgetool.distribution.release import HOMEPAGE, Release
from edgetool.distribution.tarball import SONAME, pkg_config, runtime_tree
from edgetool.errors import ConfigError
from edgetool.platform.files import staged_file
from edgetool.platform.unpack import AR_MAGIC

NAME = "onnxruntime-edgetool"
MAINTAINER = "edgetool <edgetool@users.noreply.invalid>"
ARCHITECTURES = {"riscv64": "riscv64", "aarch64": "arm64", "x86_64": "amd64"}  # by the triple's processor
SUMMARY = "ONNX Runtime with edgetool's kernels"
DESCRIPTION = (
    "Runs neural networks in the ONNX format. This build is a single library",
    "that needs the C library only. On RISC-V it chooses kernels for vectors",
    "when it is loaded.",
    ".",
    "The library, headers, and files for CMake are in one folder beside",
    "Debian's own packages of ONNX Runtime, which have another soname.",
)


def write_package(release: Release, folder: Path) -> Path:
    """Write `onnxruntime-edgetool_<version>_<architecture>.deb` and return its path."""
    name = f"{NAME}_{release.version}_{architecture(release)}.deb"
    path = folder / name
    members = package_files(release)
    with staged_file(path) as beside, beside.open("wb") as file:
        file.write(AR_MAGIC)
        for member, data in (
            ("debian-binary", b"2.0\n"),
            ("control.tar.xz", _tar_xz(control_files(release, members))),
            ("data.tar.xz", _tar_xz(members)),
        ):
            file.write(f"{member:<16}{TIME_S:<12}{0:<6}{0:<6}{0o100644:<8o}{len(data):<10}`\n".encode())
            file.write(data + b"\n" * (len(data) % 2))
    return path


def architecture(release: Release) -> str:
    """Return Debian's name for the processor. Raises ConfigError when there is none."""
    try:
        return ARCHITECTURES[release.processor]
    except KeyError as unknown:
        raise ConfigError(f"Debian has no architecture for {release.toolchain.triple}") from unknown


def package_files(release: Release) -> tuple[Member, ...]:
    """Return what is installed: one folder, a link for the loader, a file for pkg-config, and documentation."""
    libraries = f"usr/lib/{release.toolchain.triple}"
    home, doc = f"{libraries}/{NAME}", f"usr/share/doc/{NAME}"
    tree = [member for member in runtime_tree(release) if not member.path.startswith("lib/pkgconfig/")]
    return (
        *moved(tree, home),
        Member(path=f"{libraries}/{SONAME}", link=f"{NAME}/lib/{release.library.name}"),
        Member(path=f"{libraries}/pkgconfig/lib{NAME}.pc", content=pkg_config(release, f"/{home}")),
        Member(path=f"{doc}/copyright", content=_copyright(release, f"/{home}").encode()),
        Member(path=f"{doc}/changelog.gz", content=gzip.compress(_changelog(release).encode(), 9, mtime=0)),
    )


def control_files(release: Release, members: Sequence[Member]) -> tuple[Member, ...]:
    """Return the package's control files."""
    files = sorted((member for member in members if member.is_file), key=lambda member: member.path)
    sums = "".join(
        f"{hashlib.md5(member.data, usedforsecurity=False).hexdigest()}  {member.path}\n" for member in files
    )
    return (
        Member(path="control", content=_control(release, files).encode()),
        Member(path="md5sums", content=sums.encode()),
        Member(path="shlibs", content=f"libonnxruntime 1 {NAME} (>= {release.version})\n".encode()),
        Member(path="triggers", content=b"activate-noawait ldconfig\n"),
    )


def _control(release: Release, files: Sequence[Member]) -> str:
    size = sum(-(-len(member.data) // 1024) for member in files)
    return "\n".join(
        [
            f"Package: {NAME}",
            f"Version: {release.version}",
            f"Architecture: {architecture(release)}",
            f"Maintainer: {MAINTAINER}",
            f"Installed-Size: {size}",
            f"Depends: libc6 (>= {release.glibc})",
            "Section: libs",
            "Priority: optional",
            f"Homepage: {HOMEPAGE}",
            f"Description: {SUMMARY}",
            *(f" {line}" for line in DESCRIPTION),
            "",
        ]
    )


def _changelog(release: Release) -> str:
    day = strftime("%a, %d %b %Y %H:%M:%S +0000", gmtime(TIME_S))
    return (
        f"{NAME} ({release.version}) stable; urgency=medium\n\n"
        f"  * ONNX Runtime {release.runtime.build.version}, built by edgetool from the pinned sources.\n\n"
        f" -- {MAINTAINER}  {day}\n"
    )


def _copyright(release: Release, home: str) -> str:
    licence = (release.tree.onnxruntime / "LICENSE").read_text()
    parts = "".join(f"  {part.name} {part.version}: {part.licence}\n" for part in release.parts())
    return (
        f"ONNX Runtime, from {HOMEPAGE}, built by edgetool with edgetool's patches (Apache-2.0,\n"
        "/usr/share/common-licenses/Apache-2.0).\n\n"
        f"{licence}\n"
        f"The library holds code of these projects, whose copyrights and licences are in\n{home}/licenses and\n"
        f"{home}/ThirdPartyNotices.txt:\n\n{parts}"
    )


def _tar_xz(members: Sequence[Member]) -> bytes:
    raw = io.BytesIO()
    write_tar(raw, members, top="./")
    return lzma.compress(raw.getvalue(), preset=6)
