"""What is the emulator's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from edgetool.boards.facts import read_facts
from edgetool.console.progress import PlainProgress
from edgetool.errors import ConfigError, ExecutorError
from edgetool.executors import qemu
from edgetool.executors.emulators import emulator_package, find_emulator, pinned_emulators
from edgetool.executors.qemu import QemuExecutor
from edgetool.pipeline.steps import Kit
from edgetool.platform.cache import items, remove
from edgetool.targets.registry import load_target, open_executor


def test_the_emulator_and_its_cpu_are_named() -> None:
    target = load_target("qemu-riscv64")
    emulator = open_executor(target).emulator
    assert emulator is not None
    assert "qemu-riscv64" in emulator
    assert emulator.endswith(f"-cpu {target.executor['cpu']}")


@pytest.mark.parametrize("found", ["bubblewrap", None])
def test_preparing_says_when_nothing_confines_programs(
    found: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(qemu, "confinement", lambda: found)
    QemuExecutor.prepare(load_target("qemu-riscv64"), PlainProgress())
    assert (qemu.UNCONFINED in capsys.readouterr().err) == (found is None)


def test_a_missing_emulator_names_the_package_to_install() -> None:
    with pytest.raises(ConfigError, match="qemu-vax is not installed") as caught:
        find_emulator("qemu-vax")
    assert caught.value.hint is not None
    assert "apt-get install qemu-user-static" in caught.value.hint


def test_a_pinned_emulator_is_not_removed_while_this_process_may_run_it(cache: Path) -> None:
    packages = emulator_package()
    if packages is None:
        pytest.skip("there is no pinned emulator for this machine")
    entry = pinned_emulators(packages).parents[1]
    assert not remove(cache, next(item for item in items(cache) if item.path == entry))


def test_a_cpu_the_emulator_does_not_know_is_a_failed_command(riscv: Kit) -> None:
    target = load_target("qemu-riscv64")
    wrong = replace(target, executor={**target.executor, "cpu": "no-such-cpu"})
    with open_executor(wrong) as executor, pytest.raises(ExecutorError, match="exit code"):
        executor.run([PurePosixPath(riscv.harness)], timeout_s=30).check()


def test_an_emulators_proc_is_not_taken_for_the_targets() -> None:
    with open_executor(load_target("qemu-riscv64")) as executor:
        assert read_facts(executor) is None


def test_this_machines_proc_is_read() -> None:
    with open_executor(load_target("host")) as executor:
        facts = read_facts(executor)
    assert facts is not None
    assert facts.memory_available_bytes is not None
    assert facts.load_1min is not None
