"""The page about several threads: its ratios, worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.threads.page import write_page
from benchmarks.threads.rows import BusiestThread, Findings, ThreadsRow


def row(threads: int, elapsed: int, cycles: float, *, model: str = "small") -> ThreadsRow:
    return ThreadsRow(
        model=model,
        precision="int8",
        release="ONNX Runtime 1.21.0 (crossbuild)",
        vlen_bits=256,
        threads=threads,
        elapsed=elapsed,
        busiest=(BusiestThread(core="x60", cycles=cycles),),
    )


FOUND = Findings(rows=(row(1, 1_000, 2_000.0), row(4, 400, 625.0), row(1, 10, 10.0, model="other")))


def test_a_ratio_is_to_the_same_model_on_one_thread() -> None:
    assert FOUND.efficiency(FOUND.rows[1]) == pytest.approx(0.625)
    assert FOUND.evenness(FOUND.rows[1]) == {"x60": pytest.approx(0.8)}


def test_a_models_rows_take_the_place_of_its_earlier_ones() -> None:
    joined = FOUND.joined((row(1, 500, 1.0), row(2, 300, 1.0)))
    assert [(one.model, one.threads, one.elapsed) for one in joined.rows] == [
        ("other", 1, 10),
        ("small", 1, 500),
        ("small", 2, 300),
    ]


def test_the_page_shows_what_was_found(tmp_path: Path) -> None:
    text = write_page(FOUND, tmp_path / "threads.md").read_text()
    assert "| small | int8 | 4 | 400 | 2.50 | 62% | 80% |" in text.replace("  ", " ")
    assert "VLEN 256" in text
