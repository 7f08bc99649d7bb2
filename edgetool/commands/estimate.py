"""`edgetool estimate`: what counted instructions would cost named cores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgetool.commands.completion import complete_core, complete_run
from edgetool.commands.options import Json
from edgetool.commands.output import print_json
from edgetool.console.context import make_context
from edgetool.errors import ConfigError, IllegalInstruction

if TYPE_CHECKING:
    from edgetool.estimates.cores import Core
    from edgetool.estimates.rows import EstimateRow

Cores = Annotated[
    list[str],
    typer.Option(
        "--core", metavar="CORE", help="Core to estimate; repeatable. Default: all.", autocompletion=complete_core
    ),
]
Operators = Annotated[bool, typer.Option("--operators", help="Show each operator's share.")]


def estimate(
    subject: Annotated[
        Path,
        typer.Argument(
            help="Run folder, record (.json), program with marks, or assembly (.s).", autocompletion=complete_run
        ),
    ],
    core: Cores = [],
    against: Annotated[Path | None, typer.Option(help="Subject to compare with.")] = None,
    operators: Operators = False,
    json: Json = False,
) -> None:
    """Estimate the cycles of counted instructions on named cores.

    An estimate is an interval between perfect overlap and none; it is not a measured time.

    Example: edgetool estimate runs/20261124T101500Z-3f2a1b --core x60
    """
    from edgetool.estimates.cores import core_names, load_core
    from edgetool.estimates.rows import judge

    cores = [load_core(name) for name in core or core_names()]
    rows = _rows(subject, cores, quiet=json)
    baseline = [] if against is None else _rows(against, cores, quiet=json)
    judgement = judge(baseline, rows)
    if json:
        from edgetool.commands.answers import EstimateAnswer

        print_json(EstimateAnswer(estimates=tuple(rows), baseline=tuple(baseline), judgement=judgement))
        return
    from edgetool.console.table import print_columns
    from edgetool.reports.tables.estimates import estimates_table, operator_estimates_table

    print_columns(estimates_table((*baseline, *rows)))
    if operators:
        print_columns(operator_estimates_table(rows))
    if judgement is not None:
        print(
            f"worst core {judgement.worst_core}: {judgement.worst:.3f} of {against}'s cycles; "
            f"geometric mean over {len(judgement.ratios)} cores: {judgement.geometric_mean:.3f}"
        )
    if not all(row.with_memory for row in rows):
        print("without memory: no caches were modelled when these instructions were counted")
    for text in dict.fromkeys(f"{row.core_title}: {row.caveat}" for row in rows if row.caveat):
        print(text)


def _rows(subject: Path, cores: list[Core], *, quiet: bool) -> list[EstimateRow]:
    """Raises ConfigError for what holds no counts that fit one of the cores."""
    from edgetool.pipeline.estimates import COUNT, recorded_rows

    if subject.is_dir() or subject.suffix == ".json":
        rows = list(recorded_rows(subject, cores))
    else:
        rows = _executed(subject, cores, quiet=quiet)
    if not rows:
        raise ConfigError(
            f"{subject} holds no counts for {', '.join(core.name for core in cores)}",
            hint=COUNT,
        )
    return rows


def _executed(subject: Path, cores: list[Core], *, quiet: bool) -> list[EstimateRow]:
    """Once for each length of vectors that a core has, with the caches of those that have it."""
    import tempfile

    from edgetool.estimates.caches import CacheModel
    from edgetool.estimates.rows import row
    from edgetool.harness.programs import ASSEMBLER, assemble, count_program
    from edgetool.runtimes.emulator import counting_emulator

    if not subject.is_file():
        raise ConfigError(f"no file {subject}", hint="a run's folder, a record's .json, a program or a .s")
    context = make_context(quiet=quiet, force=False)
    counting = counting_emulator(context.store, context.progress)
    found = []
    with tempfile.TemporaryDirectory(prefix="edgetool-") as scratch:
        program = assemble(subject, Path(scratch), context.store) if subject.suffix in ASSEMBLER else subject
        for vlen_bits in sorted({core.vlen_bits for core in cores}):
            alike = [core for core in cores if core.vlen_bits == vlen_bits]
            caches = [CacheModel.of(core) for core in alike]
            try:
                mix = count_program(counting, program, vlen_bits=vlen_bits, caches=caches)
            except IllegalInstruction:
                continue  # it needs vectors, those cores have none
            found += [row(subject.name, mix, core) for core in alike]
    return found
