"""A run's report: the data for its sections, tables and charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from edgetool.estimates.cores import core_names, load_core
from edgetool.estimates.rows import EstimateRow
from edgetool.harness.instructions import OperatorInstructions
from edgetool.measurements.operators import OperatorTime
from edgetool.platform.columns import Table
from edgetool.records.caveats import Caveat
from edgetool.records.record import Record
from edgetool.records.results import StoredRun
from edgetool.reports.board import Phase, Task, tasks
from edgetool.reports.charts import Chart, draw_charts
from edgetool.reports.choices import Choice, choices
from edgetool.reports.goals import Check, judge_goals
from edgetool.reports.published import Standing, standings
from edgetool.reports.rows import Row, rows
from edgetool.reports.tables.cases import cases_table
from edgetool.reports.tables.differences import Difference, differences_table
from edgetool.reports.tables.estimates import estimates_table, record_rows
from edgetool.reports.tables.goals import goals_table
from edgetool.reports.tables.instructions import ClassRow, class_table, operator_table
from edgetool.reports.tables.operators import operators_table
from edgetool.reports.tables.runtimes import runtimes_table
from edgetool.reports.tables.scenarios import ScenarioRow, scenarios_table
from edgetool.reports.tables.shipping import shipping_table
from edgetool.reports.verdict import Verdict, verdicts


@dataclass(frozen=True)
class Report:
    """Everything derived from a run, computed on first use."""

    stored: StoredRun

    @property
    def title(self) -> str:
        return self.stored.run.title

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        return rows(self.stored.entries)

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        return verdicts(self.stored.entries, self.rows)

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """The run's goals, judged for its cases."""
        return judge_goals(self.stored.run.goals, self.stored.entries, self.rows)

    @property
    def goals(self) -> Table[Check]:
        return goals_table(self.checks)

    @property
    def tasks(self) -> tuple[Task, ...]:
        return tasks(self.stored.run, self.rows, self.verdicts, self.checks)

    @property
    def board(self) -> Mapping[Phase, list[Task]]:
        """The tasks of each phase, in the order of the phases."""
        return {phase: [task for task in self.tasks if task.phase is phase] for phase in Phase}

    @cached_property
    def shipping(self) -> Table[Row]:
        """The table of runtimes to ship; without rows if only one runtime was measured."""
        return shipping_table(self.rows)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The runtime to ship, for each cell with several runtimes."""
        return choices(self.shipping.rows, self.stored.run.criterion)

    @property
    def records(self) -> tuple[Record, ...]:
        """All records, in the order of the rows."""
        return tuple(recorded.record for recorded in self.stored.recorded)

    @property
    def failed(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.failure is not None)

    @property
    def cases(self) -> Table[Row]:
        return cases_table(self.rows)

    @cached_property
    def differences(self) -> Table[Difference]:
        """The table of differences of accuracy; without rows unless labelled images were classified twice."""
        return differences_table(self.stored.entries)

    @cached_property
    def scenarios(self) -> Table[ScenarioRow]:
        """The table of MLPerf's scenarios; without rows unless Offline was measured."""
        return scenarios_table(self.records)

    @property
    def runtimes(self) -> Table[Row]:
        """The table of runtimes; without rows if only one runtime was counted."""
        return runtimes_table(self.rows)

    @cached_property
    def _counted(self) -> tuple[Record, ...]:
        """The records in the deployed runtimes with instruction counts."""
        return tuple(
            recorded.record
            for row, (_, recorded) in zip(self.rows, self.stored.entries, strict=True)
            if recorded is not None and row.is_deployed and row.instructions is not None
        )

    @property
    def counted(self) -> list[tuple[Record, Table[ClassRow], Table[OperatorInstructions]]]:
        """These records with their tables."""
        return [
            (record, class_table(counts), operator_table(counts))
            for record in self._counted
            if (counts := record.instructions) is not None
        ]

    @cached_property
    def estimates(self) -> Table[EstimateRow]:
        """Estimates of the counts in the deployed runtimes, for every core that would run them."""
        cores = [load_core(name) for name in core_names()] if self._counted else []
        return estimates_table(record_rows(self._counted, cores))

    @cached_property
    def standings(self) -> tuple[Standing, ...]:
        """How what was measured stands to published figures."""
        return standings(self.records)

    @property
    def profiled(self) -> list[tuple[Record, Table[OperatorTime]]]:
        return [(record, operators_table(found)) for record in self.records if (found := record.operators) is not None]

    @cached_property
    def charts(self) -> tuple[Chart, ...]:
        return tuple(draw_charts(self.rows, self.records))

    @property
    def doubts(self) -> Mapping[Caveat, tuple[str, ...]]:
        """The rows or runtimes to which each caveat applies."""
        return doubts(self.rows)


def doubts(table: tuple[Row, ...]) -> dict[Caveat, tuple[str, ...]]:
    """Return the rows or runtimes to which each caveat applies."""
    found: dict[Caveat, list[str]] = {}
    for row in table:
        for caveat in row.caveats:
            found.setdefault(caveat, []).append(f"{row.target} {row.precision}")
    releases = {row.release for row in table if row.release is not None and row.is_deployed}
    if len(releases) > 1:
        found[Caveat.DIFFERENT_RUNTIME] = sorted(releases)
    return {caveat: tuple(dict.fromkeys(where)) for caveat, where in found.items()}
