"""Instructions of a model, counted by the emulator's plugin, and what is refused to be counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgetool.bundles import Bundle
from edgetool.errors import ConfigError, HarnessError
from edgetool.harness.bench import Bench
from edgetool.harness.counts import CountsFile, check_countable, read_counts
from edgetool.measurements.instructions import INSTRUMENT
from edgetool.platform.context import StepContext
from edgetool.runtimes.emulator import CountingEmulator
from edgetool.targets.registry import load_target, open_executor
from tests.support.commands import run_cli

# The tiny model's, as the runtime fuses it.
OPERATORS = {"FusedConv": 1, "GlobalAveragePool": 1, "Flatten": 1, "Gemm": 1}


def test_a_models_count_is_repeatable(riscv_bundle: Bundle, counting: CountingEmulator, context: StepContext) -> None:
    del counting
    model, target = riscv_bundle.manifest.models[0], load_target("qemu-riscv64")
    bench = Bench(executor=open_executor(target), bundle=riscv_bundle, target=target, context=context, board=None)
    first, second = (INSTRUMENT.measure(bench, model).measurement for _ in range(2))
    everything = [count.raw for counts in (first, second) for count in counts.inferences]
    assert max(everything) - min(everything) <= 0.001 * min(everything)
    assert first.vlen_bits == 256
    assert first.load_bytes > first.store_bytes > 0
    assert {entry.operator: entry.calls for entry in first.operators} == OPERATORS
    assert {entry.operator: entry.raw for entry in second.operators} == pytest.approx(
        {entry.operator: entry.raw for entry in first.operators}, rel=0.02
    )
    assert sum(entry.raw for entry in first.operators) > 0.9 * first.raw
    assert {entry.kernels for entry in first.operators} == {first.kernels} == {"scalar"}


def test_a_bench_shows_what_was_counted(riscv_bundle: Bundle, counting: CountingEmulator, tmp_path: Path) -> None:
    del counting
    settings = ["--repetitions", "1", "--warmup", "0", "--min-duration", "0", "--runs", tmp_path / "runs", "--json"]
    done = run_cli("bench", riscv_bundle.root, "--count-instructions", *map(str, settings))
    assert done.exit_code == 0, done.stderr.decode()
    answer = json.loads(done.stdout)
    rows = answer["rows"]
    assert all(row["instructions_weighted"] == row["instructions"] > 0 for row in rows), "Debian's build has no vectors"
    folder = tmp_path / "runs" / Path(answer["run"]).name
    assert "## Instructions per inference" in (folder / "report.md").read_text()
    assert (folder / "charts" / "instructions.svg").is_file()
    assert f"{rows[0]['instructions']}" in (folder / "summary.csv").read_text()


def test_a_bench_of_what_cannot_be_counted_is_refused(host_bundle: Bundle) -> None:
    done = run_cli("bench", host_bundle.root, "--target", "host", "--count-instructions")
    assert done.exit_code == 2
    assert b"can't be counted" in done.stderr


@pytest.mark.parametrize("name", ["host", "qemu-aarch64", "docker-riscv64", "virt-riscv64", "visionfive2"])
def test_a_place_that_cannot_be_counted_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"instructions can't be counted on {name}") as caught:
        check_countable(load_target(name))
    assert caught.value.hint is not None
    assert "qemu-riscv64" in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"schema": 1, "vlen_bits": 0, "inferences": [], "stepped": [], "clock": [], "clock_cut": false, "blocks": []}',
        '{"schema": 1}',
    ],
)
def test_a_malformed_count_is_an_error_that_names_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "counts.json").write_text(text)
    with pytest.raises(HarnessError):
        read_counts(tmp_path / "counts.json", "tiny fp32")
    assert CountsFile.SCHEMA == 4
