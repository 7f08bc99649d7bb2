"""Runs to report on: a host beside an emulator, a board, runtimes beside each other, a sweep with a failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edgetool.boards.facts import BoardFacts
from edgetool.harness.instructions import InstructionMix, OperatorInstructions
from edgetool.measurements.accuracy import Accuracy
from edgetool.measurements.instructions import InstructionCounts
from edgetool.measurements.operators import Operators, OperatorTime
from edgetool.measurements.timing import Turns
from edgetool.models.spec import Precision
from edgetool.records.case import OWN_RUNTIME, Case, CaseFailure, CaseResult, Fallback
from edgetool.records.record import Record, Recorded
from edgetool.records.results import Run, StoredRun
from edgetool.reports.report import Report
from tests.support.records import (
    case_of,
    emulated_record,
    environment,
    instruction_mix,
    model_spec,
    record,
    recorded,
    runtime_identity,
)

INT8 = model_spec(precision=Precision.INT8, sha256="c" * 64, size_bytes=1000)
BOARD_FACTS = BoardFacts(model="a board", cpu="C908", isa="rv64gcv", governor="performance", load_1min=0.1)

Entry = tuple[CaseResult, Recorded | None]
BLOCKS = (4,) * 6 + (3,) * 2  # of the samples of a record, timed in turn


def accuracy(*, images: int = 360, wrong: int = 4) -> Accuracy:
    predictions = (1,) * (images - wrong) + (2,) * wrong
    return Accuracy(images=images, labels=(1,) * images, inputs_sha256="b" * 64, predictions=predictions)


def inference(*, scalar: int, vector: int, weight: int) -> InstructionMix:
    return instruction_mix(scalar=scalar, vector=vector, weight=weight, load_bytes=4_000_000, store_bytes=2_000_000)


CONV = OperatorInstructions(
    operator="Conv", calls=3, mix=instruction_mix(scalar=900_000, vector=300_000, weight=1_800_000), share=0.9
)
COUNTS = InstructionCounts(
    emulator="qemu-riscv64 version 10.0",
    vlen_bits=256,
    inferences=(
        inference(scalar=1_000_000, vector=500_000, weight=2_000_000),
        inference(scalar=1_000_200, vector=500_000, weight=2_000_000),
    ),
    operators=(CONV,),
)
HALF = replace(COUNTS, inferences=(inference(scalar=500_000, vector=250_000, weight=1_000_000),), operators=())
SLOW = replace(COUNTS, inferences=(inference(scalar=30_001_000, vector=0, weight=0),), operators=())


def entry(of: Record, runtime: str = OWN_RUNTIME, **result: Any) -> Entry:
    return CaseResult(case=case_of(of, runtime), record="records/x.json", **result), recorded(of)


def failed(case: Case, **failure: str) -> Entry:
    whole = {"error": "ConnectError", "message": "the link was lost\nmore", **failure}
    return CaseResult(case=case, failure=CaseFailure(**whole)), None


def report_of(*entries: Entry, title: str = "tiny on a board", fallbacks: Sequence[Fallback] = ()) -> Report:
    run = Run(
        schema=2,
        id="20260102T030405Z-abcdef",
        command="deploy",
        title=title,
        created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        edgetool="0.1.0",
        results=tuple(result for result, _ in entries),
        fallbacks=tuple(fallbacks),
    )
    return Report(StoredRun(folder=Path(), run=run, entries=entries))


def on_board(target: str = "board", *, fast_ns: int = 700_000, **changes: Any) -> tuple[Entry, Entry]:
    """fp32 with a median of 1.4 ms and int8 with `fast_ns`, timed in turn."""
    there = {
        "target": target,
        "environment": environment(board=BOARD_FACTS),
        "accuracy": accuracy(),
        "turns": Turns(id="board", blocks=BLOCKS),
        **changes,
    }
    fast = tuple(fast_ns + i for i in range(30))
    return entry(record(**there)), entry(record(**{**there, "model": INT8, "samples_ns": fast}))


HOST = tuple(
    entry(record(model=model, accuracy=accuracy(), turns=Turns(id="host", blocks=BLOCKS)))
    for model in (model_spec(), INT8)
)
EMULATED = tuple(
    entry(emulated_record(model=model, accuracy=accuracy(images=40, wrong=0))) for model in (model_spec(), INT8)
)
COUNTED = tuple(
    entry(emulated_record(model=model, accuracy=accuracy(images=40, wrong=0), instructions=counts))
    for model, counts in ((model_spec(), COUNTS), (INT8, HALF))
)
BESIDE = tuple(
    entry(
        emulated_record(
            model=model,
            runtime=runtime_identity(name=name, title=f"{name} 1.0"),
            timing=None,
            accuracy=accuracy(images=4, wrong=0),
            instructions=SLOW,
        ),
        name,
    )
    for name, model in (("debian", model_spec()), ("debian", INT8), ("ncnn", INT8))
)
PROFILED = replace(
    record(), operators=Operators(times=(OperatorTime(operator="Conv", calls=3, time_ns=10, share=1.0),))
)
REPORTS: Mapping[str, Report] = {
    "emulated": report_of(*HOST, *EMULATED),
    "counted": report_of(*HOST, *COUNTED, *BESIDE),
    "board": report_of(*HOST, *on_board(), fallbacks=[Fallback(asked="x", reason="y", instead="z")]),
    "sweep": report_of(
        *on_board("a"),
        *on_board("b", fast_ns=2_000_000),
        failed(Case(model="tiny", precision=Precision.FP32, target="gone", threads=1)),
        entry(PROFILED),
    ),
    "failures": report_of(failed(Case(model="tiny", precision=Precision.FP32, target="gone", threads=1))),
}
