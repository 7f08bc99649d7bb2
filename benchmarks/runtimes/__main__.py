"""Count all models, or those that are named, in each runtime; write docs/runtimes-counted.md and runtimes.md's table.

`--runtime NAME` counts one runtime's rows alone, `--page` none.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from benchmarks.answer import answer
from benchmarks.runtimes.measure import MODELS, RUNTIMES, Findings, measure
from benchmarks.runtimes.page import write_page, write_summary
from edgetool.console.context import make_context
from edgetool.errors import ConfigError
from edgetool.pipeline.runtimes import DEFAULT_KIND, chosen_runtimes
from edgetool.platform.documents import read_document, write_document
from edgetool.platform.names import name_hint

ROOT = Path(__file__).parents[2]
FOUND = ROOT / "docs" / "runtimes-counted.json"
RUNS = ROOT / "runs" / "runtimes"


def count(names: Sequence[str], runtimes: tuple[str, ...]) -> Findings:
    """Count the models of these names, all without one, and keep their rows. Raises EdgetoolError."""
    known = {model.title: model for model in MODELS}
    for name in names:
        if name not in known:
            raise ConfigError(f"no model {name!r}", hint=name_hint(name, tuple(known), what="models"))
    findings = kept()
    for name in names or known:
        context = make_context(quiet=False, force=False)
        findings = findings.joined(measure(known[name], context, RUNS / name, runtimes))
        write_document(FOUND, findings)
    return findings


def kept() -> Findings:
    return read_document(FOUND, Findings) if FOUND.exists() else Findings()


def main(words: Sequence[str]) -> int:
    parser = ArgumentParser(prog="benchmarks.runtimes")
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--runtime", choices=[DEFAULT_KIND, *RUNTIMES[1:]])
    parser.add_argument("--page", action="store_true")
    asked = parser.parse_args(words)

    def write() -> Path:
        findings = kept() if asked.page else count(asked.models, chosen_runtimes([asked.runtime or ",".join(RUNTIMES)]))
        write_summary(ROOT / "docs", findings)
        return write_page(ROOT / "docs", findings)

    return answer(write)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
