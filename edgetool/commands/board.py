"""`edgetool board`: a whole emulated Linux for who has no board."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from edgetool.commands.completion import complete_target
from edgetool.commands.options import Json
from edgetool.commands.output import print_json

board_app = typer.Typer(help="Run emulated RISC-V and Arm boards, each with its own Linux.", no_args_is_help=True)


Target = Annotated[
    str,
    typer.Option(
        "--target", "-t", help="Target name or file; each target has its own board.", autocompletion=complete_target
    ),
]
DEFAULT_TARGET = "virt-riscv64"


@board_app.command()
def up(
    target: Target = DEFAULT_TARGET,
    cores: Annotated[int | None, typer.Option(min=1, max=16, help="Number of processors.")] = None,
    memory: Annotated[int | None, typer.Option(min=256, help="Memory in MiB.")] = None,
    vlen: Annotated[int | None, typer.Option(min=128, max=1024, help="RISC-V vector register length in bits.")] = None,
    no_vector: Annotated[bool, typer.Option("--no-vector", help="Disable vector instructions.")] = False,
    json: Json = False,
) -> None:
    """Start the board of a target. It runs until `edgetool board down`.

    Example: edgetool board up --target virt-riscv64 --cores 4 --vlen 256
    """
    from edgetool.boards.emulated import board_options
    from edgetool.boards.virtual import board_folder, start_board
    from edgetool.console.progress import make_progress
    from edgetool.platform.store import Store, cache_root
    from edgetool.targets.registry import load_target

    store = Store(cache_root())
    found = load_target(target)
    chosen = {"cores": cores, "memory_mib": memory, "vlen_bits": vlen, "vector": False if no_vector else None}
    own = {key: setting for key, setting in chosen.items() if setting is not None}
    options = board_options(replace(found, executor={**found.executor, **own}))
    with make_progress(quiet=json).step(f"start the emulated board {found.name}") as step:
        state = start_board(board_folder(store, found.name), options, store)
        step.note(f"SSH answered {state.boot_ms / 1000:.1f} s after the emulator's start")
    if json:
        print_json(state)
        return
    print(f"running: {state.emulator}; `edgetool board ssh -t {target}` enters it, target {target} uses it")


@board_app.command()
def status(json: Json = False) -> None:
    """List the running boards."""
    from edgetool.boards.virtual import running_boards
    from edgetool.platform.store import Store, cache_root

    boards = running_boards(Store(cache_root()))
    if json:
        from edgetool.commands.answers import BoardsAnswer

        print_json(BoardsAnswer(boards=boards))
        return
    for name, state in boards.items():
        vectors = "" if state.options.vlen_bits is None else f", {state.options.vlen_bits}-bit vectors"
        print(f"{name}: {state.options.cores} cores, {state.options.memory_mib} MiB{vectors}; {state.emulator}")
        print(f"  process {state.process.pid}, SSH on port {state.port} of this machine's loopback")
    if not boards:
        print("none is running")


@board_app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def ssh(
    command: Annotated[list[str] | None, typer.Argument(help="Command to run. Default: a shell.")] = None,
    target: Target = DEFAULT_TARGET,
) -> None:
    """Open a shell on a board, or run one command.

    Example: edgetool board ssh --target virt-riscv64 uname -a
    """
    from edgetool.boards.virtual import HOST, SSH_CONFIG, board_folder, read_board
    from edgetool.errors import ConfigError
    from edgetool.platform.process import become
    from edgetool.platform.store import Store, cache_root
    from edgetool.targets.registry import load_target

    folder = board_folder(Store(cache_root()), load_target(target).name)
    state = read_board(folder)
    if state is None or not state.running:
        raise ConfigError(
            f"the emulated board {target} is not running", hint=f"start it: edgetool board up --target {target}"
        )
    try:
        become(["ssh", "-F", folder / SSH_CONFIG, HOST, *(command or [])])
    except FileNotFoundError as error:
        raise ConfigError("ssh is not installed", hint="as root: apt-get install openssh-client") from error


@board_app.command()
def down(
    target: Target = DEFAULT_TARGET,
    every: Annotated[bool, typer.Option("--all", help="Stop all boards.")] = False,
    json: Json = False,
) -> None:
    """Stop a board and discard its disk."""
    from edgetool.boards.virtual import board_folder, running_boards, stop_board
    from edgetool.platform.store import Store, cache_root
    from edgetool.targets.registry import load_target

    store = Store(cache_root())
    names = list(running_boards(store)) if every else [load_target(target).name]
    ended = {name: stop_board(board_folder(store, name)) for name in names}
    if json:
        from edgetool.commands.answers import DownAnswer

        done = tuple(name for name in names if ended[name])
        print_json(DownAnswer(ended=done, not_running=tuple(name for name in names if not ended[name])))
        return
    for name in names:
        print(f"{name}: ended" if ended[name] else f"{name}: the board was not running")
