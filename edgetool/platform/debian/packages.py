"""Fetch and unpack Debian packages. Pinned ones come straight from the pool, without an index, apt or root."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgetool.errors import BuildError, EdgetoolError, FetchError, FileGone
from edgetool.platform.debian.index import signed_index
from edgetool.platform.debian.mirrors import VARIABLE, apt_proxies, known_mirrors
from edgetool.platform.debian.pins import Package, Packages, PinList, pinned, read_pins
from edgetool.platform.download import fetch_files
from edgetool.platform.files import FileEntry
from edgetool.platform.progress import Note
from edgetool.platform.unpack import unpack_package


def fetch_from_debian(
    files: Sequence[FileEntry], root: Path, *, note: Note, mirror: str | None = None
) -> tuple[Path, ...]:
    """Fetch files of the archive into the cache's folder `downloads`, from `mirror` or this machine's mirrors.

    Raises ConfigError when no mirror is known; FileGone and FetchError as `fetch_files` does.
    """
    mirrors = known_mirrors() if mirror is None else (mirror,)
    remedy = f"set {VARIABLE} to another mirror"
    return fetch_files(files, root / "downloads", mirrors, remedy=remedy, proxies=apt_proxies(), note=note)


def unpack_packages(
    packages: Packages, root: Path, folder: Path, *, note: Note, only: Sequence[str] = ()
) -> tuple[Package, ...]:
    """Unpack packages and their dependencies into `folder` and return them. None of their scripts are run.

    With `only`, unpack one path for each pattern and nothing else (see `unpack_package`). `root` is the cache. When the
    archive has dropped a pinned version, the current one is found through the signed index.

    Raises FetchError when neither way succeeds, BuildError when a pattern of `only` matches no file.
    """
    pins = read_pins(packages.suite, packages.architecture)
    found = pinned(pins, packages.packages)
    try:
        paths = fetch_from_debian(found, root, note=note)
    except FileGone as gone:
        note("the mirror no longer has the pinned packages, reading its signed index")
        found, paths = _by_index(packages, pins, root, gone, note)
    note(f"unpacking {len(found)} packages")
    missing = set(only)
    for path in paths:
        if missing or not only:
            missing -= unpack_package(path, folder, only=missing)
    if missing:
        raise BuildError(f"the packages {', '.join(packages.packages)} hold no {', '.join(sorted(missing))}")
    return found


def _by_index(
    packages: Packages, pins: PinList, root: Path, gone: FileGone, note: Note
) -> tuple[tuple[Package, ...], tuple[Path, ...]]:
    log = root / "logs" / f"index-{packages.suite}-{packages.architecture}.log"
    failures = []
    for mirror in known_mirrors():
        try:
            index = signed_index(packages.suite, packages.architecture, mirror, log=log)
            found = index.resolve(packages.packages, without=pins.without)
            return found, fetch_from_debian(found, root, note=note, mirror=mirror)
        except EdgetoolError as failed:
            failures.append(failed.message)
    day = f" of {pins.as_of}" if pins.as_of else ""
    raise FetchError(
        "\n".join(
            [
                f"the packages {', '.join(packages.packages)} for {packages.architecture} can't be fetched",
                f"pinned versions: {gone.message}",
                *(f"by the signed index: {failure}" for failure in failures),
            ]
        ),
        hint=f"set {VARIABLE} to another mirror, or to a snapshot{day}, which still has the pinned versions; "
        "in a checkout `make pins` updates them",
    )
