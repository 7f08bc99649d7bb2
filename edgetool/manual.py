"""The manual page and the shells' completions, made from the commands: `python -m edgetool.manual FOLDER`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import typer
import typer.completion

from edgetool import __version__
from edgetool.cli import app
from edgetool.commands.tree import Command, Words, commands, flag, options
from edgetool.errors import EXIT_CODES

# zsh loads a file of site-functions at the first Tab, and wants its answer then.
ZSH_FIRST = '\n[ "$funcstack[1]" = "_edgetool" ] && _edgetool_completion "$@"\n'
ENVIRONMENT = {
    "EDGETOOL_COMMAND_OPTION, EDGETOOL_OPTION": "Default of an option, for one command or for all.",
    "EDGETOOL_CACHE": "Where runtimes, emulators and finished steps are kept.",
    "EDGETOOL_TARGETS": "Folder of target files that is looked at first.",
    "EDGETOOL_DEBIAN_MIRROR": "Debian mirrors, separated by spaces.",
    "EDGETOOL_TRUST_CONFIG": "Trust configuration of sigstore (JSON), instead of the public one.",
    "NO_COLOR": "No colours.",
}
FILES = {
    "edgetool.toml, pyproject.toml": "The project's defaults of options.",
    "~/.config/edgetool/config.toml": "The user's defaults of options.",
    "~/.config/edgetool/targets": "The user's targets.",
}


def shared_files() -> dict[str, str]:
    """What a package puts below /usr/share, by path."""
    files = {"man/man1/edgetool.1": manual_page()}
    for shell, path in {
        "bash": "bash-completion/completions/edgetool",
        "zsh": "zsh/site-functions/_edgetool",
        "fish": "fish/vendor_completions.d/edgetool.fish",
    }.items():
        # Typer installs these itself, and says so in its documentation, but marks the function as nobody's.
        script = typer.completion.get_completion_script  # type: ignore[attr-defined]
        text: str = script(prog_name="edgetool", complete_var="_EDGETOOL_COMPLETE", shell=shell)
        files[path] = text + (ZSH_FIRST if shell == "zsh" else "\n")
    return files


def manual_page() -> str:
    """edgetool(1) in the language of man(7)."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    root = cast(Command, typer.main.get_command(app))
    yield f'.TH EDGETOOL 1 "" "edgetool {__version__}" "User Commands"'
    yield from (".SH NAME", "edgetool \\- deploy vision models to RISC\\-V and Arm boards, and measure them there")
    yield from (".SH SYNOPSIS", ".B edgetool", ".I COMMAND", "[\\fIOPTIONS\\fR]")
    yield from (".SH DESCRIPTION", *_paragraphs((root.help or "").split("\n\n")))
    yield ".SH COMMANDS"
    for words, command in commands(root):
        if words:
            yield from _command(words, command)
    for title, table in (("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)):
        yield f".SH {title}"
        for name, text in table.items():
            yield from _entry(name, text)
    yield ".SH EXIT STATUS"
    for code, meaning in EXIT_CODES.items():
        yield from _entry(str(code), f"{meaning[:1].upper()}{meaning[1:]}.")


def _command(words: Words, command: Command) -> Iterator[str]:
    arguments = " ".join(
        param.name.upper() for param in command.params if param.name and param.param_type_name == "argument"
    )
    yield f".SS {_roff(' '.join(('edgetool', *words, *arguments.split())))}"
    yield from _paragraphs((command.help or "").split("\n\n"))
    for option in options(command):
        names = ", ".join(sorted((*option.opts, *option.secondary_opts), key=len))
        yield from _entry(names if option.is_flag else f"{names} {flag(option)[2:].upper()}", option.help or "")


def _paragraphs(texts: list[str]) -> Iterator[str]:
    for i, text in enumerate(texts):
        before, _, example = text.strip().partition("Example: ")
        if i:
            yield ".PP"
        yield _roff(" ".join(before.split())) if before else f"Example: \\fB{_roff(example)}\\fR"


def _entry(name: str, text: str) -> Iterator[str]:
    yield from (".TP", f"\\fB{_roff(name)}\\fR", _roff(" ".join(text.split())))


def _roff(text: str) -> str:
    """
    >>> print(_roff("--model C:\\\\x"), _roff(".so"))
    \\-\\-model C:\\ex \\&.so
    """
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped


def write_shared_files(folder: Path) -> list[Path]:
    """Write them below `folder`."""
    written = []
    for name, text in shared_files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        written.append(path)
    return written


if __name__ == "__main__":
    for path in write_shared_files(Path(sys.argv[1])):
        print(path)
