"""Run Streamlit as a child process: bound to an address, without telemetry, and ended together with this process."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import edgetool
from edgetool.errors import ConfigError
from edgetool.platform.process import run_process
from edgetool.platform.python import PYTHON

URL = re.compile(r"URL: (https?://\S+)")
UPLOAD_LIMIT_MB = 32


def serve(runs: Path, *, address: str, port: int, ready: Callable[[str], None]) -> None:
    """Show `runs` until interrupted. `ready` receives the URL once the server answers.

    Raises ConfigError when Streamlit isn't installed or can't listen at the address.
    """
    if find_spec("streamlit") is None:
        raise ConfigError("the dashboard needs Streamlit", hint='pip install "edgetool[dashboard]"')
    options = {
        "server.address": address,
        "server.port": port or _free_port(address),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.maxUploadSize": UPLOAD_LIMIT_MB,
        "browser.gatherUsageStats": "false",
        "browser.serverAddress": address,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
    }
    words = [f"--{name}={setting}" for name, setting in options.items()]
    app = Path(edgetool.__file__).parent / "dashboard" / "app.py"

    def hear(line: str) -> None:
        if found := URL.search(line):
            ready(found[1])

    done = run_process([*PYTHON, "-m", "streamlit", "run", app, *words, "--", runs.resolve()], on_line=hear)
    said = (done.stderr + done.stdout).decode(errors="replace").strip().splitlines()
    raise ConfigError(f"Streamlit ended: {said[-1] if said else f'exit code {done.exit_code}'}")


def _free_port(address: str) -> int:
    with socket.create_server((address, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
