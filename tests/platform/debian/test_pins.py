"""The lists in toolchain/debian: whole, and in step with what asks for their packages."""

from __future__ import annotations

import pytest

from edgetool.boards.image import PACKAGES, SUITE
from edgetool.boards.machines import MACHINES, Machine
from edgetool.platform.catalog import data_folder
from edgetool.platform.debian.pins import PinList, pinned, pins_folder, read_pins
from edgetool.platform.debian.refresh import render
from edgetool.platform.files import is_inside
from edgetool.runtimes.description import LIBC_PACKAGES
from edgetool.runtimes.spec import Toolchain
from edgetool.runtimes.toolchains import load_toolchain

LISTS = [read_pins(*path.stem.rsplit("-", 1)) for path in sorted(pins_folder().glob("*.toml"))]
TOOLCHAINS = [load_toolchain(path.stem) for path in sorted(data_folder("toolchain").glob("*-linux-gnu.toml"))]


def name_of(pins: PinList) -> str:
    return pins.path.stem


@pytest.mark.parametrize("toolchain", [each for each in TOOLCHAINS if each.debian], ids=lambda each: each.triple)
def test_what_a_toolchain_asks_for_is_pinned(toolchain: Toolchain) -> None:
    debian = toolchain.debian
    assert debian is not None
    wanted = read_pins(debian.suite, debian.architecture).wanted
    assert {*debian.packages, *LIBC_PACKAGES} <= set(wanted)
    assert {package.name for package in debian.pinned()} >= set(debian.packages)


@pytest.mark.parametrize("machine", MACHINES.values(), ids=lambda machine: machine.name)
def test_what_an_emulated_board_is_made_of_is_pinned(machine: Machine) -> None:
    assert {machine.kernel_package, *PACKAGES} <= set(read_pins(SUITE, machine.architecture).wanted)


@pytest.mark.parametrize("pins", LISTS, ids=name_of)
def test_a_list_holds_what_is_wanted_with_all_it_needs_and_nothing_else(pins: PinList) -> None:
    assert pinned(pins, pins.wanted) == pins.package
    assert not {package.name for package in pins.package} & set(pins.without)


@pytest.mark.parametrize("pins", LISTS, ids=name_of)
def test_a_list_is_as_make_pins_writes_it(pins: PinList) -> None:
    assert pins.path.read_text() == render(pins)


@pytest.mark.parametrize("pins", LISTS, ids=name_of)
def test_every_path_is_one_of_the_pool(pins: PinList) -> None:
    assert all(package.path.startswith("pool/main/") and is_inside(package.path) for package in pins.package)
    assert pins.path.name == f"{pins.suite}-{pins.architecture}.toml"
