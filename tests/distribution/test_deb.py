"""The Debian package and the repository, read by dpkg and apt themselves."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from edgetool.distribution.apt import KEY, write_repository
from edgetool.distribution.deb import NAME, package_files, write_package
from edgetool.distribution.release import Release
from edgetool.errors import BuildError, ConfigError
from edgetool.platform.debian.index import read_stanzas
from edgetool.platform.process import run_process, run_tool
from edgetool.platform.unpack import read_control
from tests.distribution.conftest import need

# What Debian's own two packages install, of the same release.
DEBIANS = (
    "usr/lib/riscv64-linux-gnu/libonnxruntime.so.1.21.0",
    "usr/lib/riscv64-linux-gnu/libonnxruntime.so.1.21",
    "usr/lib/riscv64-linux-gnu/libonnxruntime.so",
    "usr/lib/riscv64-linux-gnu/libonnxruntime_providers_shared.so",
    "usr/lib/riscv64-linux-gnu/pkgconfig/libonnxruntime.pc",
    "usr/lib/riscv64-linux-gnu/cmake/onnxruntime/onnxruntimeConfig.cmake",
    "usr/include/onnxruntime/onnxruntime_c_api.h",
)


@pytest.fixture(scope="module")
def package(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_package(release, tmp_path_factory.mktemp("package"))


def test_its_name_says_what_it_is_for(package: Path, release: Release) -> None:
    assert package.name == f"{NAME}_{release.version}_riscv64.deb"


def test_dpkg_reads_what_it_says_of_itself(package: Path, release: Release) -> None:
    need("dpkg-deb")
    fields = run_process(["dpkg-deb", "--field", package, "Package", "Version", "Architecture", "Depends"]).stdout
    assert fields.decode().splitlines() == [
        f"Package: {NAME}",
        f"Version: {release.version}",
        "Architecture: riscv64",
        f"Depends: libc6 (>= {release.glibc})",
    ]


def test_no_file_of_it_is_one_of_debians(release: Release) -> None:
    assert not {member.path for member in package_files(release)} & set(DEBIANS)


def test_dpkg_installs_it_and_removes_it_without_a_trace(package: Path, tmp_path: Path) -> None:
    need("dpkg")
    if os.geteuid() != 0:
        pytest.skip("dpkg wants root")
    root = tmp_path / "root"
    for folder in ("var/lib/dpkg/updates", "var/lib/dpkg/info"):
        (root / folder).mkdir(parents=True)
    for name in ("status", "available"):
        (root / "var/lib/dpkg" / name).touch()
    dpkg = ("dpkg", f"--root={root}", "--force-architecture", "--force-depends")
    log = tmp_path / "log"
    run_tool([*dpkg, "--install", package], log=log, timeout_s=60)
    installed = {path.relative_to(root).as_posix() for path in (root / "usr").rglob("*") if not path.is_dir()}
    assert "usr/lib/riscv64-linux-gnu/libonnxruntime.so.1" in installed
    assert (root / "usr/lib/riscv64-linux-gnu/libonnxruntime.so.1").resolve().is_file()
    assert run_process([*dpkg, "--verify", NAME]).stdout == b""
    run_tool([*dpkg, "--purge", NAME], log=log, timeout_s=60)
    assert not (root / "usr").exists()


def test_two_are_equal_bit_for_bit(package: Path, release: Release, tmp_path: Path) -> None:
    assert write_package(release, tmp_path).read_bytes() == package.read_bytes()


def test_lintian_finds_no_error_but_those_of_a_library_of_one_line(package: Path) -> None:
    need("lintian")
    found = run_process(["lintian", "--fail-on", "none", "--allow-root", package], timeout_s=120).stdout.decode()
    assert [line for line in found.splitlines() if line.startswith("E:") and "libc" not in line] == []


# The repository


def apt(folder: Path, repository: Path, option: str, *words: str) -> str:
    """What apt-get prints, with a configuration of its own that knows one repository."""
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    (folder / "sources.list").write_text(f"deb [{option}] file:{repository} ./\n")
    settings: Mapping[str, object] = {
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder,
        "Dir::Etc::SourceList": folder / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "APT::Architecture": "riscv64",
        "APT::Architectures": "riscv64",
        "APT::Sandbox::User": "root",
        "APT::Update::Error-Mode": "any",
    }
    given = [word for name, setting in settings.items() for word in ("-o", f"{name}={setting}")]
    return run_tool(["apt-get", *given, *words], log=folder / "log", timeout_s=60).stdout.decode()


def test_apt_finds_the_package_in_an_unsigned_repository_that_is_trusted(package: Path, tmp_path: Path) -> None:
    need("apt-get")
    repository = write_repository(tmp_path / "repository", package)
    apt(tmp_path / "apt", repository, "trusted=yes", "update")
    assert package.name in apt(tmp_path / "apt", repository, "trusted=yes", "download", "--print-uris", NAME)


def test_apt_takes_a_signature_by_the_key_that_lies_beside_it(package: Path, tmp_path: Path) -> None:
    need("apt-get")
    need("gpg")
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GNUPGHOME", str(home))
        words = ("--batch", "--pinentry-mode", "loopback", "--passphrase", "", "--quick-generate-key")
        run_tool(["gpg", *words, "me@here.invalid", "ed25519", "sign", "1d"], log=tmp_path / "log", timeout_s=60)
        repository = write_repository(tmp_path / "repository", package, key="me@here.invalid")
        run_process(["gpgconf", "--kill", "all"])
    option = f"signed-by={repository / KEY}"
    apt(tmp_path / "apt", repository, option, "update")
    assert package.name in apt(tmp_path / "apt", repository, option, "download", "--print-uris", NAME)


def test_apt_refuses_one_that_was_changed_after_it_was_signed(package: Path, tmp_path: Path) -> None:
    need("apt-get")
    repository = write_repository(tmp_path / "repository", package)
    (repository / "Packages").write_bytes(b"Package: another\n")
    (repository / "Packages.gz").unlink()
    with pytest.raises(BuildError):
        apt(tmp_path / "apt", repository, "trusted=yes", "update")


def test_a_key_that_gpg_has_not_is_an_error_that_names_it(package: Path, tmp_path: Path) -> None:
    need("gpg")
    with pytest.raises(ConfigError, match=r"nobody@here\.invalid"):
        write_repository(tmp_path / "repository", package, key="nobody@here.invalid")


def test_packages_of_other_architectures_stay_in_the_repository(package: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    shutil.copy2(package, repository / f"{NAME}_0.1_arm64.deb")
    write_repository(repository, package)
    with (repository / "Packages").open() as file:
        assert len(list(read_stanzas(file))) == 2


@pytest.mark.parametrize("data", [b"", b"not an archive", b"!<arch>\n"])
def test_what_is_no_package_is_an_error_that_names_it(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.deb").write_bytes(data)
    with pytest.raises(BuildError, match=r"a\.deb"):
        read_control(tmp_path / "a.deb")
