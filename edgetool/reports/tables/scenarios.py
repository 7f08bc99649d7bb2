"""The table of scenarios: latency and throughput by the names of MLPerf."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgetool.platform.columns import Column, Shown, Table
from edgetool.platform.format import time_text
from edgetool.records.record import Record
from edgetool.records.stats import Interval, quantile

SINGLE_STREAM, OFFLINE = "SingleStream", "Offline"


@dataclass(frozen=True, kw_only=True)
class ScenarioRow:
    """A scenario's metric of one record."""

    record: Record
    scenario: str
    found: Interval | None  # nanoseconds, or samples per second; None: too few independent runs for one
    batch: int
    threads: int
    is_best: bool = False
    few: int | None = None  # batches, if they are too few for an interval

    @property
    def text(self) -> str:
        if self.found is None:
            return "p90: too few independent runs for an interval"
        low, middle, high = self.found.low, self.found.value, self.found.high
        if self.scenario == SINGLE_STREAM:
            return f"p90 {time_text(middle)} ({time_text(low)} to {time_text(high)})"
        of = "" if self.few is None else f", the range of {self.few}; too few for 95 %"
        return f"{middle:.4g} samples/s ({low:.4g} to {high:.4g}{of}){', the most' if self.is_best else ''}"


def scenario_rows(records: Sequence[Record]) -> Iterator[ScenarioRow]:
    """Yield the rows of the records that were measured in the scenario Offline too, but for emulated ones."""
    for record in records:
        if record.emulated or record.offline is None:
            continue
        inputs = record.subject.model.inputs
        own = inputs[0].shape[0] if inputs and inputs[0].shape else 1
        if record.timing is not None:
            p90 = quantile(record.timing.samples_ns, 0.9)
            threads = record.subject.threads
            yield ScenarioRow(record=record, scenario=SINGLE_STREAM, found=p90, batch=own, threads=threads)
        for point in record.offline.points:
            yield ScenarioRow(
                record=record,
                scenario=OFFLINE,
                found=point.samples_per_s,
                batch=point.batch,
                threads=point.threads,
                is_best=point == record.offline.best,
                few=None if point.has_interval else point.batches,
            )


COLUMNS: tuple[Column[ScenarioRow], ...] = (
    Column(title="model", value=lambda row: row.record.subject.model.name, shown=Shown.IF_VARIED),
    Column(title="precision", value=lambda row: row.record.subject.precision),
    Column(title="target", value=lambda row: row.record.subject.target),
    Column(title="runtime", value=lambda row: row.record.subject.runtime.name, shown=Shown.IF_VARIED),
    Column(title="scenario", value=lambda row: row.scenario),
    Column(title="batch", value=lambda row: row.batch, format=str),
    Column(title="threads", value=lambda row: row.threads, format=str),
    Column(title="result (95 %)", value=lambda row: row.text),
)


def scenarios_table(records: Sequence[Record]) -> Table[ScenarioRow]:
    return Table(caption="Scenarios", columns=COLUMNS, rows=tuple(scenario_rows(records)))
