"""What a cross build runs on this machine is looked for before anything is fetched or built."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.errors import ConfigError
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store
from edgetool.runtimes.onnxruntime.recipe import prepare
from edgetool.runtimes.toolchains import load_toolchain


def test_a_machine_without_patch_is_told_so_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="patch is not installed") as caught:
        prepare(load_toolchain("riscv64-linux-gnu"), Store(tmp_path / "cache"), Silent())
    assert "apt-get install patch" in str(caught.value.hint)
    assert not (tmp_path / "cache" / "sources").exists()
