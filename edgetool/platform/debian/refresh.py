"""`make pins`: update the lock files of Debian packages from the signed index."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from edgetool.errors import EdgetoolError
from edgetool.platform.debian.index import Index, signed_index
from edgetool.platform.debian.mirrors import known_mirrors
from edgetool.platform.debian.pins import PinList, pins_folder, read_pins
from edgetool.platform.files import write_atomically

HEAD = """\
# What edgetool fetches of Debian {suite} for {architecture}, by its content. `make pins` writes this file from the
# signed index; by hand only what is `wanted`, and `without` which dependencies, as nothing that is used needs them.
"""


def render(pins: PinList) -> str:
    """Format a lock file."""
    lines = [
        HEAD.format(suite=pins.suite, architecture=pins.architecture),
        f"schema = {pins.schema}",
        f'suite = "{pins.suite}"',
        f'architecture = "{pins.architecture}"',
        f"wanted = [{_quoted(pins.wanted)}]",
        f"without = [{_quoted(pins.without)}]",
    ]
    lines += [f'as_of = "{pins.as_of}"'] if pins.as_of else []
    for package in pins.package:
        lines += [
            "",
            "[[package]]",
            f'name = "{package.name}"',
            f'version = "{package.version}"',
            f'path = "{package.path}"',
            f"size_bytes = {package.size_bytes}",
            f'sha256 = "{package.sha256}"',
        ]
        lines += [f"needs = [{_quoted(package.needs)}]"] if package.needs else []
    return "\n".join(lines).replace("\n\nschema", "\nschema", 1) + "\n"


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def refreshed(pins: PinList, index: Index) -> PinList:
    """Update the lock file to the packages in the index. Raises BuildError when a wanted package is missing there."""
    return replace(pins, as_of=index.as_of, package=index.resolve(pins.wanted, without=pins.without))


def main() -> int:
    """Update all lock files. A list whose signed index can't be read stays as it is and makes the command fail."""
    mirror, failed = known_mirrors()[0], 0
    with tempfile.TemporaryDirectory(prefix="edgetool-") as logs:
        for path in sorted(pins_folder().glob("*.toml")):
            suite, _, architecture = path.stem.rpartition("-")
            pins = read_pins(suite, architecture)
            try:
                new = refreshed(pins, signed_index(suite, architecture, mirror, log=Path(logs) / "apt.log"))
            except EdgetoolError as error:
                print(f"{path.name}: left as it is: {error.message}", file=sys.stderr)
                failed = error.exit_code
                continue
            changed = set(new.package) - set(pins.package)
            if new != pins:
                write_atomically(path, render(new).encode())
            print(f"{path.name}: {len(new.package)} packages, {len(changed)} changed")
    return failed


if __name__ == "__main__":
    sys.exit(main())
