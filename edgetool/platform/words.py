"""The words of the command line that this process was started with."""

from __future__ import annotations

import sys
from pathlib import Path


def own_words() -> tuple[str, ...]:
    """Return the words of this process's command line, or none when it isn't edgetool's."""
    program = Path(sys.argv[0])
    is_edgetool = program.name == "edgetool" or program.parts[-2:] in (
        ("edgetool", "__main__.py"),
        ("edgetool", "cli.py"),
    )
    return tuple(sys.argv[1:]) if is_edgetool else ()
