"""Targets by name, and the executor each one asks for."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from edgetool.errors import ConfigError
from edgetool.executors.base import Executor
from edgetool.platform.catalog import data_folder
from edgetool.platform.documents import check_table, read_toml
from edgetool.platform.files import write_atomically
from edgetool.platform.progress import Progress
from edgetool.targets.spec import Target

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

# kind → module and class; a module is imported when a target asks for it
EXECUTORS = {
    "local": ("edgetool.executors.local", "LocalExecutor"),
    "qemu": ("edgetool.executors.qemu", "QemuExecutor"),
    "docker": ("edgetool.executors.docker", "DockerExecutor"),
    "ssh": ("edgetool.executors.ssh", "SshExecutor"),
    "virtual": ("edgetool.boards.emulated", "EmulatedBoardExecutor"),
}

PATIENCE_S = 7 * 24 * 3600


def target_folders() -> tuple[Path, ...]:
    """Where target files are looked for, the first that has a name wins: $EDGETOOL_TARGETS, the user's, edgetool's."""
    import platformdirs

    own = os.environ.get("EDGETOOL_TARGETS")
    return (
        *((Path(own),) if own else ()),
        platformdirs.user_config_path("edgetool") / "targets",
        data_folder("targets"),
    )


def target_files() -> dict[str, Path]:
    """Every known target's file by its name."""
    found: dict[str, Path] = {}
    for folder in target_folders():
        for path in sorted(folder.glob("*.toml")):
            found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def load_target(name: str) -> Target:
    """A target by its name or by the path of its file. Raises ConfigError, listing the known ones."""
    if name.endswith(".toml"):
        return read_target(Path(name))
    files = target_files()
    if name not in files:
        raise ConfigError(f"no target {name!r}", hint=f"known targets: {', '.join(files)}")
    return read_target(files[name])


def read_target(path: Path) -> Target:
    """Raises ConfigError with the file and the key."""
    table = read_toml(path)
    target = replace(check_table(Target, table, where=str(path)), name=path.stem)
    kind = target.executor.get("kind")
    if not isinstance(kind, str) or kind not in EXECUTORS:
        raise ConfigError(f"{path}: executor.kind: {kind!r} is not one of {', '.join(EXECUTORS)}")
    check_table(_executor_class(kind).Settings, target.executor, where=f"{path}: executor")
    return target


def new_target_file(name: str, *, force: bool = False) -> Path:
    """Where a target's file is to be written: among those that are looked for first. Raises ConfigError."""
    if not NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is no name for a target", hint="letters, digits, dots, dashes, underscores")
    path = target_folders()[0] / f"{name}.toml"
    if path.exists() and not force:
        raise ConfigError(f"{path} exists", hint="--force replaces it")
    return path


def write_target(path: Path, target: Target) -> None:
    """Write a target's file. Raises ConfigError when the target cannot be read back from it."""
    # A text of JSON is one of TOML.
    table = "".join(f"{key} = {json.dumps(text)}\n" for key, text in target.executor.items())
    description = json.dumps(target.description)
    head = f'schema = {target.schema}\ndescription = {description}\ntriple = "{target.triple}"\n'
    write_atomically(path, f"{head}\n[executor]\n{table}".encode())
    read_target(path)


def all_targets() -> Iterator[Target]:
    for path in target_files().values():
        yield read_target(path)


def open_executor(target: Target, *, exclusive: bool = True) -> Executor:
    """The executor of a target, to be used in a `with` block. Raises ConfigError when it needs what is missing.

    A board is then locked for as long as the block lasts, unless `exclusive` is false: for who only looks.
    """
    return cast(Executor, executor_of(target).open(target, exclusive=exclusive))


def prepare_executor(target: Target, progress: Progress) -> None:
    """Fetch what the target's executor works with, if anything: where one sees it, and before other work."""
    prepare = getattr(executor_of(target), "prepare", None)
    if prepare is not None:
        prepare(target, progress)


def with_setting(target: Target, name: str, setting: object) -> Target:
    """The target with one of its executor's settings; as it is where its executor has no such setting."""
    known = {field.name for field in fields(executor_of(target).Settings)}
    return replace(target, executor={**target.executor, name: setting}) if name in known else target


def executor_of(target: Target) -> Any:
    """The class of a target's executor: its traits are known before one is open."""
    return _executor_class(target.executor["kind"])


def _executor_class(kind: str) -> Any:
    module, name = EXECUTORS[kind]
    return getattr(import_module(module), name)
