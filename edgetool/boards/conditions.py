"""Set the conditions for a measurement, and restore the board afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from edgetool.boards.facts import SYS
from edgetool.errors import ConfigError, ExecutorError
from edgetool.executors.base import UNDO, Executor
from edgetool.platform.foreign import one_line
from edgetool.targets.spec import BenchmarkSpec

SHELL = (PurePosixPath("/bin/sh"), "-c")
TIMEOUT_S = 30.0
COOLDOWN_TIMEOUT_S = 900.0

# Before changing anything, write a script that restores the current governors.
SET_GOVERNOR = r"""
set -- "$SYS"/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor
[ -e "$1" ] || { echo "the kernel has none" >&2; exit 1; }
for file; do
  printf "echo '%s' >'%s'\n" "$(cat "$file")" "$file" || exit 1
done >"$UNDO" || exit 1
for file; do
  echo "$GOVERNOR" >"$file" || exit 1
  [ "$(cat "$file")" = "$GOVERNOR" ] || { echo "it is $(cat "$file") all the same" >&2; exit 1; }
done
"""
PUT_BACK = r"""
[ ! -f "$UNDO" ] || { sh "$UNDO" && rm -f "$UNDO"; }
"""
COOL_DOWN = r"""
sensor=$SYS/class/thermal/thermal_zone0/temp
[ -r "$sensor" ] || { echo "the board tells no temperature" >&2; exit 1; }
until [ "$(cat "$sensor")" -le "$LIMIT" ]; do sleep 2; done
"""


@contextmanager
def conditions(executor: Executor, spec: BenchmarkSpec, *, sys: str = SYS) -> Iterator[None]:
    """Set the board's CPU frequency governor if the spec asks for one. Raises ConfigError, ExecutorError.

    The governor is restored when the block ends; the board itself restores it when the link is lost or edgetool is
    killed.
    """
    if spec.governor is None:
        yield
        return
    _check_native(executor, "governor")
    env = {"SYS": sys, "UNDO": UNDO, "GOVERNOR": spec.governor}
    try:
        done = executor.run([*SHELL, SET_GOVERNOR], env=env, timeout_s=TIMEOUT_S)
        if done.exit_code != 0:
            raise ExecutorError(
                f"cannot set the governor {spec.governor}: {_last_line(done.stderr)}",
                hint="this needs root; scaling_available_governors in /sys lists the governors",
            )
        yield
    except BaseException:
        with contextlib.suppress(ExecutorError):  # the first error is the one to report
            executor.run([*SHELL, PUT_BACK], env=env, timeout_s=TIMEOUT_S)
        raise
    executor.run([*SHELL, PUT_BACK], env=env, timeout_s=TIMEOUT_S).check()


def cool_down(executor: Executor, spec: BenchmarkSpec, *, sys: str = SYS) -> None:
    """Wait until the board has cooled to the requested temperature. Raises ConfigError, ExecutorError."""
    if spec.cooldown_celsius is None:
        return
    _check_native(executor, "temperature")
    env = {"SYS": sys, "LIMIT": str(round(spec.cooldown_celsius * 1000))}
    done = executor.run([*SHELL, COOL_DOWN], env=env, timeout_s=COOLDOWN_TIMEOUT_S)
    if done.timed_out:
        raise ExecutorError(
            f"the board is above {spec.cooldown_celsius:g} °C after {COOLDOWN_TIMEOUT_S:.0f} s of rest",
            hint="cool it, or set a higher temperature with --cooldown",
        )
    if done.exit_code != 0:
        raise ExecutorError(f"cannot wait for {spec.cooldown_celsius:g} °C: {_last_line(done.stderr)}")


def _check_native(executor: Executor, what: str) -> None:
    if not executor.native():
        raise ConfigError(f"an emulator has no {what} of its own", hint="use a board or this machine")


def _last_line(stderr: bytes) -> str:
    return one_line((stderr.decode(errors="replace").strip().splitlines() or ["the board gave no reason"])[-1], 300)
