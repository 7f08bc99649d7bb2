"""Read facts about the target from its /proc and /sys with its own shell. Every fact is optional."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import TypeVar

from edgetool.executors.base import Executor
from edgetool.platform.foreign import one_line
from edgetool.platform.values import NonNegative, Text, value

T = TypeVar("T")


@value
class BoardFacts:
    """Facts from /proc and /sys at one moment; None for facts that the machine doesn't report."""

    model: Text | None = None
    cpu: Text | None = None
    isa: Text | None = None
    governor: Text | None = None
    clock_hz: NonNegative | None = None
    temperature_celsius: float | None = None
    throttle_flags: NonNegative | None = None  # from Raspberry Pi firmware: bits 0–3 current, 16–19 since boot
    cooling_steps: NonNegative | None = None  # how many steps the kernel throttles the processors because of heat
    load_1min: float | None = None
    memory_available_bytes: NonNegative | None = None
    memory_bytes: NonNegative | None = None  # total


# Prints one `name=value` line for each fact and needs only a POSIX shell.
SYS = "/sys"
TIMEOUT_S = 120.0  # 30 s were too few for an emulated board on a machine with a load of 12
SCRIPT = r"""
first() { for file; do if [ -r "$file" ]; then head -n 1 "$file" | tr -d '\000'; return; fi; done; }
field() { sed -n "s/^$1[[:space:]]*: *//p" /proc/cpuinfo 2>/dev/null | head -n 1; }
echo "model=$(first /proc/device-tree/model "$SYS"/class/dmi/id/product_name)"
cpu=$(field 'model name'); [ -n "$cpu" ] || cpu=$(field uarch)
echo "cpu=$cpu"
echo "isa=$(field isa)"
echo "governor=$(first "$SYS"/devices/system/cpu/cpu0/cpufreq/scaling_governor)"
echo "clock_khz=$(first "$SYS"/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq)"
echo "temperature_millicelsius=$(first "$SYS"/class/thermal/thermal_zone0/temp)"
throttled=$(first "$SYS"/devices/platform/soc/soc:firmware/get_throttled)
[ -n "$throttled" ] || throttled=$(vcgencmd get_throttled 2>/dev/null)
echo "throttle_flags=${throttled#throttled=}"
cooling=
for device in "$SYS"/class/thermal/cooling_device*; do
  case $(first "$device/type") in *cpufreq*) ;; *) continue ;; esac
  state=$(first "$device/cur_state")
  case $state in '' | *[!0-9]*) ;; *) cooling=$((${cooling:-0} + state)) ;; esac
done
echo "cooling_steps=$cooling"
echo "load=$(first /proc/loadavg)"
echo "memory_kib=$(sed -n 's/^MemAvailable: *\([0-9]*\).*/\1/p' /proc/meminfo 2>/dev/null)"
echo "total_kib=$(sed -n 's/^MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo 2>/dev/null)"
"""


def read_facts(executor: Executor, *, sys: str = SYS) -> BoardFacts | None:
    """Read the current facts. Return None when /proc isn't the target's own: an emulator passes its host's through."""
    if not executor.native():
        return None
    result = executor.run([PurePosixPath("/bin/sh"), "-c", SCRIPT], env={"SYS": sys}, timeout_s=TIMEOUT_S)
    return parse_facts(result.stdout.decode(errors="replace"))


def parse_facts(text: str) -> BoardFacts:
    """Parse the script's output; an invalid line counts as an unknown fact.

    >>> parse_facts("clock_khz=1500000\\ntemperature_millicelsius=hot").clock_hz
    1500000000
    >>> hex(parse_facts("throttle_flags=50005").throttle_flags)
    '0x50005'
    """
    lines = dict(line.split("=", 1) for line in text.splitlines()[:100] if "=" in line)

    def read(name: str, convert: Callable[[str], T]) -> T | None:
        raw = lines.get(name, "").strip()[:512]
        try:
            return convert(raw) if raw else None
        except (ValueError, IndexError, OverflowError):
            return None

    return BoardFacts(
        model=read("model", one_line),
        cpu=read("cpu", one_line),
        isa=read("isa", one_line),
        governor=read("governor", one_line),
        clock_hz=read("clock_khz", lambda raw: _natural(raw) * 1000),
        temperature_celsius=read("temperature_millicelsius", lambda raw: _finite(raw) / 1000),
        throttle_flags=read("throttle_flags", lambda raw: _natural(str(int(raw, 16)))),
        cooling_steps=read("cooling_steps", _natural),
        load_1min=read("load", lambda raw: _finite(raw.split()[0])),
        memory_available_bytes=read("memory_kib", lambda raw: _natural(raw) * 1024),
        memory_bytes=read("total_kib", lambda raw: _natural(raw) * 1024),
    )


def _natural(raw: str) -> int:
    number = int(raw)
    if not 0 <= number < 2**50:
        raise ValueError(raw)
    return number


def _finite(raw: str) -> float:
    number = float(raw)
    if not abs(number) < 1e9:
        raise ValueError(raw)
    return number
