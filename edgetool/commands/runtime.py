"""`edgetool runtime`: build, list, show, remove, test and package ONNX Runtimes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from edgetool.commands.completion import complete_key, complete_runtime
from edgetool.commands.options import Json, Model, Runs, Target, Verbose, Wait
from edgetool.commands.output import print_json
from edgetool.errors import ConfigError

runtime_app = typer.Typer(help="Build, list, test and remove ONNX Runtime libraries.", no_args_is_help=True)

Key = Annotated[
    str,
    typer.Argument(help="Key, or its beginning, as listed by `edgetool runtime list`.", autocompletion=complete_key),
]


@runtime_app.command()
def build(
    triple: Annotated[str, typer.Option(help="Target triple; a file in toolchain/ has this name.")] = (
        "riscv64-linux-gnu"
    ),
    compiler: Annotated[str, typer.Option(help="zig, or an installed gcc (14 or newer).")] = "zig",
    reduced: Annotated[
        list[Path] | None, typer.Option(help="Build only the operators of this .onnx; repeatable.")
    ] = None,
    source: Annotated[Path | None, typer.Option(help="Source tree of ONNX Runtime to build instead.")] = None,
    mirror: Annotated[Path | None, typer.Option(help="Folder with the source archives, for offline builds.")] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Parallel compilations. Default: one per processor.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Build again, even if cached.")] = False,
    verbose: Verbose = False,
    json: Json = False,
) -> None:
    """Cross-build ONNX Runtime from pinned sources. An interrupted build resumes.

    Example: edgetool runtime build --triple riscv64-linux-gnu
    """
    from edgetool.console.progress import make_progress
    from edgetool.platform.store import Store, cache_root
    from edgetool.runtimes.onnxruntime.build import build_runtime
    from edgetool.runtimes.onnxruntime.operators import operators_of
    from edgetool.runtimes.onnxruntime.recipe import prepare
    from edgetool.runtimes.toolchains import load_toolchain

    del verbose  # noted by its callback
    store, progress = Store(cache_root()), make_progress(quiet=json)
    recipe = prepare(
        load_toolchain(triple),
        store,
        progress,
        compiler=compiler,
        operators=operators_of(reduced) if reduced else None,
        source=source,
        mirror=mirror,
    )
    runtime = build_runtime(recipe, store, progress, jobs=jobs, force=force)
    if json:
        from edgetool.commands.answers import BuildAnswer

        print_json(BuildAnswer(path=str(runtime.root), key=runtime.root.name, runtime=runtime.build))
        return
    from edgetool.platform.format import size_text

    library = next(file for file in runtime.build.files if file.path == runtime.build.library)
    print(f"{runtime.build.title} for {runtime.build.triple}: {runtime.build.variant}")
    print(f"{runtime.root / runtime.build.library}: {size_text(library.size_bytes)}, glibc {runtime.build.glibc}")


@runtime_app.command("list")
def list_runtimes(json: Json = False) -> None:
    """List cached runtimes, newest first, and unfinished builds."""
    from edgetool.console.table import print_table
    from edgetool.platform.format import size_text
    from edgetool.platform.store import Store, cache_root
    from edgetool.runtimes.cache import build_folders, cached_runtimes

    store = Store(cache_root())
    found, left = cached_runtimes(store), build_folders(store)
    if json:
        from edgetool.commands.answers import RuntimeAnswer, RuntimesAnswer

        builds = {str(folder): size for folder, size in left.items()}
        print_json(RuntimesAnswer(runtimes=tuple(map(RuntimeAnswer.of, found)), builds=builds))
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
    """Print the path, files and build options of a runtime."""
    from edgetool.platform.format import size_text
    from edgetool.platform.store import Store, cache_root
    from edgetool.runtimes.cache import find_runtime

    entry = find_runtime(Store(cache_root()), key)
    if json:
        from edgetool.commands.answers import RuntimeAnswer

        print_json(RuntimeAnswer.of(entry))
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
    key: Annotated[str | None, typer.Argument(help="Key, or its beginning.", autocompletion=complete_key)] = None,
    builds: Annotated[bool, typer.Option("--builds", help="Remove build folders.")] = False,
    json: Json = False,
) -> None:
    """Remove a runtime, or the folders that make the next build faster."""
    from edgetool.platform.format import size_text
    from edgetool.platform.store import Store, cache_root
    from edgetool.runtimes.cache import remove_builds, remove_runtime

    if (key is None) != builds:
        raise ConfigError("name one runtime by its key, or say --builds", hint="see `edgetool runtime list`")
    store = Store(cache_root())
    if key is None:
        freed = remove_builds(store)
        if json:
            from edgetool.commands.answers import RemovedBuildsAnswer

            print_json(RemovedBuildsAnswer(removed_bytes=freed))
        else:
            print(f"removed {size_text(freed)} that builds had left")
        return
    entry = remove_runtime(store, key)
    if json:
        from edgetool.commands.answers import RuntimeAnswer

        print_json(RuntimeAnswer.of(entry))
        return
    print(f"removed {entry.key}: {entry.build.title} for {entry.build.triple}, {size_text(entry.size_bytes)}")


@runtime_app.command()
def selftest(
    target: Target = "qemu-riscv64",
    runtime: Annotated[
        str | None,
        typer.Option(
            help="auto, crossbuild, debian, wheel or key:KEY. Default: the target's.", autocompletion=complete_runtime
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Check on the target that its runtime computes correct results.

    Example: edgetool runtime selftest --target qemu-riscv64
    """
    from edgetool.console.context import make_context
    from edgetool.pipeline.selftest import selftest_runtime
    from edgetool.targets.registry import load_target

    place = load_target(target)
    place = place if runtime is None else replace(place, runtime=runtime)
    build, held = selftest_runtime(place, make_context(quiet=json, force=False))
    if json:
        from edgetool.commands.answers import SelftestAnswer

        print_json(SelftestAnswer(runtime=build, target=target, cases=held))
        return
    print(f"{build.title}, {build.variant}: all {held} cases hold on {target}")


@runtime_app.command()
def tune(
    target: Target,
    model: Model = "mobilenet_v2",
    runs: Runs = Path("runs"),
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Time the variants of the int8 kernels on a board, and keep the fastest there.

    Example: edgetool runtime tune --target bananapi-f3
    """
    from edgetool.console.context import make_context
    from edgetool.pipeline.kernels import tune_kernels
    from edgetool.pipeline.plan import PlannedModel

    context = make_context(quiet=json, force=False)
    tuned = tune_kernels(PlannedModel(source=model), target, context, runs=runs, wait=wait)
    if json:
        print_json(tuned)
        return
    from edgetool.platform.format import ratio_text

    interval = f"{ratio_text(tuned.ratio.low)} to {ratio_text(tuned.ratio.high)}"
    if tuned.kept_in is None:
        taken = ratio_text(tuned.ratio.value)
        print(f"{target} keeps {tuned.before}: {tuned.fastest} takes {taken} of its time ({interval})")
    else:
        print(f"{target} takes {tuned.fastest} from now on: {ratio_text(tuned.ratio.value)} of the time ({interval})")
        print(f"kept on the board, in {tuned.kept_in}")
    print(f"records: {tuned.run}")


@runtime_app.command()
def dist(
    key: Annotated[str | None, typer.Argument(help="Key of a runtime, or its beginning. Default: built first.")] = None,
    triple: Annotated[str, typer.Option(help="Target triple.")] = "riscv64-linux-gnu",
    formats: Annotated[
        str, typer.Option("--format", help="Any of wheel, tar, deb, separated by commas.")
    ] = "wheel,tar,deb",
    python: Annotated[
        str | None,
        typer.Option(help="Pythons of the wheels: 3.11,3.13. Default: all whose headers can be fetched."),
    ] = None,
    headers: Annotated[
        list[Path] | None, typer.Option(help="Folder with another Python's headers; repeatable.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the packages.")] = Path("dist"),
    apt: Annotated[Path | None, typer.Option(help="Folder of an apt repository to put the .deb in.")] = None,
    sign: Annotated[str | None, typer.Option(help="gpg key that signs the repository.")] = None,
    compiler: Annotated[str, typer.Option(help="zig, or an installed gcc (14 or newer).")] = "zig",
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Parallel compilations. Default: one per processor.")
    ] = None,
    json: Json = False,
) -> None:
    """Package a runtime as a Python wheel, a tarball for C and C++, and a Debian package.

    Example: edgetool runtime dist --triple riscv64-linux-gnu --format wheel,tar,deb
    """
    from edgetool.console.progress import make_progress
    from edgetool.distribution.apt import write_repository
    from edgetool.distribution.dist import (
        Pythons,
        check_formats,
        find_headers,
        find_release,
        find_toolchain,
        write_formats,
    )
    from edgetool.platform.files import sha256_file
    from edgetool.platform.format import size_text
    from edgetool.platform.store import Store, cache_root

    wanted = check_formats(formats)
    if sign is not None and apt is None:
        raise ConfigError("--sign is for a repository", hint="name its folder with --apt")
    if apt is not None and "deb" not in wanted:
        raise ConfigError("--apt wants a Debian package", hint="add deb to --format")
    store, progress = Store(cache_root()), make_progress(quiet=json)
    versions = tuple(python.split(",")) if python else ()
    toolchain = find_toolchain(triple, key, store)
    pythons = find_headers(toolchain, versions, headers or [], store, progress) if "wheel" in wanted else Pythons()
    release = find_release(toolchain, store, progress, key=key, compiler=compiler, jobs=jobs)
    written = write_formats(release, wanted, out, store, progress, pythons=pythons.headers, jobs=jobs)
    if apt is not None:
        write_repository(apt, next(path for path in written if path.suffix == ".deb"), key=sign)
    if json:
        from edgetool.commands.answers import DistAnswer

        files = {str(path): sha256_file(path) for path in written}
        left_out = {version: failed.message for version, failed in pythons.left_out.items()}
        print_json(DistAnswer(version=release.version, runtime=release.runtime.build, files=files, left_out=left_out))
        return
    for path in written:
        print(f"{path}: {size_text(path.stat().st_size)}")
    for version, failed in pythons.left_out.items():
        print(f"no wheel for CPython {version}: {failed.message}\nhint: {failed.hint}")
