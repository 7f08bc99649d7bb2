"""Published figures: what others measured on boards, with their sources."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar

from annotated_types import Gt, Len

from edgetool.errors import ConfigError
from edgetool.platform.catalog import data_folder
from edgetool.platform.documents import read_document
from edgetool.platform.values import Name, Positive, Text, value


@value
class Figure:
    """A time of one inference that somebody measured on a board."""

    core: Name
    model: Name
    precision: Name
    runtime: Text
    threads: Positive
    ms: Annotated[float, Gt(0)]
    source: Text
    shape: tuple[Positive, ...] = (1, 3, 224, 224)  # of the input
    counted: Name | None = None  # what a record of an equal program calls its runtime
    missing: Text | None = None  # why there is none


@value
class Published:
    """The file `toolchain/published/figures.toml`."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    boards: Mapping[Name, tuple[Name, ...]]  # core → words by which a board's own description tells it
    figure: Annotated[tuple[Figure, ...], Len(1, 1000)]

    def on_board(self, *described: str | None) -> tuple[Figure, ...]:
        """Figures of the core that a board's model or processor names; () for any other.

        >>> published = Published(schema=1, boards={"x60": ("k1",)}, figure=())
        >>> published.on_board("spacemit k1-x deb1 board", None)
        ()
        """
        words = {word for text in described if text is not None for word in re.findall(r"[a-z0-9]+", text.lower())}
        cores = {core for core, names in self.boards.items() if words & set(names)}
        return tuple(figure for figure in self.figure if figure.core in cores)


def published_file() -> Path:
    return data_folder("toolchain") / "published" / "figures.toml"


def read_published(path: Path | None = None) -> Published:
    """The figures that edgetool comes with, or those of another file. Raises ConfigError."""
    path = path or published_file()
    found = read_document(path, Published)
    for figure in found.figure:
        if (figure.counted is None) == (figure.missing is None):
            raise ConfigError(f"{path}: {figure.source}: either `counted` or `missing`")
    return found
