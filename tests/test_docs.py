"""The documentation: every command in it is one that edgetool takes, and tutorials run as they are written."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from typer.core import TyperGroup

from tests.test_cli import COMMANDS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
TUTORIALS = sorted(path for path in (DOCS / "tutorials").glob("*.md") if path.stem != "index")
TITLE = re.compile(r'title="([^"]+)"')


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Each block of code: its language with what else is said of it, and its text."""
    for token in MarkdownIt().parse(page.read_text()):
        if token.type == "fence":
            yield token.info.strip(), token.content


def words_of(line: str) -> list[str]:
    """Those of the first command of a shell's line.

    >>> words_of("edgetool jobs --json | jq '.jobs[0]'  # the first")
    ['edgetool', 'jobs', '--json']
    """
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(takewhile(lambda word: not word.startswith(("|", "&", ";", "<", ">")), lexer))


def commands_in(page: Path) -> Iterator[list[str]]:
    """The words of each edgetool command that a reader is told to run."""
    for info, text in blocks(page):
        prompt = "$ " if info == "console" else ""
        if info not in ("sh", "console"):
            continue
        for line in text.replace("\\\n", " ").splitlines():
            start = f"{prompt}edgetool "
            plain = line.removeprefix("! ")
            if plain.startswith(start):
                yield words_of(plain.removeprefix(prompt))[1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_command_is_one_that_edgetool_takes(page: Path) -> None:
    for given in commands_in(page):
        if given and given[0].startswith("--"):
            continue
        words = max((words for words in COMMANDS if tuple(given[: len(words)]) == words), key=len)
        command = COMMANDS[words]
        assert words, f"edgetool {' '.join(given)}"
        if isinstance(command, TyperGroup) and len(given) == len(words):
            continue
        command.make_context(words[-1], given[len(words) :])


def test_the_readme_is_read_in_minutes() -> None:
    assert len((ROOT / "README.md").read_text().split()) < 900


@pytest.mark.skipif(
    "EDGETOOL_TEST_TUTORIALS" not in os.environ, reason="set EDGETOOL_TEST_TUTORIALS, or make test-tutorials"
)
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_tutorial_runs_as_it_is_written(page: Path, tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for info, text in blocks(page):
        if named := TITLE.search(info):
            (tmp_path / named[1]).write_text(text)
        elif info == "sh":
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", text],
                cwd=tmp_path,
                env={**os.environ, "PATH": path},
                capture_output=True,
                text=True,
                check=False,
            )
            print(done.stdout, done.stderr)
            assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"


def test_the_site_builds_offline_with_no_broken_link(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    env = {**os.environ, "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for page in (tmp_path / "site").rglob("*.html"):
        loaded = re.findall(r'(?:src|href)="(https?://[^"]+)"[^>]*(?:stylesheet|></script)', page.read_text())
        assert not loaded, f"{page} loads {loaded}"
    cli = (tmp_path / "site" / "reference" / "cli" / "index.html").read_text()
    assert all(f"edgetool {' '.join(words)}" in cli for words in COMMANDS if words)
