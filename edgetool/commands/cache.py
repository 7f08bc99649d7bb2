"""`edgetool cache`: what is kept so that nothing is done twice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from edgetool.commands.options import Json
from edgetool.commands.output import print_json
from edgetool.errors import BuildError, ConfigError

if TYPE_CHECKING:
    from edgetool.platform.cache import Item

cache_app = typer.Typer(help="List, prune and verify the cache of downloads and finished steps.", no_args_is_help=True)

UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "t": 1000**4}
DEFAULT_DAYS = 30


@cache_app.command("list")
def list_cache(
    everything: Annotated[bool, typer.Option("--all", help="List every entry, not only totals by kind.")] = False,
    json: Json = False,
) -> None:
    """List what the cache holds, largest first."""
    from edgetool.console.table import print_table
    from edgetool.platform.cache import items
    from edgetool.platform.format import size_text
    from edgetool.platform.store import cache_root

    root = cache_root()
    found = items(root)
    if json:
        from edgetool.commands.answers import CacheAnswer, CacheRow

        print_json(CacheAnswer(root=str(root), items=CacheRow.of(found)))
        return
    total = sum(item.size_bytes for item in found)
    if everything:
        by_size = sorted(found, key=lambda item: item.size_bytes, reverse=True)
        print_table(
            ("what", "size", "used"),
            [(item.name, size_text(item.size_bytes), f"{item.used_at:%Y-%m-%d %H:%M}") for item in by_size],
        )
    else:
        kinds: dict[str, list[Item]] = {}
        for item in found:
            kinds.setdefault(item.kind, []).append(item)
        sizes = {kind: sum(item.size_bytes for item in held) for kind, held in kinds.items()}
        ordered = sorted(kinds, key=lambda kind: sizes[kind], reverse=True)
        print_table(
            ("kind", "size", "entries", "last used"),
            [
                (
                    kind,
                    size_text(sizes[kind]),
                    str(len(kinds[kind])),
                    f"{max(item.used_at for item in kinds[kind]):%Y-%m-%d %H:%M}",
                )
                for kind in ordered
            ],
        )
    print(f"{size_text(total)} in {root}")


@cache_app.command()
def prune(
    max_size: Annotated[
        str | None, typer.Option("--max-size", help="Shrink the cache to this size, such as 2G.")
    ] = None,
    unused_for: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=36500,
            help=f"Remove entries unused for this many days. Default without --max-size: {DEFAULT_DAYS}.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be removed.")] = False,
    json: Json = False,
) -> None:
    """Remove the least recently used entries. Entries in use are kept.

    Example: edgetool cache prune --max-size 2G
    """
    from datetime import timedelta

    from edgetool.platform.cache import prune as prune_cache
    from edgetool.platform.format import size_text
    from edgetool.platform.store import cache_root

    days = DEFAULT_DAYS if unused_for is None and max_size is None else unused_for
    removed, kept = prune_cache(
        cache_root(),
        max_bytes=None if max_size is None else parse_size(max_size),
        unused_for=None if days is None else timedelta(days=days),
        dry_run=dry_run,
    )
    if json:
        from edgetool.commands.answers import CacheRow, PruneAnswer

        print_json(PruneAnswer(removed=CacheRow.of(removed), in_use=CacheRow.of(kept)))
        return
    for item in removed:
        print(f"{'would remove' if dry_run else 'removed'} {item.name}: {size_text(item.size_bytes)}")
    for item in kept:
        print(f"in use, kept: {item.name}: {size_text(item.size_bytes)}")
    freed = size_text(sum(item.size_bytes for item in removed))
    print(f"{freed} {'would be freed' if dry_run else 'freed'}")


@cache_app.command()
def verify(
    remove: Annotated[bool, typer.Option("--remove", help="Remove damaged entries.")] = False,
    json: Json = False,
) -> None:
    """Check every cached file against its manifest. Exit code 4 if one is damaged."""
    from edgetool.console.progress import make_progress
    from edgetool.platform.cache import items
    from edgetool.platform.cache import remove as remove_item
    from edgetool.platform.cache import verify as verify_items
    from edgetool.platform.store import cache_root

    root = cache_root()
    with make_progress(quiet=json).step("verify the cache") as step:
        found = [item for item in items(root) if item.is_entry]
        damaged = verify_items(found)
        step.note(f"{len(found)} entries, {len(damaged)} damaged")
    gone = [each for each in damaged if remove and remove_item(root, each.item)]
    if json:
        from edgetool.commands.answers import DamagedRow, VerifyAnswer

        rows = (
            DamagedRow(
                kind=each.item.kind,
                path=str(each.item.path),
                size_bytes=each.item.size_bytes,
                used_at=each.item.used_at,
                found=tuple(each.found),
            )
            for each in damaged
        )
        print_json(VerifyAnswer(entries=len(found), damaged=tuple(rows)))
    else:
        for each in damaged:
            print(f"{each.item.name}: {'; '.join(each.found)}" + (" (removed)" if each in gone else ""))
    if len(gone) < len(damaged):
        raise typer.Exit(BuildError.exit_code)


def parse_size(text: str) -> int:
    """Bytes.

    >>> parse_size("2G"), parse_size("1.5MB"), parse_size("512")
    (2000000000, 1500000, 512)
    """
    found = re.fullmatch(r"(\d{1,15}(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", text.strip().lower())
    if found is None:
        raise ConfigError(f"--max-size {text!r} is no size", hint="for example 2G or 500M")
    return int(float(found[1]) * UNITS[found[2]])
