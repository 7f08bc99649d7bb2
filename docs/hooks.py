"""MkDocs' hook: pages that are made from the code, reports of kept records, and links to files that are no pages."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pydantic import TypeAdapter

from edgetool.cli import app
from edgetool.commands.tree import Command, Words, commands, flag, options
from edgetool.errors import EXIT_CODES
from edgetool.estimates.cores import Core
from edgetool.pipeline.plan import Plan
from edgetool.records.goals import Gates
from edgetool.records.record import Record
from edgetool.records.results import Run, read_run
from edgetool.reports.exporters.html import export_html
from edgetool.reports.report import Report
from edgetool.targets.spec import Target

ROOT = Path(__file__).parent.parent
ROOT_PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
    "CODE_OF_CONDUCT.md": "project/conduct.md",
}
KINDS: dict[str, tuple[Any, str, str]] = {
    "target": (Target, "A target's file", "`targets/NAME.toml`: where a bundle runs, and how it is measured there."),
    "gates": (Gates, "Goals", "`gates.toml`, and `[[goals]]` of a plan: what a run must reach."),
    "plan": (Plan, "A sweep's plan", "`plan.toml`: every combination of its lists is measured."),
    "core": (Core, "A core", "`toolchain/cores/NAME.toml`: what each operation costs on a core."),
    "record": (Record, "A record", "`records/KEY.json` of a run: a subject and its measurements."),
    "run": (Run, "A run", "`run.json` of a run: what came of each case."),
}
FUNCTIONS = ("deploy", "export", "quantize", "package", "bench", "compare", "estimate", "load_run")
VALUES = (
    "edgetool.pipeline.plan.PlannedModel",
    "edgetool.pipeline.deploy.Finished",
    "edgetool.reports.report.Report",
    "edgetool.models.spec.ModelArtifact",
    "edgetool.reports.tables.comparisons.Comparisons",
    "edgetool.estimates.rows.EstimateRow",
)
LONG_CODE = re.compile(r"(?<=<code>)(?!-)[^<]{20,}(?=</code>)")
SEPARATOR = re.compile(r"(?:/|::|_|-)(?=\w)")
LINK = re.compile(r"\[([^\]]+)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    pages = {page: (ROOT / source).read_text() for source, page in ROOT_PAGES.items()}
    pages["reference/cli.md"] = "\n".join(command_line())
    pages["reference/python.md"] = "\n".join(python_page())
    pages["reference/files.md"] = "\n".join(files_page())
    for name, (kind, _, _) in KINDS.items():
        pages[f"reference/{name}.schema.json"] = json.dumps(schema_of(kind), indent=2)
    for folder in sorted(path.parent for path in (ROOT / "docs" / "gallery").glob("*/run.json")):
        for name, data in export_html(Report(read_run(folder))).items():
            pages[f"gallery/{folder.name}/{name}"] = data.decode()
    for uri, text in pages.items():
        files.append(File.generated(config, uri, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, files: Files, **_: object) -> str:
    """Links of a page that lies elsewhere in the repository, and links to files that no page shows."""
    uri = page.file.src_uri
    source = next((name for name, to in ROOT_PAGES.items() if to == uri), f"docs/{uri}")

    def mended(match: re.Match[str]) -> str:
        text, link, anchor = match[1], match[2], match[3] or ""
        if "://" in link or link.startswith("mailto:"):
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
        page_of = ROOT_PAGES.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else None)
        if page_of is not None and files.get_file_from_path(page_of) is not None:
            return f"[{text}]({posixpath.relpath(page_of, posixpath.dirname(uri) or '.')}{anchor})"
        if (ROOT / path).exists():
            return text if path in text else f"{text} (`{path}`)"
        return match[0]

    return LINK.sub(mended, markdown)


def on_page_content(html: str, **_: object) -> str:
    """Let long inline code, such as a test's path, break after its separators, so that it leaves other columns room."""
    return LONG_CODE.sub(lambda found: SEPARATOR.sub(r"\g<0><wbr>", found[0]), html)


def python_page() -> Iterator[str]:
    """The public functions, and the values that they take and return."""
    yield from ("# Python functions", "", "[How to use them](../api.md).", "")
    for name in FUNCTIONS:
        yield from (f"::: edgetool.api.{name}", "    options: {show_root_heading: true, show_root_toc_entry: true}", "")
    for path in VALUES:
        yield from (f"::: {path}", "    options:", "      show_root_heading: true", "      show_root_toc_entry: true")
        yield from ("      show_if_no_docstring: true", "      heading_level: 2", "")


def command_line() -> Iterator[str]:
    root = cast(Command, typer.main.get_command(app))
    yield from ("# Command line", "", root.help or "", "")
    yield "Defaults of options can be [set in files and variables](../configuration.md)."
    for words, command in commands(root):
        if words:
            yield from _command(words, command)
    yield from ("", "## Exit codes", "", "| code | |", "| ---: | --- |")
    yield from (f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items())


def _command(words: Words, command: Command) -> Iterator[str]:
    name = " ".join(("edgetool", *words))
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    places = [(param.name or "").upper() for param in arguments]
    usage = [place if param.required else f"[{place}]" for place, param in zip(places, arguments, strict=True)]
    yield from ("", f"{'#' * (len(words) + 1)} {name}", "")
    own = [option for option in options(command) if flag(option) != "--help"]
    yield from ("```text", " ".join([name, *usage, *(["[OPTIONS]"] if own else [])]), "```", "")
    for text in (command.help or "").split("\n\n"):
        said, _, example = text.strip().partition("Example: ")
        if not example:
            yield from (_prose(said), "")
        else:
            yield from (f"Example: `{example}`", "")
    if own or arguments:
        yield from ("| option | | default |", "| --- | --- | --- |")
        for place, argument in zip(places, arguments, strict=True):
            yield f"| `{place}` | {_prose(getattr(argument, 'help', '') or '')} | |"
        for option in own:
            names = ", ".join(f"`{each}`" for each in sorted((*option.opts, *option.secondary_opts), key=len))
            yield f"| {names} | {_prose(option.help or '')} | {_default(option.default)} |"


def _default(default: object) -> str:
    if default in (None, False, "", []) or callable(default):
        return ""
    return f"`{' '.join(map(str, default)) if isinstance(default, list | tuple) else default}`"


def _prose(text: str) -> str:
    """Text of the program in a table's cell."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("[[", "\\[\\[").replace("_", "\\_")


def schema_of(kind: Any) -> dict[str, Any]:
    """JSON Schema of a file; that of a TOML file is its tables'."""
    schema: dict[str, Any] = TypeAdapter(kind).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def files_page() -> Iterator[str]:
    yield from ("# Files", "", "What is read is checked against these schemas.")
    yield from ("An unknown key is an error that names it.", "")
    for name, (kind, title, text) in KINDS.items():
        schema = schema_of(kind)
        yield from (f"## {title}", "", f"{text} [JSON Schema]({name}.schema.json).", "")
        yield from _keys(schema)
        for below, table in schema.get("$defs", {}).items():
            if "properties" in table:
                yield from (f"### {title}: {below}", "", *_keys(table))


def _keys(table: dict[str, Any]) -> Iterator[str]:
    yield from ("| key | type | default |", "| --- | --- | --- |")
    for key, entry in table.get("properties", {}).items():
        default = "needed" if key in table.get("required", ()) else _json(entry.get("default"))
        yield f"| `{key}` | {_type(entry)} | {default} |"
    yield ""


def _json(default: object) -> str:
    return "" if default is None or default == [] or isinstance(default, dict) else f"`{json.dumps(default)}`"


def _type(entry: dict[str, Any]) -> str:
    if "$ref" in entry:
        return str(entry["$ref"].rpartition("/")[2])
    if "anyOf" in entry:
        return " or ".join(dict.fromkeys(_type(each) for each in entry["anyOf"] if each.get("type") != "null"))
    if "enum" in entry:
        return ", ".join(f"`{each}`" for each in entry["enum"])
    if entry.get("type") == "array":
        return f"list of {_type(entry.get('items', {}))}" if entry.get("items") else "list"
    return str(entry.get("type", "any"))
