"""What someone who waits is told: how long it takes, by the last time and by what is done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgetool.console.durations import Durations, Estimate
from edgetool.console.progress import PlainProgress
from edgetool.executors.local import LocalExecutor
from edgetool.platform.documents import write_document
from tests.support.bundles import bench_of, harness_script, host_target, result_document, stub_bundle
from tests.support.models import CLASSES
from tests.support.terminal import on_a_terminal

PROGRAM = """
import sys, threading
from pathlib import Path
from edgetool.console.durations import Estimate
from edgetool.console.progress import LiveProgress

class Terminal:
    def __init__(self, stream):
        self.stream, self.awaited, self.drawn = stream, "nothing", threading.Event()
    def write(self, text):
        count = self.stream.write(text)
        if self.awaited in text:
            self.drawn.set()
        return count
    def __getattr__(self, name):
        return getattr(self.stream, name)

sys.stderr = terminal = Terminal(sys.stderr)
progress = LiveProgress(Estimate(Path(sys.argv[1])))
for title in ("export tiny", "classify 8 images"):
    with progress.step(title) as step:
        for done in (0, 3):
            terminal.awaited = f"{done} of 8 samples"
            step.count(done, 8, "samples")
            terminal.drawn.wait(60)
            terminal.drawn.clear()
"""


def test_the_time_left_is_that_of_the_last_time_less_what_is_done(tmp_path: Path) -> None:
    write_document(tmp_path / "kept.json", Durations(steps_ms={"export": 60_000, "measure": 30_000}))
    estimate = Estimate(tmp_path / "kept.json")
    assert estimate.left_s("export", 20.0) == 70.0
    assert estimate.left_s("export", 500.0) == 30.0, "a step that takes longer eats no other's time"
    estimate.end("export", 61.0)
    assert estimate.left_s() == 30.0
    assert Estimate(tmp_path / "kept.json").whole_s() == 91.0


def test_without_a_last_time_nothing_is_estimated(tmp_path: Path) -> None:
    estimate = Estimate(tmp_path / "kept.json")
    estimate.end("export", 61.0)
    assert estimate.left_s() is None
    (tmp_path / "kept.json").write_text("of another release")
    assert Estimate(tmp_path / "kept.json").left_s() is None


def test_plain_lines_say_once_how_long_it_took_the_last_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_document(tmp_path / "kept.json", Durations(steps_ms={"export": 95_000}))
    progress = PlainProgress(Estimate(tmp_path / "kept.json"))
    for title in ("export", "report"):
        with progress.step(title):
            pass
    assert capsys.readouterr().err.splitlines() == ["… the last time this took 1 min 35 s", "✓ export", "✓ report"]


def test_verbose_lines_have_each_start_and_each_count_with_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainProgress(verbose=True).step("classify 8 images") as step:
        step.count(3, 8, "samples")
    lines = [line.partition("s] ")[2] for line in capsys.readouterr().err.splitlines()]
    assert any(line.startswith("… classify 8 images: 3 of 8 samples, about ") for line in lines), lines
    assert lines[-1] == "✓ classify 8 images"


def test_a_terminal_shows_the_samples_and_the_whole_with_what_is_left(tmp_path: Path) -> None:
    first = on_a_terminal("-c", PROGRAM, str(tmp_path / "kept.json"), env={"TERM": "xterm"})
    assert "time left unknown: the first time here" in first
    second = on_a_terminal("-c", PROGRAM, str(tmp_path / "kept.json"), env={"TERM": "xterm"})
    assert "classify 8 images: 3 of 8 samples, about" in second
    assert "all: " in second
    assert "left" in second
    assert "unknown" not in second


def test_the_samples_of_a_step_are_counted_while_it_runs(tmp_path: Path) -> None:
    """The harness goes on when its third sample has been seen."""
    seen, sample_bytes = tmp_path / "seen", 4 * CLASSES
    (tmp_path / "result.json").write_text(json.dumps(result_document()))
    harness = harness_script(
        tmp_path / "harness",
        f'head -c {3 * sample_bytes} /dev/zero >"$outputs/0.bin"\n'
        f"until [ -e {seen} ]; do sleep 0.05; done\n"
        f'head -c {sample_bytes} /dev/zero >"$outputs/0.bin"; cp {tmp_path}/result.json "$result"',
    )
    bundle = stub_bundle(tmp_path / "bundle", harness)

    def on_sample(done: int) -> None:
        if done == 3:
            seen.touch()

    with bench_of(LocalExecutor(), bundle, host_target()) as bench:
        outcome = bench.run(bundle.manifest.models[0], outputs=True, on_sample=on_sample)
    assert outcome.run.samples == 1
