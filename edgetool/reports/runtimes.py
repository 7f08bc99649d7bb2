"""The runtime that was deployed beside its baselines, by the instructions of one inference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from edgetool.measurements.instructions import InstructionCounts
from edgetool.platform.format import count_text, difference_text, ratio_text, size_text
from edgetool.platform.values import value
from edgetool.records.case import OWN_RUNTIME, CaseResult
from edgetool.records.compare import output_difference
from edgetool.records.record import Recorded
from edgetool.reports.tables import csv_lines

DEPLOYED = "deployed"


@value
class RuntimeRow:
    """One model in one runtime on one place."""

    model: str
    precision: str
    place: str
    name: str  # "deployed", or the baseline's
    runtime: str
    kernels: str
    vlen_bits: int  # of the processor, whether or not a vector instruction ran
    instructions: int
    instructions_weighted: int
    ratio: float  # weighted, to the deployed one's
    load_bytes: int
    store_bytes: int
    differs_by: float | None  # largest output difference from the deployed one's ÷ its largest output
    same_predictions: int | None
    compared_samples: int | None

    @property
    def deployed(self) -> bool:
        return self.name == DEPLOYED


def runtime_rows(entries: Sequence[tuple[CaseResult, Recorded | None]]) -> tuple[RuntimeRow, ...]:
    """Of every record that was counted beside others of its model on its target, those first; empty where none was."""
    counted = [
        (result, recorded, recorded.record.instructions)
        for result, recorded in entries
        if recorded is not None and recorded.record.instructions is not None
    ]
    found: list[RuntimeRow] = []
    for result, recorded, own in counted:
        if result.case.runtime != OWN_RUNTIME:
            continue
        others = [
            (other.case.runtime, beside, counts)
            for other, beside, counts in counted
            if other.case.runtime != OWN_RUNTIME and replace(other.case, runtime=OWN_RUNTIME) == result.case
        ]
        if others:
            found += [_row(name, beside, counts, recorded, own) for name, beside, counts in others]
            found.append(_row(DEPLOYED, recorded, own, recorded, own))
    return tuple(found)


def _row(
    name: str, entry: Recorded, counts: InstructionCounts, deployed: Recorded, own: InstructionCounts
) -> RuntimeRow:
    subject = entry.record.subject
    difference = None if entry is deployed else output_difference(deployed.outputs, entry.outputs)
    return RuntimeRow(
        model=subject.model.name,
        precision=subject.precision,
        place=subject.target,
        name=name,
        runtime=subject.runtime.title,
        kernels=counts.kernels,
        vlen_bits=counts.vlen_bits,
        instructions=counts.raw,
        instructions_weighted=counts.weighted,
        ratio=counts.weighted / own.weighted,
        load_bytes=counts.load_bytes,
        store_bytes=counts.store_bytes,
        differs_by=None if difference is None else difference.max_abs_relative,
        same_predictions=None if difference is None else difference.same_top1,
        compared_samples=None if difference is None else difference.samples,
    )


COLUMNS: tuple[tuple[str, Callable[[RuntimeRow], str]], ...] = (
    ("model", lambda row: row.precision),
    ("runtime", lambda row: row.name),
    ("which", lambda row: row.runtime),
    ("kernels", lambda row: row.kernels),
    ("instructions", lambda row: count_text(row.instructions)),
    ("weighted", lambda row: count_text(row.instructions_weighted)),
    ("÷ deployed", lambda row: ratio_text(row.ratio)),
    ("loaded", lambda row: size_text(row.load_bytes)),
    ("stored", lambda row: size_text(row.store_bytes)),
    ("output vs deployed", lambda row: difference_text(row.differs_by, row.same_predictions, row.compared_samples)),
)
TEXTS = (0, 1, 2, 3)  # columns that hold no numbers


def runtimes_table(table: Sequence[RuntimeRow]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headings and cells."""
    return tuple(heading for heading, _ in COLUMNS), [tuple(cell(row) for _, cell in COLUMNS) for row in table]


def runtimes_findings(table: Sequence[RuntimeRow]) -> Iterator[str]:
    """A sentence for each model."""
    for deployed in (row for row in table if row.deployed):
        others = [row for row in table if not row.deployed and row.precision == deployed.precision]
        yield (
            f"- **{deployed.place}, {deployed.precision}**: {count_text(deployed.instructions_weighted)} weighted "
            f"instructions an inference; {', '.join(f'{o.name} takes {ratio_text(o.ratio)}' for o in others)} as many."
        )


LEGEND = {
    "debian": "*debian* is the distribution's ONNX Runtime",
    "scalar": "*scalar* is the one deployed with its vector kernels switched off",
    "ncnn": "*ncnn* is cross-built with the same compiler, its int8 model quantized its own way from the same images",
}


def runtimes_legend(table: Sequence[RuntimeRow]) -> str:
    """What the table shows, of the runtimes that are in it."""
    names = dict.fromkeys(row.name for row in table)
    explained = "; ".join(text for name, text in LEGEND.items() if name in names)
    return (
        f"The same model and input on the same emulated processor, on one thread: {explained}. Ratios are of weighted "
        "instructions, which are no time; outputs are those of the first held-out images."
    )


CSV_COLUMNS: dict[str, Callable[[RuntimeRow], object]] = {
    "model": lambda row: row.model,
    "precision": lambda row: row.precision,
    "place": lambda row: row.place,
    "name": lambda row: row.name,
    "runtime": lambda row: row.runtime,
    "kernels": lambda row: row.kernels,
    "vlen_bits": lambda row: row.vlen_bits,
    "instructions": lambda row: row.instructions,
    "instructions_weighted": lambda row: row.instructions_weighted,
    "ratio_to_deployed": lambda row: f"{row.ratio:.4f}",
    "load_bytes": lambda row: row.load_bytes,
    "store_bytes": lambda row: row.store_bytes,
    "output_difference": lambda row: row.differs_by,
    "same_predictions": lambda row: row.same_predictions,
    "compared_samples": lambda row: row.compared_samples,
}


def runtimes_csv(table: Sequence[RuntimeRow]) -> str:
    """The rows with base units, one line each; what is undefined is empty."""
    return csv_lines(CSV_COLUMNS, ([cell(row) for cell in CSV_COLUMNS.values()] for row in table))
