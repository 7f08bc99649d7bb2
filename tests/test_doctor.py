"""What is missing, and which of it is asked for."""

from __future__ import annotations

import pytest

from edgetool.doctor import Finding, examine, missing_system_packages
from edgetool.targets.registry import load_target


def finding(package: str, *, found: str | None, required: bool) -> Finding:
    return Finding(name="it", found=found, needed_for="this", package=package, remedy="do so", required=required)


FINDINGS = (
    finding("needed", found=None, required=True),
    finding("there", found="1.0", required=True),
    finding("now-and-then", found=None, required=False),
)


def test_only_what_the_target_wants_is_missing() -> None:
    assert missing_system_packages(FINDINGS) == ("needed",)


def test_what_is_wanted_now_and_then_is_missing_on_request() -> None:
    assert missing_system_packages(FINDINGS, optional=True) == ("needed", "now-and-then")


def test_what_counting_instructions_wants_is_named_and_not_required() -> None:
    found = {
        finding.name: finding
        for finding in examine(load_target("qemu-riscv64"))
        if "--count-instructions" in finding.needed_for
    }
    assert set(found) == {"cc", "patch", "meson", "pycotap", "glib's headers"}
    assert not any(finding.required for finding in found.values())
    assert found["glib's headers"].package == "libglib2.0-dev"


def test_what_a_cross_build_wants_is_named_and_not_required() -> None:
    found = {
        finding.name: finding
        for finding in examine(load_target("qemu-riscv64"))
        if "`edgetool runtime build`" in finding.needed_for
    }
    assert set(found) == {"patch", "cmake", "ninja"}
    assert not any(finding.required for finding in found.values())


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("qemu-riscv64", {"qemu-riscv64"}),
        ("virt-riscv64", {"qemu-system-riscv64"}),
        ("virt-aarch64", {"qemu-system-aarch64"}),
        ("visionfive2", set()),
        ("raspberry-pi", set()),
        ("host", set()),
    ],
)
def test_each_target_wants_programs_of_its_own(target: str, wanted: set[str]) -> None:
    programs = {finding.name for finding in examine(load_target(target)) if finding.required and finding.package}
    assert programs == wanted
