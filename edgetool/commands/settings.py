"""Defaults of options that a user sets: by variables, in the project's file and in one for all projects.

An option on the command line comes first, then the environment, the project's file, the user's file, and edgetool's own
default. Within a file or the environment, a command's own value comes before the one for all commands.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup, TyperOption

from edgetool.commands.tree import Words, commands, flag, options
from edgetool.errors import ConfigError

PROJECT, PYPROJECT, USER = "edgetool.toml", "pyproject.toml", "config.toml"
FILE_SUFFIXES = (".onnx", ".pt2", ".toml")  # of a --model and a --target that is a file


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The default of one option of one command, and what set it."""

    command: Words
    option: str  # "--held-out"
    name: str  # Typer's for it
    value: str | bool | tuple[str, ...]
    source: str  # "$EDGETOOL_DEPLOY_TARGET", or a file


@dataclass(frozen=True, kw_only=True)
class Settings:
    files: tuple[Path, ...]  # that were read, the most important first
    settings: tuple[Setting, ...]

    def default_map(self) -> dict[str, Any]:
        """As Typer looks defaults up: a table for each command."""
        tables: dict[str, Any] = {}
        for setting in self.settings:
            table = tables
            for word in setting.command:
                table = table.setdefault(word, {})
            table[setting.name] = list(setting.value) if isinstance(setting.value, tuple) else setting.value
        return tables


def read_settings(context: typer.Context, folder: Path) -> Settings:
    """What holds for commands that are run in `folder`. Raises ConfigError with the file or variable, and the key."""
    root = context.find_root().command
    assert isinstance(root, TyperGroup)
    found: dict[tuple[Words, str], Setting] = {}
    project, user = project_file(folder), user_file()
    files = [path for path in (project, user) if path is not None and path.is_file()]
    for path in reversed(files):
        for setting in _of_file(path, root, context):
            found[setting.command, setting.name] = setting
    for setting in _of_environment(root, context):
        found[setting.command, setting.name] = setting
    return Settings(files=tuple(files), settings=tuple(found[key] for key in sorted(found)))


def user_file() -> Path:
    import platformdirs

    return platformdirs.user_config_path("edgetool") / USER


def project_file(folder: Path) -> Path | None:
    """The nearest, from `folder` up to the repository's root; without a repository, in `folder` alone."""
    above = [folder, *folder.parents]
    root = next((path for path in above if (path / ".git").exists()), folder)
    for path in above[: above.index(root) + 1]:
        if (path / PROJECT).is_file():
            return path / PROJECT
        if (path / PYPROJECT).is_file() and _own_table(path / PYPROJECT) is not None:
            return path / PYPROJECT
    return None


def _own_table(pyproject: Path) -> Any:
    """[tool.edgetool]; None where it has none."""
    from edgetool.platform.documents import read_toml

    tools = read_toml(pyproject).get("tool")
    return tools.get("edgetool") if isinstance(tools, dict) else None


def _of_environment(root: TyperGroup, context: typer.Context) -> Iterator[Setting]:
    if not any(name.startswith("EDGETOOL_") for name in os.environ):
        return
    for words, command in commands(root):
        for option in options(command) if words else ():
            names = [_variable(*words, option.name or "")]
            if len(words) == 1 and words[0] not in _groups(root):
                names.append(_variable(option.name or ""))
            if variable := next((name for name in names if os.environ.get(name)), None):
                text = os.environ[variable]
                given = text.split() if option.multiple else text
                yield _setting(words, option, given, Path(), f"${variable}", f"${variable}", context)


def _variable(*words: str) -> str:
    return "_".join(("EDGETOOL", *words)).upper().replace("-", "_")


def _groups(root: TyperGroup) -> set[str]:
    return {name for name, command in root.commands.items() if isinstance(command, TyperGroup)}


def _of_file(path: Path, root: TyperGroup, context: typer.Context) -> Iterator[Setting]:
    from edgetool.platform.documents import read_toml

    table = _own_table(path) if path.name == PYPROJECT else read_toml(path)
    where = f"{path}: tool.edgetool" if path.name == PYPROJECT else str(path)
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: not a table")
    plain = {name for name in root.commands if name not in _groups(root)}
    known = {words: {(option.name or ""): option for option in options(command)} for words, command in commands(root)}
    for key, given in table.items():
        if isinstance(given, dict):
            continue
        name = key.replace("-", "_")
        takers = [(word,) for word in sorted(plain) if name in known[word,]]
        if not takers:
            raise _unknown(where, key, {option for word in plain for option in known[word,]})
        for words in takers:
            yield _setting(words, known[words][name], given, path.parent, f"{where}: {key}", str(path), context)
    for key, given in table.items():
        if isinstance(given, dict):
            yield from _of_table(path, where, (key,), given, known, context)


def _of_table(
    path: Path,
    where: str,
    words: Words,
    table: Mapping[str, object],
    known: Mapping[Words, Mapping[str, TyperOption]],
    context: typer.Context,
) -> Iterator[Setting]:
    place = ".".join(words)
    if words not in known:
        raise _unknown(where, place, {".".join(command) for command in known if command})
    for key, given in table.items():
        name = key.replace("-", "_")
        if isinstance(given, dict):
            yield from _of_table(path, where, (*words, key), given, known, context)
        elif name not in known[words]:
            raise _unknown(where, f"{place}.{key}", {f"{place}.{option}" for option in known[words]})
        else:
            key_of_file = f"{where}: {place}.{key}"
            yield _setting(words, known[words][name], given, path.parent, key_of_file, str(path), context)


def _unknown(where: str, key: str, known: set[str]) -> ConfigError:
    near = get_close_matches(key.replace("-", "_"), known, n=1)
    hint = f"did you mean {near[0].replace('_', '-')}?" if near else "`edgetool --help` lists commands and options"
    return ConfigError(f"{where}: {key}: no command or option has this name", hint=hint)


def _setting(
    words: Words, option: TyperOption, given: object, folder: Path, key: str, source: str, context: typer.Context
) -> Setting:
    """The value as the command line would have given it, checked; files are relative to `folder`."""
    entries = list(given) if isinstance(given, list) else [given]
    for entry in entries:
        if not isinstance(entry, str | int | float) or (isinstance(entry, bool) and not option.is_flag):
            raise ConfigError(f"{key}: {entry!r} is no value of {flag(option)}")
    if isinstance(given, list) and not option.multiple:
        raise ConfigError(f"{key}: {flag(option)} takes one value")
    texts = [entry if isinstance(entry, bool) else str(entry) for entry in entries]
    try:
        checked = option.process_value(context, texts if option.multiple else texts[0])
    except typer.BadParameter as wrong:
        raise ConfigError(f"{key}: {wrong.message}") from wrong
    results = list(checked) if option.multiple else [checked]
    if option.is_flag:
        return Setting(command=words, option=flag(option), name=option.name or "", value=bool(checked), source=source)
    values = tuple(
        _beside(folder, str(text)) if isinstance(result, Path) or _names_file(option, str(text)) else str(text)
        for text, result in zip(texts, results, strict=True)
    )
    value = values if option.multiple else values[0]
    return Setting(command=words, option=flag(option), name=option.name or "", value=value, source=source)


def _names_file(option: TyperOption, text: str) -> bool:
    return option.name in ("model", "target") and Path(text).suffix in FILE_SUFFIXES


def _beside(folder: Path, text: str) -> str:
    from edgetool.models.functions import is_function_name

    return text if is_function_name(text) else str(folder / Path(text).expanduser())
