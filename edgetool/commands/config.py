"""`edgetool config`: which defaults a user has set, and where."""

from __future__ import annotations

from pathlib import Path

import typer

from edgetool.commands.options import Json
from edgetool.commands.output import print_json
from edgetool.commands.settings import PROJECT, read_settings, user_file


def config(context: typer.Context, json: Json = False) -> None:
    """Show your defaults of options, and the file or variable that each comes from.

    An option on the command line comes first, then $EDGETOOL_COMMAND_OPTION, $EDGETOOL_OPTION, the project's
    edgetool.toml or [tool.edgetool] in pyproject.toml, and your own config.toml.

    Example: edgetool config --json
    """
    from edgetool.console.table import print_table

    found = read_settings(context, Path.cwd())
    if json:
        from edgetool.commands.answers import ConfigAnswer, SettingRow

        rows = tuple(
            SettingRow(command=tuple(s.command), option=s.option, name=s.name, value=s.value, source=s.source)
            for s in found.settings
        )
        print_json(ConfigAnswer(files=tuple(map(str, found.files)), settings=rows))
        return
    for path in found.files:
        print(f"read: {path}")
    if not found.settings:
        print(f"nothing is set: neither in {PROJECT} here, nor in {user_file()}, nor by variables")
        return
    print()
    cells = [(" ".join(s.command), s.option, _shown(s.value), s.source) for s in found.settings]
    print_table(("command", "option", "default", "from"), cells)


def _shown(value: str | bool | tuple[str, ...]) -> str:
    return " ".join(value) if isinstance(value, tuple) else str(value).lower() if isinstance(value, bool) else value
