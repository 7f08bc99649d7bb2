"""What a measurement asks of a board, on a real SSH server whose /sys is a folder of the test's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgetool.boards.conditions import conditions, cool_down
from edgetool.boards.facts import read_facts
from edgetool.errors import ConfigError, ExecutorError, LinkLost
from edgetool.targets.registry import load_target, open_executor
from edgetool.targets.spec import BenchmarkSpec
from tests.executors.servers import SERVERS, Server, linked
from tests.support.waiting import await_true, within

FAST = BenchmarkSpec(governor="performance")
BOUND_S = 60.0


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with SERVERS[request.param](tmp_path_factory.mktemp(request.param)) as running:
        yield running


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


@pytest.fixture
def sys(tmp_path: Path) -> Path:
    """A board of two processors whose governors differ."""
    folder = tmp_path / "a sys"
    for number, governor in enumerate(("ondemand", "powersave")):
        write(folder / f"devices/system/cpu/cpu{number}/cpufreq/scaling_governor", governor)
    write(folder / "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1500000")
    write(folder / "class/thermal/thermal_zone0/temp", "71000")
    write(folder / "devices/platform/soc/soc:firmware/get_throttled", "50005")
    return folder


def governors(sys: Path) -> list[str]:
    return [path.read_text().strip() for path in sorted(sys.glob("devices/system/cpu/*/cpufreq/scaling_governor"))]


def test_a_governor_is_set_and_put_back(server: Server, sys: Path) -> None:
    with open_executor(server.target()) as executor:
        with conditions(executor, FAST, sys=str(sys)):
            assert governors(sys) == ["performance", "performance"]
        assert governors(sys) == ["ondemand", "powersave"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_governor_is_put_back_after_a_failure(server: Server, sys: Path, error: type[BaseException]) -> None:
    def fail() -> None:
        with open_executor(server.target()) as executor, conditions(executor, FAST, sys=str(sys)):
            raise error

    with pytest.raises(error):
        fail()
    assert governors(sys) == ["ondemand", "powersave"]


def test_a_governor_is_put_back_by_the_board_when_the_link_is_lost(server: Server, sys: Path, tmp_path: Path) -> None:
    def lose() -> None:
        with (
            linked(server, tmp_path / "link") as (behind, link),
            open_executor(behind.target(lease_s=1.0)) as executor,
            conditions(executor, FAST, sys=str(sys)),
        ):
            link.close()
            executor.run(["true"], timeout_s=30)

    with within(BOUND_S), pytest.raises(LinkLost):
        lose()
    await_true(lambda: governors(sys) == ["ondemand", "powersave"], "the governor was left")


def test_a_board_without_governors_says_so(server: Server, tmp_path: Path) -> None:
    with (
        open_executor(server.target()) as executor,
        pytest.raises(ExecutorError, match="cannot set the governor performance: the kernel has none"),
        conditions(executor, FAST, sys=str(tmp_path)),
    ):
        raise AssertionError("it was measured all the same")


def test_a_hot_board_is_waited_for(server: Server, sys: Path) -> None:
    with open_executor(server.target()) as executor, within(BOUND_S):
        cool_down(executor, BenchmarkSpec(cooldown_celsius=75), sys=str(sys))
        write(sys / "class/thermal/thermal_zone0/temp", "61000")
        cool_down(executor, BenchmarkSpec(cooldown_celsius=61), sys=str(sys))


def test_a_board_that_does_not_cool_is_an_error(server: Server, sys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetool.boards.conditions.COOLDOWN_TIMEOUT_S", 1.0)
    with open_executor(server.target()) as executor, within(BOUND_S):
        with pytest.raises(ExecutorError, match="above 60 °C after 1 s"):
            cool_down(executor, BenchmarkSpec(cooldown_celsius=60), sys=str(sys))
        (sys / "class/thermal/thermal_zone0/temp").unlink()
        with pytest.raises(ExecutorError, match="tells no temperature"):
            cool_down(executor, BenchmarkSpec(cooldown_celsius=60), sys=str(sys))


def test_an_emulator_has_neither() -> None:
    with open_executor(load_target("qemu-riscv64")) as executor:
        with pytest.raises(ConfigError), conditions(executor, FAST):
            pass
        with pytest.raises(ConfigError):
            cool_down(executor, replace(FAST, cooldown_celsius=60))


def test_facts_are_read_from_the_boards_own_files(server: Server, sys: Path) -> None:
    with open_executor(server.target()) as executor:
        facts = read_facts(executor, sys=str(sys))
    assert facts is not None
    assert (facts.governor, facts.clock_hz, facts.temperature_celsius) == ("ondemand", 1_500_000_000, 71.0)
    assert facts.throttle_flags == 0x50005
