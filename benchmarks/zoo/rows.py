"""What came of each of the zoo's models, as it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from edgetool.platform.documents import read_document, write_document
from edgetool.platform.values import Name, NonNegative, Positive, Text, value

LEAST_SHARE = 0.02  # of an inference: an operator below it would gain nothing by vectors


@value
class ZooRow:
    """A model's way to the board; of one that failed the reason alone."""

    model: Name
    task: Name
    inputs: Text = ""  # "input 1×3×224×224"
    failure: Text | None = None
    runtime: Text = ""
    fp32_bytes: Positive | None = None
    int8_bytes: Positive | None = None
    fp32_instructions: NonNegative | None = None  # of one inference, on the board; None where nothing was counted
    int8_instructions: NonNegative | None = None
    # Operators that execute no vector instruction and more than LEAST_SHARE of an inference: "int8: Where 3.1 %".
    without_vectors: tuple[Text, ...] | None = None  # None where nothing was counted
    estimate_core: Text | None = None
    estimate_low_ms: float | None = None  # int8 on that core: never a measured time
    estimate_high_ms: float | None = None
    samples: NonNegative = 0
    int8_noise_db: float | None = None  # the board's int8 outputs against its fp32 ones
    int8_cosine: float | None = None
    agreeing: NonNegative | None = None  # samples of one class in both; None where nothing is classified
    host_noise_db: float | None = None  # the board's fp32 outputs against the host's


@value
class Findings:
    """`docs/zoo.json`, which the page is made from."""

    SCHEMA: ClassVar[int] = 1
    schema: int = SCHEMA
    rows: tuple[ZooRow, ...] = ()

    def joined(self, row: ZooRow) -> Findings:
        """With this row in place of the one of the same model."""
        return Findings(rows=(*(other for other in self.rows if other.model != row.model), row))


def read_findings(path: Path) -> Findings:
    return read_document(path, Findings) if path.exists() else Findings()


def write_findings(path: Path, findings: Findings) -> None:
    write_document(path, findings)
