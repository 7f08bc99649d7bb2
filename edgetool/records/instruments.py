"""The table of instruments. A record has a field for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edgetool.errors import ConfigError
from edgetool.measurements import accuracy, instructions, offline, operators, timing
from edgetool.measurements.reading import Instrument
from edgetool.platform.names import name_hint
from edgetool.targets.spec import Target

# In the order of measurement.
INSTRUMENTS: Mapping[str, Instrument] = {
    "timing": timing.INSTRUMENT,
    "accuracy": accuracy.INSTRUMENT,
    "offline": offline.INSTRUMENT,
    "operators": operators.INSTRUMENT,
    "instructions": instructions.INSTRUMENT,
}
DEFAULT = ("timing", "accuracy")


def check_instruments(names: Iterable[str], target: Target) -> None:
    """Check instruments. Raises ConfigError for one that is unknown or can't measure on the target."""
    for name in names:
        if name not in INSTRUMENTS:
            raise ConfigError(f"no instrument {name!r}", hint=name_hint(name, INSTRUMENTS, what="known instruments"))
        INSTRUMENTS[name].check(target)
