"""`edgetool targets`, and `clean`: the places a bundle can run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgetool.commands.completion import complete_target
from edgetool.commands.jobs import job_supervisor
from edgetool.commands.options import Json
from edgetool.commands.output import print_json
from edgetool.platform.foreign import one_line

if TYPE_CHECKING:
    from edgetool.boards.probe import Probe
    from edgetool.targets.spec import Target

AcceptNew = Annotated[
    bool, typer.Option("--accept-new", help="Accept an unknown host key; a changed one is always refused.")
]
targets_app = typer.Typer(
    help="List, add and check targets: the machines a bundle can run on.", invoke_without_command=True
)


@targets_app.callback()
def _default(context: typer.Context, json: Json = False) -> None:
    if context.invoked_subcommand is None:
        list_targets(json=json)


@targets_app.command("list")
def list_targets(json: Json = False) -> None:
    """List all known targets."""
    from edgetool.console.table import print_table
    from edgetool.targets.registry import readable_targets

    found, broken = readable_targets()
    if json:
        from edgetool.commands.answers import TargetsAnswer

        print_json(TargetsAnswer(targets=tuple(found), broken=tuple(error.message for error in broken)))
        return
    cells = [(t.name, t.description, t.triple, t.executor["kind"], t.runtime) for t in found]
    print_table(("target", "what", "triple", "executor", "runtime"), cells)
    for error in broken:
        print(one_line(f"left out: {error.message}"), file=sys.stderr)


@targets_app.command("show")
def show_target(name: Annotated[str, typer.Argument(autocompletion=complete_target)], json: Json = False) -> None:
    """Print the settings of a target."""
    from edgetool.targets.registry import load_target, target_files

    target = load_target(name)
    if json:
        print_json(target)
        return
    path = target_files().get(name, Path(name))
    print(f"# {path}\n{path.read_text()}", end="")


@targets_app.command("add")
def add_target(
    name: Annotated[str, typer.Argument(help="Name of the new target.")],
    host: Annotated[str, typer.Option(help="Host of ~/.ssh/config, or user@host.")],
    config: Annotated[str | None, typer.Option(help="SSH configuration to use instead of ~/.ssh/config.")] = None,
    accept_new: AcceptNew = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing target file.")] = False,
    json: Json = False,
) -> None:
    """Probe a board over SSH and write its target file.

    Example: edgetool targets add desk --host me@192.0.2.7
    """
    from edgetool.targets.registry import new_target_file, write_target
    from edgetool.targets.spec import Target

    path = new_target_file(name, force=force)
    table = {"kind": "ssh", "host": host} | ({} if config is None else {"config": config})
    probe = _probe(Target(schema=Target.SCHEMA, name=name, description="", triple="native", executor=table), accept_new)
    target = Target(schema=Target.SCHEMA, name=name, description=_describe(probe), triple=probe.triple, executor=table)
    write_target(path, target)
    if json:
        from edgetool.commands.answers import NewTargetAnswer

        print_json(NewTargetAnswer(path=str(path), target=target, probe=probe))
        return
    print(f"{path}: {target.description}; `edgetool deploy --target {name}`")


@targets_app.command("remove")
def remove_target(
    name: Annotated[str, typer.Argument(help="Target that `targets add` made.", autocompletion=complete_target)],
    json: Json = False,
) -> None:
    """Remove the file of a target of yours.

    Example: edgetool targets remove desk
    """
    from edgetool.targets.registry import remove_target as remove

    path = remove(name)
    if json:
        from edgetool.commands.answers import RemovedTargetAnswer

        print_json(RemovedTargetAnswer(target=name, removed=str(path)))
        return
    print(f"removed {path}")


@targets_app.command("check")
def check_target(
    name: Annotated[str, typer.Argument(help="Target name or file.", autocompletion=complete_target)],
    accept_new: AcceptNew = False,
    json: Json = False,
) -> None:
    """Connect to a target and check that it is the machine its file describes.

    Example: edgetool targets check visionfive2
    """
    from edgetool.boards.probe import check_machine_of
    from edgetool.platform.format import size_text
    from edgetool.targets.registry import load_target

    target = load_target(name)
    probe = _probe(target, accept_new)
    check_machine_of(target, probe)
    if json:
        from edgetool.commands.answers import CheckedTargetAnswer

        print_json(CheckedTargetAnswer(target=name, probe=probe))
        return
    print(f"{name}: {_describe(probe)}")
    facts = probe.facts
    rows = {
        "kernel": probe.kernel,
        "isa": facts.isa,
        "governor": facts.governor,
        "temperature": None if facts.temperature_celsius is None else f"{facts.temperature_celsius:.0f} °C",
        "load": None if facts.load_1min is None else f"{facts.load_1min:.2f}",
        "memory free": None if facts.memory_available_bytes is None else size_text(facts.memory_available_bytes),
        "disk free": None if probe.free_bytes is None else size_text(probe.free_bytes),
    }
    for title, text in rows.items():
        if text is not None:
            print(f"  {title}: {text}")


def clean(
    target: Annotated[str, typer.Option("--target", "-t", help="Target name or file.", autocompletion=complete_target)],
    json: Json = False,
) -> None:
    """Remove the files that edgetool keeps on a board.

    Example: edgetool clean --target visionfive2
    """
    from edgetool.platform.format import size_text

    with job_supervisor(target) as board:
        freed_bytes = board.clean()
    if json:
        from edgetool.commands.answers import CleanAnswer

        print_json(CleanAnswer(target=target, freed_bytes=freed_bytes))
        return
    print(f"{target}: {size_text(freed_bytes)} removed")


def _probe(target: Target, accept_new: bool) -> Probe:
    from edgetool.boards.probe import probe_board
    from edgetool.targets.registry import open_executor, with_setting

    if accept_new:
        target = with_setting(target, "accept_new", True)
    with open_executor(target, exclusive=False) as executor:
        return probe_board(executor)


def _describe(probe: Probe) -> str:
    model = probe.facts.model or probe.facts.cpu or "a board"
    cores = None if probe.cores is None else f"{probe.cores} cores"
    return one_line(", ".join(text for text in (f"{model}: {probe.machine}", cores, probe.vectors) if text))
