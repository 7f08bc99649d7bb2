"""`edgetool sweep`, and `edgetool bench` with more than one target: many boards at once."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgetool.commands.options import Json
from edgetool.commands.output import print_json
from edgetool.commands.workshop import make_workshop

if TYPE_CHECKING:
    from edgetool.reports.sweeps import PointRow


def sweep(
    plan: Annotated[Path, typer.Argument(help="A TOML file: models, precisions, targets, threads.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The sweep's folder; default: sweeps/NAME of the file.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="A Dask scheduler, tcp://HOST:PORT, whose workers carry the boards.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Measure again what has a record.")] = False,
    json: Json = False,
) -> None:
    """Models × precisions × targets × threads, boards in parallel; what has a record is not measured again."""
    from edgetool.console_boards import watch_boards
    from edgetool.sweep.orders import plan_orders
    from edgetool.sweep.plan import read_plan
    from edgetool.sweep.run import check_complete, run_sweep

    read = read_plan(plan)
    folder = output or Path("sweeps") / plan.stem
    points = tuple(plan_orders(read, make_workshop(quiet=json, force=False)))
    with watch_boards(quiet=json) as watch:
        table = run_sweep(points, folder, name=plan.stem, watch=watch, scheduler=scheduler, force=force)
    print_sweep(table, folder, json=json)
    check_complete(table, folder)


def bench_many(
    bundle: Path,
    targets: Sequence[str],
    settings: Mapping[str, object],
    *,
    runs: Path,
    wait: bool,
    profile: bool,
    json: bool,
) -> None:
    """A bundle on several targets."""
    from edgetool.archives import unpack_bundle
    from edgetool.bundles import open_bundle
    from edgetool.console_boards import watch_boards
    from edgetool.sweep.orders import bundle_orders
    from edgetool.sweep.run import check_complete, run_sweep

    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    folder = runs / name
    with tempfile.TemporaryDirectory(prefix="edgetool-") as scratch, watch_boards(quiet=json) as watch:
        opened = unpack_bundle(bundle, Path(scratch) / "bundle") if bundle.is_file() else open_bundle(bundle)
        orders = bundle_orders(opened, targets, settings, wait=wait, profile=profile)
        table = run_sweep(orders, folder, name=name, watch=watch)
    print_sweep(table, folder, json=json)
    check_complete(table, folder)


def print_sweep(table: Sequence[PointRow], folder: Path, *, json: bool) -> None:
    """Its table, or all of it as JSON."""
    from edgetool.console import print_table
    from edgetool.reports.sweeps import brief_table, reason

    report = folder / "report.md"
    if json:
        print_json({"sweep": str(folder), "report": str(report), "rows": table})
        return
    print_table(*brief_table(table))
    for row in table:
        if row.failure is not None:
            print(f"{row.point.target}, {row.point.title}: {reason(row.failure)}")
    print(f"report: {report}")
