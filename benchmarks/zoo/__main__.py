"""Run all models of the zoo, or those that are named, and write docs/zoo.md; `--page` runs none."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.zoo.measure import measure
from benchmarks.zoo.models import ZOO
from benchmarks.zoo.page import write_page
from benchmarks.zoo.rows import read_findings, write_findings

ROOT = Path(__file__).parents[2]
FOUND = ROOT / "docs" / "zoo.json"
RUNS = ROOT / "runs" / "zoo"


def main(words: list[str]) -> int:
    named = [word for word in words if not word.startswith("--")]
    known = [model.title for model in ZOO]
    if unknown := [name for name in named if name not in known]:
        print(
            f"error: no model {', '.join(unknown)} in the zoo", f"hint: {', '.join(known)}", sep="\n", file=sys.stderr
        )
        return 2
    findings = read_findings(FOUND)
    for model in ZOO:
        if "--page" not in words and (model.title in named or not named):
            row = measure(model, RUNS, count="--count" in words)
            findings = findings.joined(row)
            write_findings(FOUND, findings)
            print(f"{row.model}: {row.failure or 'ran'}", flush=True)
    write_page(ROOT / "docs" / "zoo.md", findings, known)
    return int(any(row.failure is not None for row in findings.rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
