"""Find targets by name and open their executors."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from edgetool.errors import ConfigError
from edgetool.executors.base import Executor
from edgetool.platform.catalog import data_folder
from edgetool.platform.documents import check_table, read_toml
from edgetool.platform.files import staged_file
from edgetool.platform.names import name_hint
from edgetool.platform.progress import SILENT, Progress
from edgetool.targets.spec import Target

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

# kind → module and class, imported on first use
EXECUTORS = {
    "local": ("edgetool.executors.local", "LocalExecutor"),
    "qemu": ("edgetool.executors.qemu", "QemuExecutor"),
    "docker": ("edgetool.executors.docker", "DockerExecutor"),
    "ssh": ("edgetool.executors.ssh", "SshExecutor"),
    "virtual": ("edgetool.boards.emulated", "EmulatedBoardExecutor"),
}

PATIENCE_S = 7 * 24 * 3600


def target_folders() -> tuple[Path, ...]:
    """Return the folders of target files in order of precedence: $EDGETOOL_TARGETS, the user's, edgetool's."""
    import platformdirs

    own = os.environ.get("EDGETOOL_TARGETS")
    return (
        *((Path(own),) if own else ()),
        platformdirs.user_config_path("edgetool") / "targets",
        data_folder("targets"),
    )


def target_files() -> dict[str, Path]:
    """Return the file of every known target by name."""
    found: dict[str, Path] = {}
    for folder in target_folders():
        for path in sorted(folder.glob("*.toml")):
            found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def load_target(name: str) -> Target:
    """Load a target by name or by the path of its file. Raises ConfigError, listing the known targets."""
    if name.endswith(".toml"):
        return read_target(Path(name))
    files = target_files()
    if name not in files:
        hint = name_hint(name, files, what="known targets")
        raise ConfigError(f"no target {name!r}", hint=f"{hint}; a new one: edgetool targets add NAME --host HOST")
    return read_target(files[name])


def read_target(path: Path) -> Target:
    """Read a target file. Raises ConfigError with the file and the key."""
    table = read_toml(path)
    target = replace(check_table(Target, table, where=str(path)), name=path.stem)
    kind = target.executor.get("kind")
    if not isinstance(kind, str) or kind not in EXECUTORS:
        raise ConfigError(f"{path}: executor.kind: {kind!r} is not one of {', '.join(EXECUTORS)}")
    check_table(_executor_class(kind).Settings, target.executor, where=f"{path}: executor")
    return target


def new_target_file(name: str, *, force: bool = False) -> Path:
    """Return the path for a new target file, in the folder with the highest precedence.

    Raises ConfigError for an invalid name, or for an existing file without `force`.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} is not a valid target name", hint="use letters, digits, dots, dashes and underscores"
        )
    path = target_folders()[0] / f"{name}.toml"
    if path.exists() and not force:
        raise ConfigError(f"{path} exists", hint="--force replaces it")
    return path


def remove_target(name: str) -> Path:
    """Remove a target's file, one of the user's own; returns its path. Raises ConfigError for those of edgetool."""
    path = target_files().get(name)
    if path is None:
        raise ConfigError(f"no target {name!r}", hint=name_hint(name, target_files(), what="known targets"))
    if path.parent == data_folder("targets"):
        raise ConfigError(f"{name} is one of edgetool's own targets", hint="`targets add` makes targets of yours")
    path.unlink()
    return path


def write_target(path: Path, target: Target) -> None:
    """Write a target file. Raises ConfigError, leaving no file, when it wouldn't read back as the same target."""
    head = {"schema": target.schema, "description": target.description, "triple": target.triple}
    lines = [*_toml_lines(head), "", "[executor]", *_toml_lines(target.executor)]
    with staged_file(path) as beside:
        beside.write_text("".join(f"{line}\n" for line in lines), errors="replace")
        if replace(read_target(beside), name=target.name) != target:
            raise ConfigError(
                f"{path}: the target would not read back unchanged", hint="check its name for unusual characters"
            )


def _toml_lines(table: Mapping[str, object]) -> Iterator[str]:
    """Format keys with strings, numbers and booleans. JSON values are valid TOML, except that TOML also escapes DEL."""
    for key, value in table.items():
        yield f"{key} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f")


def readable_targets() -> tuple[list[Target], list[ConfigError]]:
    """Return every target whose file is valid, and the errors in the other files."""
    targets, broken = [], []
    for path in target_files().values():
        try:
            targets.append(read_target(path))
        except ConfigError as error:
            broken.append(error)
    return targets, broken


def open_executor(target: Target, *, exclusive: bool = True, progress: Progress = SILENT) -> Executor:
    """Open a target's executor for use in a `with` block. Raises ConfigError when a requirement is missing.

    A board is locked for the duration of the block unless `exclusive` is false; waiting for the lock is shown as
    progress.
    """
    return cast(Executor, executor_of(target).open(target, exclusive=exclusive, progress=progress))


def prepare_executor(target: Target, progress: Progress) -> None:
    """Fetch what the target's executor needs ahead of other work, showing the progress."""
    prepare = getattr(executor_of(target), "prepare", None)
    if prepare is not None:
        prepare(target, progress)


def with_setting(target: Target, name: str, setting: object) -> Target:
    """Return the target with an executor setting changed. Unchanged if its executor has no such setting."""
    known = {field.name for field in fields(executor_of(target).Settings)}
    return replace(target, executor={**target.executor, name: setting}) if name in known else target


def executor_of(target: Target) -> Any:
    """Return the class of a target's executor, whose traits are known before it is opened."""
    return _executor_class(target.executor["kind"])


def _executor_class(kind: str) -> Any:
    module, name = EXECUTORS[kind]
    return getattr(import_module(module), name)
