"""The tables of a run's goals and tasks."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.platform.columns import Column, Detail, Shown, Table
from edgetool.reports.board import Progress, Task
from edgetool.reports.goals import Check, State

MARKS = {State.NOT_MET: "failed", Progress.FAILED: "failed"}

GOALS: tuple[Column[Check], ...] = (
    Column(title="goal", field="goal", value=lambda check: check.goal.title, detail=Detail.BRIEF),
    Column(title="model", field="model", value=lambda check: check.model, shown=Shown.IF_VARIED),
    Column(title="precision", field="precision", value=lambda check: check.precision, detail=Detail.BRIEF),
    Column(title="target", field="target", value=lambda check: check.target, shown=Shown.IF_VARIED),
    Column(title="bound", field="bound", value=lambda check: check.bound, detail=Detail.BRIEF),
    Column(title="measured (95 %)", field="measured", value=lambda check: check.found, detail=Detail.BRIEF),
    Column(title="state", field="state", value=lambda check: check.state.value, detail=Detail.BRIEF),
    Column(title="priority", field="priority", value=lambda check: check.goal.priority.value),
    Column(title="owner", field="owner", value=lambda check: check.goal.owner, shown=Shown.IF_ANY),
)

TASKS: tuple[Column[Task], ...] = (
    Column(title="phase", field="phase", value=lambda task: task.phase.value, detail=Detail.BRIEF),
    Column(title="task", field="task", value=lambda task: task.title, detail=Detail.BRIEF),
    Column(title="state", field="state", value=lambda task: task.progress.value, detail=Detail.BRIEF),
    Column(title="found", field="found", value=lambda task: task.found, detail=Detail.BRIEF),
)


def goals_table(checks: Sequence[Check]) -> Table[Check]:
    return Table(caption="Goals", columns=GOALS, rows=checks, mark=lambda check: MARKS.get(check.state, ""))


def tasks_table(tasks: Sequence[Task]) -> Table[Task]:
    return Table(caption="Tasks", columns=TASKS, rows=tasks, mark=lambda task: MARKS.get(task.progress, ""))
