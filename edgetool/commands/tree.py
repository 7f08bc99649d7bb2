"""Every command of the command line, with the words that name it."""

from __future__ import annotations

from collections.abc import Iterator

from typer.core import TyperCommand, TyperGroup, TyperOption

Words = tuple[str, ...]  # ("board", "up")
Command = TyperCommand | TyperGroup


def commands(command: Command, words: Words = ()) -> Iterator[tuple[Words, Command]]:
    """This command and all below it, each with its words; a group stands before its commands."""
    yield words, command
    if isinstance(command, TyperGroup):
        for name, below in command.commands.items():
            assert isinstance(below, Command)
            yield from commands(below, (*words, name))


def options(command: Command) -> Iterator[TyperOption]:
    yield from (param for param in command.params if isinstance(param, TyperOption))


def flag(option: TyperOption) -> str:
    """Its long name: `--held-out`."""
    return max(option.opts, key=len)
