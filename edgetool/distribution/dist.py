"""Package a runtime in several formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgetool.distribution.deb import write_package
from edgetool.distribution.release import Release
from edgetool.distribution.tarball import write_tarball
from edgetool.distribution.wheel import write_wheel
from edgetool.errors import ConfigError, FetchError
from edgetool.platform.files import sha256_file, write_atomically
from edgetool.platform.progress import Progress
from edgetool.platform.store import Store, key_of
from edgetool.runtimes.cache import find_runtime
from edgetool.runtimes.onnxruntime.build import build_extensions, build_runtime
from edgetool.runtimes.onnxruntime.headers import Headers, find_pythons, own_headers, pinned_headers
from edgetool.runtimes.onnxruntime.recipe import prepare
from edgetool.runtimes.onnxruntime.sources import source_tree
from edgetool.runtimes.spec import Toolchain
from edgetool.runtimes.toolchains import load_toolchain

FORMATS = ("wheel", "tar", "deb")
SUMS = "SHA256SUMS"


def find_toolchain(triple: str, key: str | None, store: Store) -> Toolchain:
    """Return the toolchain of the cached runtime `key`, otherwise of `triple`. Raises ConfigError."""
    return load_toolchain(triple if key is None else find_runtime(store, key).build.triple)


def find_release(
    toolchain: Toolchain,
    store: Store,
    progress: Progress,
    *,
    key: str | None,
    compiler: str = "zig",
    jobs: int | None = None,
) -> Release:
    """Find the cached runtime `key`, or build the current recipe if it is not cached.

    Raises ConfigError when there is no such runtime or it can't be released, BuildError when the build fails.
    """
    if key is None:
        recipe = prepare(toolchain, store, progress, compiler=compiler)
        runtime = build_runtime(recipe, store, progress, jobs=jobs)
    else:
        runtime = find_runtime(store, key).runtime
    return Release(runtime=runtime, toolchain=toolchain, tree=source_tree(store, progress))


@dataclass(frozen=True, kw_only=True)
class Pythons:
    """The Pythons that get a wheel, and by version why others don't."""

    headers: tuple[Headers, ...] = ()
    left_out: Mapping[str, FetchError] = field(default_factory=dict)


def find_headers(
    toolchain: Toolchain, versions: Sequence[str], own: Sequence[Path], store: Store, progress: Progress
) -> Pythons:
    """Find the headers for the wheels: folders in `own`, and pinned ones of `versions`.

    Without either, every pinned Python is taken whose headers can be fetched: not each network reaches every publisher.
    Raises ConfigError, and FetchError when the headers of a version, or any at all, can't be fetched.
    """
    pythons = find_pythons(toolchain, tuple(versions)) if versions or not own else ()
    found: dict[str, Headers] = {}
    left_out: dict[str, FetchError] = {}
    with progress.step(f"headers of Python for {toolchain.triple}") as step:
        for python in pythons:
            try:
                found[python.version] = pinned_headers(python, toolchain, store, note=step.note)
            except FetchError as failed:
                if versions:
                    raise
                left_out[python.version] = failed
        if left_out and not found:
            raise next(iter(left_out.values()))
        for folder in own:
            headers = own_headers(folder, toolchain, store, note=step.note)
            found[headers.version] = headers
        step.note("")
    return Pythons(headers=tuple(found.values()), left_out=left_out)


def write_wheels(
    release: Release, pythons: Sequence[Headers], folder: Path, store: Store, progress: Progress, *, jobs: int | None
) -> tuple[Path, ...]:
    """Write a wheel for each Python, from the objects of the runtime's build.

    Raises ConfigError when the runtime is not of the current recipe.
    """
    compiler = release.runtime.build.flags[0].partition(" ")[0]
    recipe = prepare(release.toolchain, store, progress, compiler=compiler)
    if key_of(recipe.inputs()) != release.runtime.root.name:
        raise ConfigError(
            f"the runtime {release.runtime.root.name} was built by another recipe than this edgetool's, so a wheel's "
            "extension can't share its objects",
            hint="leave KEY out to build the runtime first",
        )
    built = build_extensions(recipe, pythons, store, progress, jobs=jobs)
    with progress.step("wheels"):
        return tuple(
            write_wheel(release, path, version, folder, bridge=built.bridge)
            for version, path in built.by_python.items()
        )


def write_formats(
    release: Release,
    formats: Sequence[str],
    folder: Path,
    store: Store,
    progress: Progress,
    *,
    pythons: Sequence[Headers] = (),
    jobs: int | None = None,
) -> tuple[Path, ...]:
    """Write the packages and SHA256SUMS to `folder`. Return the packages' paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    if "tar" in formats:
        with progress.step("tarball"):
            written.append(write_tarball(release, folder))
    if "deb" in formats:
        with progress.step("Debian package"):
            written.append(write_package(release, folder))
    if "wheel" in formats:
        written += write_wheels(release, pythons, folder, store, progress, jobs=jobs)
    _write_sums(folder)
    return tuple(written)


def check_formats(text: str) -> tuple[str, ...]:
    """Split a list of formats such as "wheel,tar". Raises ConfigError when one is unknown."""
    formats = tuple(dict.fromkeys(text.split(",")))
    if unknown := [name for name in formats if name not in FORMATS]:
        raise ConfigError(f"no format {unknown[0]!r}", hint=f"known formats: {', '.join(FORMATS)}")
    return formats


def _write_sums(folder: Path) -> None:
    files = sorted(path for path in folder.iterdir() if path.suffix in (".whl", ".tgz", ".deb"))
    write_atomically(folder / SUMS, "".join(f"{sha256_file(path)}  {path.name}\n" for path in files).encode())
