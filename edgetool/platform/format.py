"""Format numbers and units for people."""

from __future__ import annotations


def time_text(ns: float | None) -> str:
    """Format a duration in nanoseconds with three significant digits.

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
    """Format a size in decimal units, as storage devices and file managers do.

    >>> size_text(3_771_234), size_text(512)
    ('3.77 MB', '512 B')
    """
    if size_bytes is None:
        return "–"
    for limit, scale, unit in ((1e3, 1.0, "B"), (1e6, 1e3, "kB"), (1e9, 1e6, "MB")):
        if size_bytes < limit:
            return f"{_three_digits(size_bytes / scale)} {unit}"
    return f"{_three_digits(size_bytes / 1e9)} GB"


def energy_text(microjoules: float | None) -> str:
    """
    >>> energy_text(12_345), energy_text(80), energy_text(2_500_000), energy_text(None)
    ('12.3 mJ', '80 µJ', '2.5 J', '–')
    """
    if microjoules is None:
        return "–"
    for limit, scale, unit in ((1e3, 1.0, "µJ"), (1e6, 1e3, "mJ")):
        if microjoules < limit:
            return f"{_three_digits(microjoules / scale)} {unit}"
    return f"{_three_digits(microjoules / 1e6)} J"


def count_text(number: int | None) -> str:
    """Format a count with four significant digits.

    >>> count_text(949_619_567), count_text(2_003_234_016), count_text(12_345), count_text(999), count_text(None)
    ('949.6 M', '2.003 G', '12.35 k', '999', '–')
    """
    if number is None or number < 1000:
        return "–" if number is None else str(number)
    scale, unit = next((scale, unit) for scale, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")) if number >= scale)
    return f"{number / scale:#.4g} {unit}"


def plural(count: int, noun: str) -> str:
    """
    >>> plural(1, "sample"), plural(8, "sample")
    ('1 sample', '8 samples')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def noise_text(decibel: float) -> str:
    """Format a signal-to-noise ratio, whose largest value stands for no noise at all.

    >>> noise_text(34.2), noise_text(200.0)
    ('34 dB', 'equal')
    """
    return "equal" if decibel >= 200 else f"{decibel:.0f} dB"


def percent_text(share: float | None, digits: int = 1) -> str:
    """Format a share (0 to 1) as a percentage.

    >>> percent_text(0.98889), percent_text(None)
    ('98.9 %', '–')
    """
    return "–" if share is None else f"{share * 100:.{digits}f} %"


def difference_text(largest: float | None, same_class: int | None, of: int | None) -> str:
    """Format the largest difference between the outputs of two runs, and how many samples got the same class.

    >>> difference_text(2.04e-6, 40, 40), difference_text(0.0, None, None), difference_text(None, None, None)
    ('2e-06, same class 40/40', '0', '–')
    """
    if largest is None:
        return "–"
    return f"{largest:.1g}" if same_class is None else f"{largest:.1g}, same class {same_class}/{of}"


def ratio_text(ratio: float | None) -> str:
    """Format a ratio with three significant digits.

    >>> ratio_text(0.4567)
    '0.457×'
    """
    return "–" if ratio is None else f"{_three_digits(ratio)}×"


def _three_digits(number: float) -> str:
    if number >= 999.5:
        return f"{number:.0f}"
    text = f"{number:.3g}"
    return text if "e" not in text else f"{number:.0f}"
