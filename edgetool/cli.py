"""The command line: the list of commands, and how errors end the process."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, NoReturn, cast

import typer

from edgetool import __version__
from edgetool.commands.board import board_app
from edgetool.commands.cache import cache_app
from edgetool.commands.config import config
from edgetool.commands.dashboard import dashboard
from edgetool.commands.diff import diff
from edgetool.commands.doctor import doctor
from edgetool.commands.estimate import estimate
from edgetool.commands.jobs import attach, cancel, jobs
from edgetool.commands.measure import bench, deploy
from edgetool.commands.models import export, package, quantize
from edgetool.commands.new import new
from edgetool.commands.runs import compare, history, report, status, trace
from edgetool.commands.runtime import runtime_app
from edgetool.commands.settings import read_settings
from edgetool.commands.sweep import sweep
from edgetool.commands.targets import clean, targets_app
from edgetool.commands.tune import tune
from edgetool.errors import EXIT_CODES, ConfigError, EdgetoolError
from edgetool.platform.foreign import printable
from edgetool.platform.guard import scratch_of_our_own
from edgetool.platform.interrupt import Interrupted, unwind_on_signals
from edgetool.platform.terminal import standard_streams

INTERRUPTED_EXIT_CODE = 130
SPACE_HINT = "free some space; $EDGETOOL_CACHE and $TMPDIR move the cache and the work folders"
LOCK_HINT = "the file system has no locks; $EDGETOOL_CACHE moves the cache, --runs and --output the results"
HINTS = {
    errno.ENOSPC: SPACE_HINT,
    errno.EDQUOT: SPACE_HINT,
    errno.ENOLCK: LOCK_HINT,
    errno.EOPNOTSUPP: LOCK_HINT,
}
# Typer exports no name for its errors of usage, but a subclass.
USAGE_ERROR = cast(
    type[typer.BadParameter], next(each for each in typer.BadParameter.__mro__ if each.__name__ == "UsageError")
)

app = typer.Typer(
    name="edgetool",
    help="Deploy a PyTorch vision model to a RISC-V or Arm board, and measure it there and on this machine.",
    epilog=f"Exit codes: {', '.join(f'{code} {meaning}' for code, meaning in EXIT_CODES.items())}.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
PREPARE, MEASURE, BOARDS, MAINTAIN = "Prepare a model", "Measure and report", "Boards and targets", "Installation"
COMMANDS: dict[str, Sequence[Callable[..., None]]] = {
    PREPARE: (new, export, quantize, tune, diff, package),
    MEASURE: (deploy, bench, sweep, compare, history, status, report, trace, dashboard, estimate),
    BOARDS: (jobs, attach, cancel, clean),
    MAINTAIN: (doctor, config),
}
for panel, commands in COMMANDS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)
app.add_typer(targets_app, name="targets", rich_help_panel=BOARDS)
app.add_typer(board_app, name="board", rich_help_panel=BOARDS)
app.add_typer(runtime_app, name="runtime", rich_help_panel=MAINTAIN)
app.add_typer(cache_app, name="cache", rich_help_panel=MAINTAIN)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"edgetool {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version
    context.default_map = read_settings(context, Path.cwd()).default_map()


def main() -> None:
    """Run the command line. Print an error as a message and a hint, or as JSON, and exit with its code."""
    unwind_on_signals()
    as_json = "--json" in sys.argv
    try:
        with standard_streams(), scratch_of_our_own():
            # Typer itself prints what is wrong with a command line, as text.
            sys.exit(app(standalone_mode=not as_json))
    except EdgetoolError as error:
        _fail(error.message, error.hint, error.exit_code, as_json=as_json)
    except USAGE_ERROR as error:
        _fail(error.format_message(), None, ConfigError.exit_code, as_json=as_json)
    except MemoryError:
        _fail("out of memory", "is it limited, as by `ulimit -v`?", 1, as_json=as_json)
    except BrokenPipeError:
        sys.exit(1)  # the reader of the pipe is gone, as with `| head`
    except OSError as error:
        where = error.filename2 or error.filename
        message = f"{error.strerror or error}" + (f": {where}" if where else "")
        _fail(message, HINTS.get(error.errno or 0), 1, as_json=as_json)
    except Interrupted:
        if as_json:
            _fail("interrupted", "steps that were done are kept", INTERRUPTED_EXIT_CODE, as_json=True)
        print("interrupted; steps that were done are kept", file=sys.stderr)
        sys.exit(INTERRUPTED_EXIT_CODE)


def _fail(message: str, hint: str | None, exit_code: int, *, as_json: bool) -> NoReturn:
    if as_json:
        # in the form of answers.ErrorAnswer, which takes a second to load
        print(json.dumps({"error": message, "hint": hint, "exit_code": exit_code}, indent=2), file=sys.stderr)
    else:
        print(f"error: {printable(message)}", file=sys.stderr)
        if hint:
            print(f"hint: {printable(hint)}", file=sys.stderr)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
