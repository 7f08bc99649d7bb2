"""The report as one HTML file that can be mailed: its charts travel inside it."""

from __future__ import annotations

import base64
import html
from pathlib import Path

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; max-width: 92rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.2rem; border-bottom: 1px solid #ddd; padding-bottom: .2rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; font-size: .88rem; }
th, td { padding: .35rem .7rem; border-bottom: 1px solid #ddd; white-space: nowrap; }
tbody tr:nth-child(odd) { background: #f7f7f7; }
img { max-width: min(100%, 60rem); height: auto; display: block; margin: 1rem 0; }
code { background: #f2f2f2; padding: .1em .3em; border-radius: 3px; }
"""


def html_report(markdown: str, folder: Path) -> str:
    """The Markdown as a page; pictures are read from `folder`. Raw HTML in the text stays text."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(markdown)
    for token in tokens:
        for child in token.children or ():
            if child.type == "image":
                child.attrs["src"] = _embed(folder / str(child.attrs["src"]))
    title = next((tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open"), "edgetool")
    body = parser.renderer.render(tokens, parser.options, {})
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n"
        f"<style>{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )


def _embed(picture: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}"
