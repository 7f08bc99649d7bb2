"""The plugin's model of caches: accesses made by hand, whose misses can be counted on paper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgetool.errors import CommandFailed
from edgetool.estimates.caches import CacheModel
from edgetool.harness.instructions import Traffic
from edgetool.harness.programs import assemble, count_program
from edgetool.platform.store import Store
from edgetool.runtimes.emulator import CountingEmulator

START, END = "slti x0, x0, 0x5e1", "slti x0, x0, 0x5e2"
LINE = 64
# 8 sets of 2 ways and 16 sets of 4: what lies 512 bytes apart meets in the first, 1024 in the second.
SMALL = CacheModel(name="small", line_bytes=LINE, l1_bytes=1024, l1_ways=2, l2_bytes=4096, l2_ways=4)
# One set each, of 16 and 64 ways.
ONE_SET = CacheModel(name="one-set", line_bytes=LINE, l1_bytes=1024, l1_ways=16, l2_bytes=4096, l2_ways=64)

Run = Callable[[str], tuple[Traffic, ...]]


@pytest.fixture
def run(counting: CountingEmulator, store: Store, tmp_path: Path) -> Run:
    """The traffic of what is between the marks, through both caches; s1 is where nothing was touched before."""

    def count(body: str) -> tuple[Traffic, ...]:
        source = tmp_path / "pattern.S"
        source.write_text(f"la s1, around\n{START}\n{body}\n{END}\n")
        program = assemble(source, tmp_path, store)
        return count_program(counting, program, vlen_bits=256, caches=(SMALL, ONE_SET)).traffic

    return count


def lines(traffic: Traffic) -> tuple[int, int]:
    """How many left the first and the second level."""
    assert traffic.beyond_l1_bytes % LINE == traffic.beyond_l2_bytes % LINE == 0
    return traffic.beyond_l1_bytes // LINE, traffic.beyond_l2_bytes // LINE


def walk(size: int, times: int, *, step: int = 8, access: str = "ld t5, 0(t3)") -> str:
    return f"""
  li t1, {times}
1:
  mv t3, s1
  li t2, {size // step}
2:
  {access}
  addi t3, t3, {step}
  addi t2, t2, -1
  bnez t2, 2b
  addi t1, t1, -1
  bnez t1, 1b
"""


def loads(*offsets: int) -> str:
    return "\n".join(f"ld t5, {offset}(s1)" for offset in offsets)


@pytest.mark.parametrize(
    ("body", "small", "one_set"),
    [
        pytest.param(walk(65536, 1), (1024, 1024), (1024, 1024), id="once through all: every line"),
        pytest.param(walk(1024, 10), (16, 16), (16, 16), id="what fits the first level is fetched once"),
        pytest.param(walk(2048, 10), (320, 32), (320, 32), id="twice the first level, in turn: always missed"),
        pytest.param(walk(8192, 10), (1280, 1280), (1280, 1280), id="twice the second, in turn: always missed"),
        pytest.param(walk(1024, 10, step=64), (16, 16), (16, 16), id="one access a line is enough"),
        pytest.param(loads(0, 512, 1024), (3, 3), (3, 3), id="three that meet in a set of two"),
        pytest.param("\n".join([loads(0, 512, 1024)] * 10), (30, 3), (3, 3), id="in turn, always missed"),
        pytest.param("\n".join([loads(0, 512)] * 10), (2, 2), (2, 2), id="two that meet in a set of two fit"),
        pytest.param(loads(0, 512, 0, 1024, 0), (3, 3), (3, 3), id="the least recent leaves, not the oldest"),
        pytest.param("ld t5, 60(s1)", (2, 2), (2, 2), id="across two lines"),
        pytest.param("sd t5, 0(s1)", (1, 1), (1, 1), id="a store fetches its line"),
        pytest.param(f"sd t5, 0(s1)\n{loads(512, 1024)}", (4, 3), (3, 3), id="what was written is written back"),
        pytest.param(f"sd t5, 0(s1)\nld t5, 8(s1)\nsd t5, 16(s1)\n{loads(512, 1024)}", (4, 3), (3, 3), id="once"),
        pytest.param(walk(8192, 1, access="sd t5, 0(t3)"), (240, 192), (240, 192), id="a stream of stores"),
        pytest.param("vsetvli t0, x0, e8, m8, ta, ma\nvle8.v v8, (s1)", (4, 4), (4, 4), id="a group of registers"),
        pytest.param("vsetivli x0, 4, e8, m1, ta, ma\nvle8.v v8, (s1)", (1, 1), (1, 1), id="vl elements only"),
        pytest.param(
            "vsetivli x0, 8, e8, m1, ta, ma\nli t2, 64\nvlse8.v v8, (s1), t2", (8, 8), (8, 8), id="a strided load"
        ),
        pytest.param(
            "vsetivli x0, 2, e8, m1, ta, ma\nvmv.v.i v0, 1\nli t2, 64\nvsse8.v v8, (s1), t2, v0.t",
            (1, 1),
            (1, 1),
            id="masked-off elements touch nothing",
        ),
    ],
)
def test_lines_that_leave_each_level(run: Run, body: str, small: tuple[int, int], one_set: tuple[int, int]) -> None:
    assert [lines(traffic) for traffic in run(body)] == [small, one_set]


def test_each_run_counts_the_same(run: Run) -> None:
    body = walk(32768, 3, access="sd t5, 0(t3)")
    assert run(body) == run(body)


@pytest.mark.parametrize(
    "model",
    [
        replace(SMALL, l1_bytes=1000),
        replace(SMALL, l1_ways=3),
        replace(SMALL, line_bytes=48),
        replace(SMALL, l2_bytes=1 << 40),
        replace(SMALL, l2_ways=1000),
    ],
)
def test_what_no_cache_can_be_is_refused(
    counting: CountingEmulator, store: Store, tmp_path: Path, model: CacheModel
) -> None:
    (tmp_path / "empty.S").write_text("")
    program = assemble(tmp_path / "empty.S", tmp_path, store)
    with pytest.raises(CommandFailed, match="cannot make sense of cache="):
        count_program(counting, program, vlen_bits=256, caches=(model,))
