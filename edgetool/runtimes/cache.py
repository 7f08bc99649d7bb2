"""Find runtimes in the cache: all of them, the newest suitable one, or one by key."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edgetool.errors import BuildError, ConfigError, WrongMachine
from edgetool.platform.cache import items, remove, size_of
from edgetool.platform.elf import read_elf
from edgetool.platform.names import name_hint
from edgetool.platform.store import Store
from edgetool.runtimes.description import open_runtime
from edgetool.runtimes.inspection import extensions
from edgetool.runtimes.onnxruntime.recipe import PROVIDER
from edgetool.runtimes.spec import Runtime, RuntimeBuild, Toolchain


@dataclass(frozen=True, kw_only=True)
class CachedRuntime:
    """A cached runtime. `key` is the hash of its inputs."""

    key: str
    runtime: Runtime
    size_bytes: int
    made_at: datetime

    @property
    def build(self) -> RuntimeBuild:
        return self.runtime.build


def cached_runtimes(store: Store) -> tuple[CachedRuntime, ...]:
    """Return all complete entries, newest first. Entries whose description can't be read are skipped."""
    found = []
    for folder in (store.root / "runtime").glob("[0-9a-f]*"):
        if not folder.is_dir():
            continue
        try:
            runtime = open_runtime(folder)
        except BuildError:
            continue
        made = datetime.fromtimestamp((folder / "runtime.json").stat().st_mtime, UTC)
        found.append(CachedRuntime(key=folder.name, runtime=runtime, size_bytes=size_of(folder), made_at=made))
    return tuple(sorted(found, key=lambda entry: entry.made_at, reverse=True))


def find_runtime(store: Store, key: str) -> CachedRuntime:
    """Return the entry whose key starts with `key`. Raises ConfigError unless there is exactly one."""
    entries = cached_runtimes(store)
    matching = [entry for entry in entries if key and entry.key.startswith(key)]
    if len(matching) != 1:
        raise ConfigError(
            f"{len(matching) or 'no'} runtimes have a key that starts with {key!r}",
            hint=name_hint(key, [entry.key for entry in entries], what="keys of `edgetool runtime list`"),
        )
    return matching[0]


def newest_crossbuilt(store: Store, toolchain: Toolchain, *, kind: str = "onnxruntime") -> Runtime | None:
    """Return the newest cross-built runtime of a kind that runs any model on any board of a triple.

    This excludes reduced runtimes, which run only their own models, and runtimes with more extensions than the
    toolchain's, which run only on some boards.
    """
    return next(
        (
            entry.runtime
            for entry in cached_runtimes(store)
            if (entry.build.name, entry.build.provider) == (kind, PROVIDER)
            and entry.build.triple == toolchain.triple
            and not entry.build.reduced
            and runs_on_all(entry.runtime, toolchain)
        ),
        None,
    )


def runs_on_all(runtime: Runtime, toolchain: Toolchain) -> bool:
    """Return whether the library needs no more of a processor than the toolchain's boards all have."""
    isa = None if toolchain.crossbuild is None else toolchain.crossbuild.isa
    if isa is None or runtime.build.chooses_kernels:
        return True
    try:
        found = read_elf(runtime.root / runtime.build.library).isa
    except WrongMachine:
        return False
    return found is not None and extensions(found) <= extensions(isa)


def remove_runtime(store: Store, key: str) -> CachedRuntime:
    """Remove an entry. Raises ConfigError when it is in use."""
    entry = find_runtime(store, key)
    item = next(item for item in items(store.root) if item.path == entry.runtime.root)
    if not remove(store.root, item):
        raise ConfigError(f"the runtime {entry.key} is in use", hint="wait for the process that uses it, or stop it")
    return entry


def build_folders(store: Store) -> dict[Path, int]:
    """Return the folders left by builds to speed up later ones, with their size in bytes."""
    folders = [path for path in sorted((store.root / "build").glob("*")) if path.is_dir()]
    folders += [path for name in ("zig", "sources", "downloads") if (path := store.root / name).is_dir()]
    return {folder: size_of(folder) for folder in folders}


def remove_builds(store: Store) -> int:
    """Remove the folders left by builds. Return their size in bytes. Raises ConfigError while a build is running."""
    from filelock import FileLock, Timeout

    removed = 0
    # A running build locks its folder, and these folders come first.
    for folder, size in build_folders(store).items():
        try:
            with FileLock(folder.with_name(f"{folder.name}.lock"), timeout=0):
                shutil.rmtree(folder)
        except Timeout as error:
            raise ConfigError(f"a build is using {folder}", hint="wait for it, or stop it") from error
        removed += size
    return removed
