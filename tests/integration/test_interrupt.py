"""Ctrl-C in the steps before a measurement: children end, temporary files go, and the next run goes on from there."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.commands import command_lines, start_cli
from tests.support.waiting import within


def read_until(running: subprocess.Popen[bytes], wanted: str) -> None:
    assert running.stderr is not None
    for line in running.stderr:
        if line.decode().startswith(wanted):
            return
    pytest.fail(f"ended before {wanted!r}")


@pytest.mark.xdist_group("torch")
def test_an_interrupted_step_leaves_nothing_and_is_taken_up_again(tmp_path: Path) -> None:
    """Export ends on the signal, the next run exports and ends in quantize, with the export kept."""
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    env = {"EDGETOOL_CACHE": str(tmp_path / "cache"), "TMPDIR": str(scratch)}
    for step in ("export", "quantize"):
        with within(400), start_cli("deploy", "--target", "host", cwd=tmp_path, env=env) as running:
            read_until(running, f"… {step} mobilenet_v2")
            running.send_signal(signal.SIGINT)
            stdout, stderr = running.communicate()
        assert running.returncode == 130, stderr.decode()
        assert stdout == b""
        assert b"Traceback" not in stderr
        assert not list(scratch.iterdir())
        assert not [line for line in command_lines() if str(tmp_path) in line]
        entries = [path.name for path in (tmp_path / "cache").glob("*/*") if not path.name.endswith(".lock")]
        assert not [name for name in entries if name.startswith(".")]
        assert not (tmp_path / "runs").exists()
    assert len([path for path in (tmp_path / "cache/export").iterdir() if path.is_dir()]) == 1
