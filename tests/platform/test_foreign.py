"""Foreign text is shown as it is, whatever the sink makes of its characters."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from edgetool.platform.foreign import csv_cell, markdown_text, one_line, rich_text

RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
BEFORE = {"paragraph": "", "item": "- ", "sentence": "Runs on ", "heading": "# on "}


def shown(markdown: str) -> str:
    """The text of a document's one inline block, which holds nothing but text."""
    inlines = [token for token in RENDERER.parse(markdown) if token.type == "inline"]
    assert len(inlines) == 1
    children = inlines[0].children or []
    assert {child.type for child in children} <= {"text", "text_special"}
    return "".join(child.content for child in children)


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
@given(st.text("![]()<>*_`~#+-=|&;:/\\@$ab1. \n\t", min_size=1))
@example("![y](/home/me/.ssh/id)")
@example("<img src=x onerror=alert(1)>")
@example("C908\n\n## What to deploy\n\nint8")
@example("1. one")
@example("&lt;b&gt; &#x3c;")
@example("https://example.org/a_b_c")
@example("a\\")
def test_markdown_shows_the_text_and_makes_nothing_of_it(before: str, text: str) -> None:
    if line := one_line(text):
        prefix = before.lstrip("-# ")
        # a renderer takes one space and a closing row of # for a heading's own
        assert shown(before + markdown_text(text)).rstrip("# ") == f"{prefix}{line}".rstrip("# ")


@given(st.text(min_size=1))
def test_a_cell_of_a_table_stays_one_cell(text: str) -> None:
    tokens = RENDERER.parse(f"| a | b |\n| --- | --- |\n| {markdown_text(text)} | end |\n")
    assert [token.type for token in tokens].count("td_open") == 2


@given(st.text())
def test_a_line_is_printable_and_one(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert len(line) <= 1000


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", " =1", "\t=1", "\r\n=1"])
def test_a_formula_in_a_csv_is_text(text: str) -> None:
    assert str(csv_cell(text)).startswith("'")


@pytest.mark.parametrize("text", ["-0.5", "+3", "fp32", "1e-6"])
def test_a_number_or_a_name_in_a_csv_stays_as_it_is(text: str) -> None:
    assert csv_cell(text) == text


@given(st.text("[]/red\\bold= x", max_size=60))
@example("[/red]")
@example("[link=file:///etc/passwd]x[/link]")
def test_rich_shows_brackets_as_they_are(text: str) -> None:
    console = Console(width=200, force_terminal=True, color_system="truecolor")
    with console.capture() as capture:
        console.print(rich_text(text))
    assert capture.get().rstrip("\n") == one_line(text)
