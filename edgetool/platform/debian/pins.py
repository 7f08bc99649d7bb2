"""Pinned Debian packages: a lock file for each suite and architecture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import ClassVar

from edgetool.errors import ConfigError
from edgetool.platform.catalog import data_folder
from edgetool.platform.documents import read_document
from edgetool.platform.files import FileEntry, is_inside
from edgetool.platform.values import Name, value


@value
class Package(FileEntry):
    """One .deb. `needs` are the packages of the same list that it depends on."""

    name: Name
    version: Name
    needs: tuple[Name, ...] = ()


@value
class PinList:
    """The lock file `toolchain/debian/<suite>-<architecture>.toml`.

    `wanted` and `without` are edited by hand; `make pins` writes the rest.
    """

    SCHEMA: ClassVar[int] = 1
    schema: int
    suite: Name
    architecture: Name
    wanted: tuple[Name, ...]  # packages that edgetool asks for by name
    without: tuple[Name, ...] = ()  # dependencies that nothing used here needs, since no package is configured
    as_of: Name | None = None  # a date on which the archive had all of the packages
    package: tuple[Package, ...] = ()

    @property
    def path(self) -> Path:
        return pins_folder() / f"{self.suite}-{self.architecture}.toml"


@value
class Packages:
    """Packages of one release and architecture, with all their dependencies."""

    suite: Name
    architecture: Name
    packages: tuple[Name, ...]

    def pinned(self) -> tuple[Package, ...]:
        """Return the pinned packages. Raises ConfigError when one is not pinned."""
        return pinned(read_pins(self.suite, self.architecture), self.packages)

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of each package by name, as inputs of a step that uses them."""
        return {package.name: package.sha256 for package in self.pinned()}


@cache
def read_pins(suite: str, architecture: str) -> PinList:
    """Read a lock file. Raises ConfigError when it is missing, invalid or names a file outside its folder."""
    path = pins_folder() / f"{suite}-{architecture}.toml"
    pins = read_document(path, PinList)
    if pins.schema != PinList.SCHEMA:
        raise ConfigError(f"{path}: schema: {pins.schema}, this edgetool reads {PinList.SCHEMA}")
    for package in pins.package:
        if not is_inside(package.path):
            raise ConfigError(f"{path}: {package.name}: {package.path!r} is not a plain path")
    return pins


def pins_folder() -> Path:
    return data_folder("toolchain") / "debian"


def pinned(pins: PinList, names: Sequence[str]) -> tuple[Package, ...]:
    """Return the named packages and all their dependencies, sorted by name.

    Raises ConfigError when a package isn't in the list.
    """
    packages = {package.name: package for package in pins.package}
    found: dict[str, Package] = {}
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in packages:
            raise ConfigError(
                f"{pins.path.name} has no package {name!r}",
                hint=f"add it to `wanted` in {pins.path} and run `make pins`",
            )
        if name not in found:
            found[name] = packages[name]
            todo += packages[name].needs
    return tuple(found[name] for name in sorted(found))
