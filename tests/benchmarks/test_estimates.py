"""Published figures beside estimates: what holds, what misses and by how much, what was not counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.estimates.figures import Check, Counted, CountedModel, check, factor_for
from benchmarks.estimates.page import write_page
from edgetool.errors import ConfigError
from edgetool.estimates.cores import core_names, load_core
from edgetool.estimates.published import Figure, published_file, read_published
from edgetool.harness.instructions import Cell, InstructionMix, Traffic

X60 = load_core("x60")
# 16 M cycles of arithmetic and 8 M of issue: 10 to 15 ms at 1.6 GHz.
MIX = InstructionMix(cells=(Cell(op="fadd", count=16_000_000, weight=16_000_000),), load_bytes=0, store_bytes=0)
COUNTED = Counted(
    schema=1, models=(CountedModel(model="net", precision="fp32", runtime="there 1.0", vlen_bits=0, mix=MIX),)
)
FIGURE = Figure(
    core="x60", model="net", precision="fp32", runtime="There", threads=1, ms=12.0, source="a page", counted="there 1.0"
)


def checked(figure: Figure) -> Check:
    found = check(figure, COUNTED, X60)
    assert found is not None
    return found


@pytest.mark.parametrize(("ms", "holds", "factor"), [(12.0, True, 1), (5.0, False, 2), (30.0, False, 2)])
def test_a_figure_holds_within_its_interval_and_misses_by_a_factor(ms: float, holds: bool, factor: float) -> None:
    found = checked(replace(FIGURE, ms=ms))
    assert found.low == pytest.approx(10)
    assert found.high == pytest.approx(15)
    assert found.holds is holds
    assert found.factor == pytest.approx(factor)


def test_threads_may_share_the_work_or_leave_it_to_one() -> None:
    found = checked(replace(FIGURE, threads=4))
    assert found.low == pytest.approx(2.5)
    assert found.high == pytest.approx(15)


def test_counts_with_the_cores_caches_are_preferred() -> None:
    traffic = Traffic(cache="x60", beyond_l1_bytes=0, beyond_l2_bytes=0)
    other = replace(COUNTED.models[0], vlen_bits=256, mix=replace(MIX, traffic=(traffic,)))
    found = check(FIGURE, COUNTED.joined([other]), X60)
    assert found is not None
    assert found.with_memory


def test_what_was_not_counted_is_not_checked() -> None:
    assert check(replace(FIGURE, counted="elsewhere"), COUNTED, X60) is None


def test_newer_counts_replace_the_same_program_s() -> None:
    newer = replace(COUNTED.models[0], mix=replace(MIX, load_bytes=1))
    assert COUNTED.joined([newer]).models == (newer,)


def test_the_factor_is_what_nine_in_ten_need() -> None:
    checks = [checked(replace(FIGURE, ms=ms)) for ms in (12.0,) * 8 + (30.0, 60.0)]
    assert factor_for(checks) == pytest.approx(2)
    assert factor_for(checks, share=1.0) == pytest.approx(4)


def test_every_published_figure_names_a_known_core() -> None:
    assert {figure.core for figure in read_published().figure} <= set(core_names())


def test_a_figure_is_counted_or_says_why_not(tmp_path: Path) -> None:
    text = published_file().read_text().replace('missing = "not built here"', "", 1)
    (tmp_path / "published.toml").write_text(text)
    with pytest.raises(ConfigError, match="either `counted` or `missing`"):
        read_published(tmp_path / "published.toml")


def test_the_page_shows_misses_and_what_was_not_counted(tmp_path: Path) -> None:
    figures = [FIGURE, replace(FIGURE, ms=30.0), replace(FIGURE, counted=None, missing="no source")]
    write_page(tmp_path / "page.md", [X60], figures, COUNTED)
    page = (tmp_path / "page.md").read_text()
    assert "| 12 ms | 10.0 to 15.0 ms, without memory | float | yes | a page |" in page
    assert "| 30 ms | 10.0 to 15.0 ms, without memory | float | **no**, by 2.00 | a page |" in page
    assert "1 of 2 lie within their interval. To hold 90% of them, both ends must be 2.00 times as far out." in page
    assert "| 12 ms | no source | a page |" in page
    assert "**SpacemiT X60**: *rvv-bench*:" in page
