"""The decorator for edgetool's values: frozen keyword-only dataclasses whose documents allow no unknown keys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, TypeVar, dataclass_transform

from annotated_types import Ge, Le, Len, Predicate

from edgetool.platform.text import LONG_LINE_LIMIT, Cleaned

T = TypeVar("T")

# Documents come from boards and archives, so numbers and texts are bounded and texts are reduced to one line.
NonNegative = Annotated[int, Ge(0), Le(2**63 - 1)]
Positive = Annotated[int, Ge(1), Le(2**63 - 1)]
Text = Annotated[str, Len(0, 65_536), Cleaned(LONG_LINE_LIMIT)]  # for display
Lines = Annotated[str, Len(0, 65_536)]  # not for display
Name = Annotated[str, Len(1, 512), Predicate(str.isprintable)]  # an identifier
FileName = Annotated[str, Len(1, 128), Predicate(lambda name: plain_name(name) == name)]  # a file name without folders
Sha256 = Annotated[str, Len(64, 64)]


def plain_name(text: str) -> str:
    """Return `text` as a file name that is valid on every system: no separators, leading dots or control characters.

    >>> plain_name("../my net:v2")
    'my_net_v2'
    """
    return re.sub(r"[^\w.+-]+", "_", text)[:128].strip("._") or "unnamed"


@dataclass_transform(frozen_default=True, kw_only_default=True)
def value(cls: type[T]) -> type[T]:
    """Make `cls` a frozen keyword-only dataclass that rejects unknown keys when read from a document."""
    cls.__pydantic_config__ = {"extra": "forbid", "allow_inf_nan": False}  # type: ignore[attr-defined]
    return dataclass(frozen=True, kw_only=True)(cls)
