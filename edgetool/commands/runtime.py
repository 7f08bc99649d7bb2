"""`edgetool runtime`: build, list, show, remove and test ONNX Runtimes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgetool.commands.options import Json
from edgetool.commands.output import print_json
from edgetool.errors import ConfigError

if TYPE_CHECKING:
    from edgetool.runtimes.cache import CachedRuntime

runtime_app = typer.Typer(help="ONNX Runtimes that edgetool built or fetched.", no_args_is_help=True)

Key = Annotated[str, typer.Argument(help="The beginning of a runtime's key, as `edgetool runtime list` shows it.")]


@runtime_app.command()
def build(
    triple: Annotated[str, typer.Option(help="What to build for: a file in toolchain/ has this name.")] = (
        "riscv64-linux-gnu"
    ),
    compiler: Annotated[str, typer.Option(help="zig, or an installed gcc of release 14 or newer.")] = "zig",
    reduced: Annotated[
        list[Path] | None, typer.Option(help="Keep only what this .onnx needs; may be given more than once.")
    ] = None,
    source: Annotated[Path | None, typer.Option(help="Your own source tree of ONNX Runtime.")] = None,
    mirror: Annotated[Path | None, typer.Option(help="A folder that holds the source archives: no network.")] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Default: one for each processor.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Build even if it is in the cache.")] = False,
    json: Json = False,
) -> None:
    """ONNX Runtime from pinned sources; an interrupted build goes on where it ended."""
    from edgetool.console.progress import make_progress
    from edgetool.platform.store import Store, cache_root
    from edgetool.runtimes.onnxruntime.build import build_runtime
    from edgetool.runtimes.onnxruntime.operators import operators_of
    from edgetool.runtimes.toolchains import load_toolchain

    store = Store(cache_root())
    runtime = build_runtime(
        load_toolchain(triple),
        store,
        make_progress(quiet=json),
        compiler=compiler,
        operators=operators_of(reduced) if reduced else None,
        source=source,
        mirror=mirror,
        jobs=jobs,
        force=force,
    )
    if json:
        print_json({"path": str(runtime.root), "key": runtime.root.name, "runtime": runtime.build})
        return
    from edgetool.platform.format import size_text

    library = next(file for file in runtime.build.files if file.path == runtime.build.library)
    print(f"{runtime.build.title} for {runtime.build.triple}: {runtime.build.variant}")
    print(f"{runtime.root / runtime.build.library}: {size_text(library.size_bytes)}, glibc {runtime.build.glibc}")


@runtime_app.command("list")
def list_runtimes(json: Json = False) -> None:
    """The runtimes in the cache, the newest first, and what builds have left behind."""
    from edgetool.console.table import print_table
    from edgetool.platform.format import size_text
    from edgetool.platform.store import Store, cache_root
    from edgetool.runtimes.cache import build_folders, cached_runtimes

    store = Store(cache_root())
    found, left = cached_runtimes(store), build_folders(store)
    if json:
        print_json(
            {
                "runtimes": [_row(entry) for entry in found],
                "builds": {str(folder): size for folder, size in left.items()},
            }
        )
        return
    cells = [
        (entry.key, entry.build.title, entry.build.triple, entry.build.variant, size_text(entry.size_bytes))
        for entry in found
    ]
    print_table(("key", "runtime", "triple", "which", "size"), cells)
    for folder, size in left.items():
        print(f"{folder}: {size_text(size)}, makes the next build short")


@runtime_app.command()
def show(key: Key, json: Json = False) -> None:
    """One runtime: where it lies, its files, how it was built."""
    from edgetool.platform.format import size_text
    from edgetool.platform.store import Store, cache_root
    from edgetool.runtimes.cache import find_runtime

    entry = find_runtime(Store(cache_root()), key)
    if json:
        print_json(_row(entry))
        return
    build = entry.build
    print(f"{build.title} for {build.triple}: {build.variant}")
    print(f"made: {entry.made_at:%Y-%m-%d %H:%M} UTC\npath: {entry.runtime.root}\nglibc: {build.glibc or 'its own'}")
    for file in build.files:
        print(f"file: {file.path}, {size_text(file.size_bytes)}, sha256 {file.sha256}")
    for flag in build.flags:
        print(f"flag: {flag}")


@runtime_app.command()
def remove(
    key: Annotated[str | None, typer.Argument(help="The beginning of a runtime's key.")] = None,
    builds: Annotated[bool, typer.Option("--builds", help="Remove what builds have left behind.")] = False,
    json: Json = False,
) -> None:
    """Remove one runtime from the cache, or all that makes the next build short."""
    from edgetool.platform.format import size_text
    from edgetool.platform.store import Store, cache_root
    from edgetool.runtimes.cache import remove_builds, remove_runtime

    if (key is None) != builds:
        raise ConfigError("name one runtime by its key, or say --builds", hint="see `edgetool runtime list`")
    store = Store(cache_root())
    if key is None:
        freed = remove_builds(store)
        if json:
            print_json({"removed_bytes": freed})
        else:
            print(f"removed {size_text(freed)} that builds had left")
        return
    entry = remove_runtime(store, key)
    if json:
        print_json(_row(entry))
        return
    print(f"removed {entry.key}: {entry.build.title} for {entry.build.triple}, {size_text(entry.size_bytes)}")


@runtime_app.command()
def selftest(
    target: Annotated[str, typer.Option("--target", "-t", help="A target's name, or a target file.")] = "qemu-riscv64",
    runtime: Annotated[
        str | None, typer.Option(help="auto, crossbuild, debian, wheel or key:KEY; default: what the target says.")
    ] = None,
    json: Json = False,
) -> None:
    """Does the runtime that a target gets compute right there?"""
    from edgetool.console.progress import make_progress
    from edgetool.pipeline.selftest import selftest_runtime
    from edgetool.platform.context import StepContext
    from edgetool.platform.store import Store, cache_root
    from edgetool.targets.registry import load_target

    place = load_target(target)
    place = place if runtime is None else replace(place, runtime=runtime)
    build, held = selftest_runtime(place, StepContext(store=Store(cache_root()), progress=make_progress(quiet=json)))
    if json:
        print_json({"runtime": build, "target": target, "cases": held})
        return
    print(f"{build.title}, {build.variant}: all {held} cases hold on {target}")


def _row(entry: CachedRuntime) -> dict[str, object]:
    return {
        "key": entry.key,
        "path": str(entry.runtime.root),
        "size_bytes": entry.size_bytes,
        "made_at": entry.made_at,
        "runtime": entry.build,
    }
