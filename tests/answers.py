"""What commands print with --json, checked against the schemas of docs/schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).parents[1] / "docs" / "schemas"


def check_answer(line: str, answer: Any) -> None:
    """The schema is that of the longest command that `line` begins with; raises what jsonschema raises."""
    names = [path.name.removesuffix(".schema.json") for path in SCHEMAS.iterdir()]
    words = line.split()
    name = next(name for name in ("-".join(words[:2]), words[0]) if name in names)
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    Draft202012Validator(schema).validate(answer)
