"""Targets by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.errors import ConfigError
from edgetool.targets.registry import EXECUTORS, load_target, open_executor, read_target, readable_targets, target_files

WHOLE = 'schema = 1\ndescription = "mine"\ntriple = "native"\n[executor]\nkind = "local"\n'


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


def test_every_shipped_target_can_be_read_and_opened() -> None:
    targets, broken = readable_targets()
    assert not broken
    assert {"host", "qemu-riscv64", "qemu-aarch64"} <= {target.name for target in targets}
    for target in targets:
        assert target.executor["kind"] in EXECUTORS


def test_an_unknown_target_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no target 'toaster'") as caught:
        load_target("toaster")
    assert caught.value.hint is not None
    listed, _, _ = caught.value.hint.removeprefix("known targets: ").partition(";")
    assert set(target_files()) <= set(listed.split(", "))


def test_a_targets_name_is_its_files(tmp_path: Path) -> None:
    assert load_target(str(write(tmp_path, "board", WHOLE))).name == "board"


def test_the_users_folder_comes_before_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "host", WHOLE)
    monkeypatch.setenv("EDGETOOL_TARGETS", str(tmp_path))
    assert load_target("host").description == "mine"
    assert "qemu-riscv64" in target_files()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (WHOLE.replace("schema = 1", "schema = 2"), "schema: 2"),
        (WHOLE.replace("schema = 1\n", ""), "schema"),
        (WHOLE.replace('triple = "native"\n', ""), "triple: missing"),
        (WHOLE.replace('"native"', "3"), "triple: "),
        (WHOLE.replace('kind = "local"', ""), "executor.kind"),
        (WHOLE.replace('"local"', '"pigeon"'), "executor.kind: 'pigeon' is not one of "),
        pytest.param(WHOLE.replace('"local"', '["local"]'), "executor.kind", id="a list of kinds"),
        (WHOLE.replace("[executor]", "[executors]"), "executors?: "),
        (WHOLE + "[benchmark]\nwarmup = -1\n", "benchmark.warmup: "),
        (WHOLE + "[benchmark]\nmin_duration_s = nan\n", "benchmark.min_duration_s: "),
        (WHOLE + "[evaluation]\nthreads = 0\n", "evaluation.threads: "),
        (WHOLE + "[board]\nname = 'x'\n", "board: unknown key"),
        ("schema = ", "not TOML"),
    ],
)
def test_a_broken_target_names_file_and_key(tmp_path: Path, text: str, key: str) -> None:
    path = write(tmp_path, "board", text)
    with pytest.raises(ConfigError, match=f"{path}: {key}"):
        read_target(path)


@pytest.mark.parametrize(
    ("executor", "key"),
    [
        ('kind = "qemu"', "emulator: missing"),
        ('kind = "qemu"\nemulator = "qemu-riscv64"\ncpu = 64', "cpu: "),
        ('kind = "local"\nemulator = "qemu-riscv64"', "emulator: unknown key"),
    ],
)
def test_settings_that_the_executor_does_not_know_name_file_and_key(tmp_path: Path, executor: str, key: str) -> None:
    path = write(tmp_path, "board", WHOLE.replace('kind = "local"', executor))
    with pytest.raises(ConfigError, match=f"{path}: executor: {key}"):
        read_target(path)


def test_a_target_that_was_read_can_be_opened(tmp_path: Path) -> None:
    with open_executor(read_target(write(tmp_path, "board", WHOLE))) as executor:
        assert executor.native()
