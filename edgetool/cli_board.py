"""`edgetool board`: a whole emulated RISC-V Linux for who has no board."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

board_app = typer.Typer(help="An emulated RISC-V board with a Linux of its own.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines, and no progress.")]


@board_app.command()
def up(
    cores: Annotated[int, typer.Option(min=1, max=16, help="Processors of the board.")] = 2,
    memory: Annotated[int, typer.Option(min=256, help="MiB.")] = 2048,
    vlen: Annotated[int, typer.Option(min=128, max=1024, help="Bits of a vector register.")] = 256,
    no_vector: Annotated[bool, typer.Option("--no-vector", help="No vector instructions, like older boards.")] = False,
    json: Json = False,
) -> None:
    """Start the board; it goes on until `edgetool board down`."""
    from edgetool.boards.virtual import BoardOptions, board_folder, start_board
    from edgetool.console import make_progress
    from edgetool.platform.store import Store, cache_root

    store = Store(cache_root())
    options = BoardOptions(cores=cores, memory_mib=memory, vlen_bits=None if no_vector else vlen)
    with make_progress(quiet=json).step("start the emulated board") as step:
        state = start_board(board_folder(store), options, store)
        step.note(f"SSH answered {state.boot_ms / 1000:.1f} s after the emulator's start")
    if json:
        _print_json(state)
        return
    print(f"running: {state.emulator}; `edgetool board ssh` enters it, target virt-riscv64 uses it")


@board_app.command()
def status(json: Json = False) -> None:
    """Whether the board runs."""
    from edgetool.boards.virtual import board_folder, read_board
    from edgetool.platform.store import Store, cache_root

    state = read_board(board_folder(Store(cache_root())))
    running = state is not None and state.running
    if json:
        _print_json({"running": running, "board": state})
    elif state is None or not running:
        print("not running")
    else:
        vector = "no vectors" if state.options.vlen_bits is None else f"{state.options.vlen_bits}-bit vectors"
        print(f"running: {state.options.cores} cores, {state.options.memory_mib} MiB, {vector}; {state.emulator}")
        print(f"process {state.process.pid}, SSH on port {state.port} of this machine's loopback")


@board_app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def ssh(
    command: Annotated[list[str] | None, typer.Argument(help="What to run there; without, a shell.")] = None,
) -> None:
    """A shell on the board, or one command."""
    from edgetool.boards.image import HOST_NAME
    from edgetool.boards.virtual import SSH_CONFIG, board_folder, read_board
    from edgetool.errors import ConfigError
    from edgetool.platform.process import become
    from edgetool.platform.store import Store, cache_root

    folder = board_folder(Store(cache_root()))
    state = read_board(folder)
    if state is None or not state.running:
        raise ConfigError("the emulated board is not running", hint="start it: edgetool board up")
    try:
        become(["ssh", "-F", folder / SSH_CONFIG, HOST_NAME, *(command or [])])
    except FileNotFoundError as error:
        raise ConfigError("ssh is not installed", hint="as root: apt-get install openssh-client") from error


@board_app.command()
def down() -> None:
    """End the board. What was put on it is gone."""
    from edgetool.boards.virtual import board_folder, stop_board
    from edgetool.platform.store import Store, cache_root

    ended = stop_board(board_folder(Store(cache_root())))
    print("ended" if ended else "the board was not running")


def _print_json(answer: object) -> None:
    from edgetool.platform.documents import to_json

    sys.stdout.buffer.write(to_json(answer))
