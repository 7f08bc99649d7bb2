"""`edgetool dashboard`: the runs of a folder in a browser."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from edgetool.commands.options import Json
from edgetool.commands.output import print_json
from edgetool.errors import ConfigError
from edgetool.platform.interrupt import Interrupted


def dashboard(
    runs: Annotated[Path, typer.Argument(help="Folder of runs, or one run.")] = Path("runs"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8501,
    address: Annotated[
        str, typer.Option(help="Address to listen on. Others than loopback let your network in.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
    json: Json = False,
) -> None:
    """Show runs in a browser: history, latencies, trade-offs, operators, pictures, runs at work.

    Example: edgetool dashboard runs --port 8600
    """
    import webbrowser

    from edgetool.pipeline.dashboard import serve

    if not runs.is_dir():
        raise ConfigError(f"there is no folder {runs}", hint="edgetool deploy --runs RUNS makes one")

    def ready(url: str) -> None:
        if json:
            from edgetool.commands.answers import DashboardAnswer

            print_json(DashboardAnswer(dashboard=url))
        else:
            print(f"dashboard: {url} (Ctrl-C ends it)", flush=True)
        if browser:
            webbrowser.open(url)

    with suppress(Interrupted):  # that is how it ends
        serve(runs, address=address, port=port, ready=ready)
