"""What to say of a name that nobody knows: the names that look like it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from enum import StrEnum
from typing import TypeVar

from edgetool.errors import ConfigError

E = TypeVar("E", bound=StrEnum)

MOST_LISTED = 40  # more of them help nobody


def listed(words: Iterable[str]) -> list[str]:
    """Return the names in words that each hold one, or several with commas.

    >>> listed(["fp32,int8", "fp16"])
    ['fp32', 'int8', 'fp16']
    """
    return [name for word in words for each in word.split(",") if (name := each.strip())]


def name_hint(name: str, known: Iterable[str], *, what: str) -> str:
    """A hint: up to three of `known` that look like `name`, and all of them, called `what`, where they are not many.

    >>> name_hint("int4", ("fp32", "int8"), what="known precisions")
    'did you mean int8? known precisions: fp32, int8'
    """
    names = list(known)
    spelled = {each.lower(): each for each in names}
    close = [spelled[each] for each in get_close_matches(name.lower(), spelled, n=3)]
    meant = f"did you mean {' or '.join(close)}?" if close else ""
    all_of_them = f"{what}: {', '.join(names) or 'none'}" if not close or len(names) <= MOST_LISTED else ""
    return " ".join(text for text in (meant, all_of_them) if text)


def member(kind: type[E], name: str, *, what: str, plural: str = "") -> E:
    """The member of an enumeration that has this value. Raises ConfigError, with a hint.

    >>> from edgetool.models.spec import Color
    >>> member(Color, "bgr", what="color")
    <Color.BGR: 'bgr'>
    """
    try:
        return kind(name)
    except ValueError as error:
        hint = name_hint(name, [each.value for each in kind], what=f"known {plural or what + 's'}")
        raise ConfigError(f"no {what} {name!r}", hint=hint) from error
