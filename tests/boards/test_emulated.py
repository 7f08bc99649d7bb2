"""The emulated board as an executor, before any board is up."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.errors import ConfigError
from edgetool.targets.registry import load_target, open_executor


def test_a_missing_emulator_is_named_before_anything_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="qemu-system-riscv64 is not installed") as caught:
        open_executor(load_target("virt-riscv64"))
    assert caught.value.hint == "as root: apt-get install qemu-system-misc"
