"""The table of instruments: a record has a field of each name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edgetool.errors import ConfigError
from edgetool.measurements import accuracy, instructions, operators, timing
from edgetool.measurements.reading import Instrument
from edgetool.targets.spec import Target

# In the order in which they measure.
INSTRUMENTS: Mapping[str, Instrument] = {
    "timing": timing.INSTRUMENT,
    "accuracy": accuracy.INSTRUMENT,
    "operators": operators.INSTRUMENT,
    "instructions": instructions.INSTRUMENT,
}
DEFAULT = ("timing", "accuracy")


def check_instruments(names: Iterable[str], target: Target) -> None:
    """Raises ConfigError for an instrument that is unknown or can't measure on the target."""
    for name in names:
        if name not in INSTRUMENTS:
            raise ConfigError(f"no instrument {name!r}", hint=f"known instruments: {', '.join(INSTRUMENTS)}")
        INSTRUMENTS[name].check(target)
