"""Entry point of `edgetool` and `python -m edgetool`.

Importing the command line takes long enough for a Ctrl-C, so signals are handled from before it until Python's own end.
Under a locale that isn't UTF-8, Python starts again in its UTF-8 mode: files are UTF-8, only the terminal is not.
"""

from __future__ import annotations

import os
import sys

from edgetool.platform.interrupt import EXIT_CODE, Interrupted, end_on_signals, unwind_on_signals


def main() -> None:
    if sys.getfilesystemencoding() != "utf-8" and not sys.flags.utf8_mode:
        os.environ.setdefault("PYTHONIOENCODING", f"{sys.getfilesystemencoding()}:backslashreplace")
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
    unwind_on_signals()
    try:
        from edgetool.cli import main as run

        run()
    except Interrupted:  # before the command line could handle it, or while it reported another error
        print("interrupted", file=sys.stderr)
        sys.exit(EXIT_CODE)
    finally:
        end_on_signals()


if __name__ == "__main__":
    main()
