"""Energy by a sensor of the board: the kernel's files, imitated in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.harness.result import Energy, HarnessRun
from edgetool.reports.exporters.markdown import export_markdown
from tests.harness.bench import INPUT, Bench
from tests.reports.examples import entry, report_of
from tests.support.records import record

WATTS = 2


def sensor(folder: Path, number: int, name: str, **files: object) -> Path:
    path = folder / "hwmon" / f"hwmon{number}"
    path.mkdir(parents=True)
    (path / "name").write_text(f"{name}\n")
    for file, reading in files.items():
        (path / file).write_text(f"{reading}\n")
    return path


def run(bench: Bench, *words: object) -> HarnessRun:
    found = bench.result(*INPUT, "--min-repetitions", 4, "--min-duration-ns", 200_000_000, "--hwmon", "hwmon", *words)
    assert found.run is not None
    return found.run


def test_the_power_of_an_ina2xx_is_summed_over_time(bench: Bench) -> None:
    sensor(bench.folder, 0, "cpu_thermal", temp1_input=40_000)
    sensor(bench.folder, 1, "ina226", power1_input=WATTS * 1_000_000)
    found = run(bench)
    assert found.energy is not None
    assert found.energy.sensor == "ina226 power1"
    assert WATTS * sum(found.samples_ns) / 1000 * 0.99 <= found.energy.microjoules < WATTS * 5_000_000


def test_a_counter_of_energy_goes_before_and_tells_the_difference(bench: Bench) -> None:
    """That of this file stands still."""
    sensor(bench.folder, 0, "ina226", power1_input=WATTS * 1_000_000)
    sensor(bench.folder, 1, "meter", energy1_input=1_000)
    assert run(bench).energy == Energy(sensor="meter energy1", microjoules=0)


@pytest.mark.parametrize("files", [{}, {"power1_input": "nonsense"}, {"power1_input": -5}])
def test_a_sensor_that_tells_nothing_is_no_energy(bench: Bench, files: dict[str, object]) -> None:
    sensor(bench.folder, 0, "ina3221", **files)
    assert run(bench).energy is None


def test_power_of_other_sensors_is_not_the_boards(bench: Bench) -> None:
    sensor(bench.folder, 0, "amdgpu", power1_input=5_000_000)
    assert run(bench).energy is None


def test_without_a_folder_of_sensors_there_is_no_energy(bench: Bench) -> None:
    assert run(bench, "--hwmon", "absent").energy is None


def test_the_report_shows_it_for_each_inference() -> None:
    page = export_markdown(report_of(entry(record(energy=Energy(sensor="ina226 power1", microjoules=60_000)))))
    assert "| 2 mJ |" in page["report.md"].decode()
