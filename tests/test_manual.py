"""What comes with the program: the manual page, and completion in real shells."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgetool.manual import write_shared_files
from tests.test_cli import COMMANDS

PROGRAMS = Path(sys.executable).parent
WORDS = "edgetool targets show qemu-"
WANTED = {"qemu-riscv64", "qemu-aarch64"}


def needs(program: str) -> str:
    return shutil.which(program) or pytest.skip(f"{program} is not installed")


@pytest.fixture(scope="module")
def share_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("share")
    write_shared_files(folder)
    return folder


def said(*words: str | Path, **variables: str) -> str:
    path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "LC_ALL": "C.UTF-8", **variables}
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_manual_page_is_as_man_wants_it_and_names_every_command(share_folder: Path) -> None:
    page = share_folder / "man" / "man1" / "edgetool.1"
    if shutil.which("mandoc"):
        said("mandoc", "-T", "lint", "-W", "error", page)
    text = said(needs("groff"), "-man", "-Tutf8", "-ww", "-P-cbou", "-rLL=1000n", page)
    assert [words for words in COMMANDS if " ".join(("edgetool", *words)) not in text] == []
    assert "--count-instructions" in text
    assert "Example: edgetool deploy --target visionfive2" in text


def test_bash_completes(share_folder: Path) -> None:
    script = share_folder / "bash-completion" / "completions" / "edgetool"
    program = (
        f"source {script}; COMP_WORDS=({WORDS}) COMP_CWORD=3; _edgetool_completion edgetool; echo ${{COMPREPLY[@]}}"
    )
    assert set(said(needs("bash"), "--norc", "-c", program).split()) == WANTED


def test_fish_completes(share_folder: Path, tmp_path: Path) -> None:
    script = share_folder / "fish" / "vendor_completions.d" / "edgetool.fish"
    text = said(needs("fish"), "-N", "-c", f"source {script}; complete -C '{WORDS}'", HOME=str(tmp_path))
    assert {line.split("\t")[0] for line in text.splitlines()} == WANTED


def test_zsh_completes(share_folder: Path, tmp_path: Path) -> None:
    program = f"""
    fpath=({share_folder}/zsh/site-functions $fpath)
    zmodload zsh/zpty
    zpty -b shell zsh -f -i
    zpty -w shell 'fpath=({share_folder}/zsh/site-functions $fpath); autoload -Uz compinit; compinit -u -D; PS1=ready'
    zpty -n -w shell '{WORDS}r'$'\\t'
    while zpty -r shell part '*qemu-riscv64*'; do print -r -- $part; break; done
    zpty -d shell
    """
    assert "qemu-riscv64" in said(needs("zsh"), "-f", "-c", program, HOME=str(tmp_path), TERM="dumb")
