"""Count all models, or those that are named, in each runtime and write docs/runtimes-counted.md; `--page` runs none."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.runtimes.measure import MODELS, Findings, measure
from benchmarks.runtimes.page import write_page
from edgetool.console.context import make_context
from edgetool.errors import ConfigError, EdgetoolError
from edgetool.platform.documents import read_document, write_document
from edgetool.platform.names import name_hint

ROOT = Path(__file__).parents[2]
FOUND = ROOT / "docs" / "runtimes-counted.json"
RUNS = ROOT / "runs" / "runtimes"


def count(names: list[str]) -> Findings:
    """Count the models of these names, all without one, and keep their rows. Raises EdgetoolError."""
    known = {model.title: model for model in MODELS}
    for name in names:
        if name not in known:
            raise ConfigError(f"no model {name!r}", hint=name_hint(name, tuple(known), what="models"))
    findings = read_document(FOUND, Findings) if FOUND.exists() else Findings()
    for name in names or known:
        findings = findings.joined(measure(known[name], make_context(quiet=False, force=False), RUNS / name))
        write_document(FOUND, findings)
    return findings


def main(words: list[str]) -> int:
    try:
        findings = read_document(FOUND, Findings) if words == ["--page"] else count(words)
    except EdgetoolError as error:
        print(f"error: {error.message}", f"hint: {error.hint}" if error.hint else "", sep="\n", file=sys.stderr)
        return error.exit_code
    print(write_page(ROOT / "docs", findings))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
