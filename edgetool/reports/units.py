"""Numbers as people read them; the one place where units are made."""

from __future__ import annotations


def time_text(ns: float | None) -> str:
    """Three significant digits with a unit.

    >>> time_text(7_412_345), time_text(1_234_567_890), time_text(None)
    ('7.41 ms', '1.23 s', '–')
    """
    if ns is None:
        return "–"
    for limit, scale, unit in ((1e3, 1.0, "ns"), (1e6, 1e3, "µs"), (1e9, 1e6, "ms")):
        if ns < limit:
            return f"{_three_digits(ns / scale)} {unit}"
    return f"{_three_digits(ns / 1e9)} s"


def size_text(size_bytes: float | None) -> str:
    """Decimal units, as storage and file managers use.

    >>> size_text(3_771_234), size_text(512)
    ('3.77 MB', '512 B')
    """
    if size_bytes is None:
        return "–"
    for limit, scale, unit in ((1e3, 1.0, "B"), (1e6, 1e3, "kB"), (1e9, 1e6, "MB")):
        if size_bytes < limit:
            return f"{_three_digits(size_bytes / scale)} {unit}"
    return f"{_three_digits(size_bytes / 1e9)} GB"


def count_text(number: float | None) -> str:
    """
    >>> count_text(941_234_567), count_text(1_994_000_000), count_text(1234), count_text(None)
    ('941 M', '1.99 G', '1.23 k', '–')
    """
    if number is None:
        return "–"
    for limit, scale, unit in ((1e3, 1.0, ""), (1e6, 1e3, " k"), (1e9, 1e6, " M")):
        if number < limit:
            return f"{_three_digits(number / scale)}{unit}"
    return f"{_three_digits(number / 1e9)} G"


def percent_text(share: float | None, digits: int = 1) -> str:
    """
    >>> percent_text(0.98889), percent_text(None)
    ('98.9 %', '–')
    """
    return "–" if share is None else f"{share * 100:.{digits}f} %"


def ratio_text(ratio: float | None) -> str:
    """
    >>> ratio_text(0.4567)
    '0.457×'
    """
    return "–" if ratio is None else f"{_three_digits(ratio)}×"


def _three_digits(number: float) -> str:
    if number >= 999.5:
        return f"{number:.0f}"
    text = f"{number:.3g}"
    return text if "e" not in text else f"{number:.0f}"
