"""Bytes that are nearly right: pieces cut, repeated, swapped and replaced, documents with another value somewhere."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

ODD_NUMBERS = (0, 1, -1, 2**31, 2**63, 2**64, -(2**63), 10**400, 0.5, 1e300)
ODD_TEXTS = ("", "\0", "../../x", "/etc/passwd", "x" * 70_000, "[/red]", "=1+1", "![](/x)", "\u202e", "\ud800", "nan")
ODD_VALUES: tuple[Any, ...] = (*ODD_NUMBERS, *ODD_TEXTS, None, True, [], {}, [[]], {"": None})
ODD_BYTES = (b"\0", b"\xff", b"\n", b'"', b"nan", b"-1", b"9" * 30, b"[" * 2000, b"{" * 2000, b"\x80" * 8)


def mutate(random: random.Random, seeds: Sequence[bytes]) -> bytes:
    """One of the seeds, changed in a few places."""
    data = random.choice(seeds)
    if random.random() < 0.6:
        with suppress(ValueError, RecursionError):  # no document, or one too deep to be taken apart
            document = json.loads(data)
            for _ in range(random.randint(1, 3)):
                document = _changed(random, document)
            return json.dumps(document).encode()
    for _ in range(random.randint(1, 4)):
        data = _spoiled(random, data, seeds)
    return data


def _changed(random: random.Random, value: Any) -> Any:
    """A document with a value, a key or an entry of it replaced, removed or repeated; long ways down are as likely."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice(list(value))
        match random.randrange(8):
            case 0:
                return {other: entry for other, entry in value.items() if other != key}
            case 1:
                return {**value, random.choice(ODD_TEXTS): value[key]}
            case _:
                return {**value, key: _changed(random, value[key])}
    if isinstance(value, list) and value and random.random() < 0.9:
        index = random.randrange(len(value))
        match random.randrange(6):
            case 0:
                return value[:index] + value[index + 1 :]
            case 1:
                return value + [value[index]] * random.choice((1, 2, 70))
            case _:
                return [*value[:index], _changed(random, value[index]), *value[index + 1 :]]
    return random.choice(ODD_VALUES)


def _spoiled(random: random.Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    start = random.randint(0, len(data))
    end = min(len(data), start + random.choice((1, 1, 2, 4, 16, 512)))
    match random.randrange(6):
        case 0:
            return data[:start] + data[end:]
        case 1:
            return data[:start] + random.choice(ODD_BYTES) + data[end:]
        case 2:
            return data[:start] + random.randbytes(end - start) + data[end:]
        case 3:
            return data[:end] + data[start:]
        case 4:
            return data[:start] + random.choice(seeds)[start:]
        case _:
            return data[:start]
