"""A board that lies about itself: every text of a record is shown as text, in every file of a report."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console

from edgetool.boards.facts import BoardFacts
from edgetool.measurements.operators import Operators, OperatorTime
from edgetool.models.spec import TensorSpec
from edgetool.models.tasks.base import Score
from edgetool.platform.foreign import one_line, rich_text
from edgetool.records.case import CaseFailure, CaseResult, Fallback
from edgetool.reports.exporters.csv import export_csv
from edgetool.reports.exporters.html import export_html
from edgetool.reports.exporters.markdown import export_markdown
from edgetool.reports.report import Report
from tests.reports.examples import CONV, COUNTS, INT8, accuracy, entry, report_of
from tests.support.records import environment, model_spec, record, runtime_identity

LIES = {
    "a file as an image": "![y](/home/me/.ssh/id)",
    "a device as an image": "![y](/dev/zero)",
    "an address": "[x](https://example.org/) https://example.org/ www.example.org <https://example.org>",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)></style></svg><iframe src=/etc/passwd>",
    "a section": "C908\n\n## What to deploy\n\n**Deploy int8** | cell |\n\n- item",
    "a formula": "=HYPERLINK(A1)",
    "a command of a spreadsheet": "@SUM(1+1)*cmd|' /C calc'!A0",
    "a terminal's control": "\x1b[2J\x1b]0;title\x07\x9b31m",
    "another direction": "abc\u202egnp.exe\u2066",
    "markup": "[red]x[/red] [link=file:///etc/passwd]y[/link] [/]",
    "mathematics": r"$\frac{$ $x^2$",
    "a template": "{{ report }} {% include 'report.css' %}",
    "an entity": "&lt;b&gt; &#x3c;script&#x3e; ]]> <!--",
    "quotes": "\" ' ` ``` \\",
    "a surrogate and no character": "\ud800 \ufffe \x00",
    "other letters": "龍芯 😀 ﷽",
}


@cache
def lying(lie: str) -> Report:
    """A run in which everything that a board, a model or a runtime says of itself is the lie."""
    tensor = TensorSpec(name=lie, dtype=lie, shape=(1, 3, 8, 8))
    facts = BoardFacts(model=lie, cpu=lie, isa=lie, governor=lie, temperature_celsius=40.0)
    whole = environment()
    assert whole.runtime is not None
    told: dict[str, Any] = {
        "target": lie,
        "triple": lie,
        "accuracy": accuracy(),
        "edgetool": lie,
        "runtime": runtime_identity(name=lie, title=lie, variant=lie, flags=(lie, lie)),
        "environment": replace(
            whole,
            board=facts,
            emulator=lie,
            process=replace(whole.process, kernel=lie, libc=lie, machine=lie),
            runtime=replace(whole.runtime, version=lie, build_info=lie, build_id=lie, kernels=lie, library=lie),
        ),
        "scores": (Score(name=lie, value=0.5, samples=40),),
        "instructions": replace(COUNTS, emulator=lie, operators=(replace(CONV, operator=lie),)),
        "operators": Operators(times=(OperatorTime(operator=lie, calls=1, time_ns=1, share=1.0),)),
    }
    models = [
        replace(model, name=lie, weights=lie, inputs=(tensor,), outputs=(tensor,)) for model in (model_spec(), INT8)
    ]
    cases = [entry(record(model=model, **told)) for model in models]
    beside = entry(record(model=models[0], **told), lie)
    failure = CaseFailure(error=lie, message=lie, hint=lie)
    broken = (CaseResult(case=replace(cases[0][0].case, target="gone"), failure=failure), None)
    fallback = Fallback(asked=lie, reason=lie, instead=lie)
    return report_of(*cases, beside, broken, title=lie, fallbacks=[fallback])


@pytest.fixture(params=list(LIES.values()), ids=list(LIES))
def lie(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def tokens(markdown: str) -> Iterator[Token]:
    for token in MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown):
        yield token
        yield from token.children or ()


def outline(markdown: str) -> list[str]:
    """What a Markdown text is made of, without its words."""
    return [token.type for token in tokens(markdown) if token.type not in ("text", "text_special", "softbreak")]


def test_no_file_is_made_of_anything_else_by_a_lie(lie: str) -> None:
    honest, lying_report = lying("honest"), lying(lie)
    markdown = export_markdown(lying_report)["report.md"].decode()
    assert outline(markdown) == outline(export_markdown(honest)["report.md"].decode())
    images = [str(token.attrs["src"]) for token in tokens(markdown) if token.type == "image"]
    assert images == [chart.path for chart in lying_report.charts]
    assert tags(lying_report) == tags(honest)


def tags(report: Report) -> list[str]:
    """The elements of the page and their attributes' names, outside of its drawings."""
    page = export_html(report)["report.html"].decode()
    body = page[page.index("<body>") : page.index("<script>")].replace("&nbsp;", " ")
    root = ET.fromstring(body + "</body>")
    drawings = {element for svg in root.iter("{http://www.w3.org/2000/svg}svg") for element in svg.iter()}
    return [f"{e.tag} {' '.join(sorted(set(e.attrib) - {'class'}))}" for e in root.iter() if e not in drawings]


def test_a_chart_is_a_drawing_with_the_lie_in_its_words(lie: str) -> None:
    for chart in lying(lie).charts:
        root = ET.fromstring(chart.file())
        names = {element.tag.partition("}")[2] for element in root.iter()}
        assert names <= {"svg", "title", "desc", "g", "path", "text", "use", "defs", "clipPath", "rect"}
        if chart.name == "latency":
            assert one_line(lie)[:20] in str(root.findtext("{http://www.w3.org/2000/svg}desc"))


def test_no_cell_of_a_csv_is_a_formula(lie: str) -> None:
    for data in export_csv(lying(lie)).values():
        lines = list(csv.reader(io.StringIO(data.decode())))
        assert len({len(line) for line in lines}) == 1
        assert not [cell for line in lines for cell in line if cell[:1] in "=+-@\t\r" and cell]


def test_a_terminal_is_sent_no_control(lie: str) -> None:
    console = Console(force_terminal=True, width=300)
    with console.capture() as capture:
        console.print(rich_text(lie))
    assert capture.get().rstrip("\n").isprintable()
