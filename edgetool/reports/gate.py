"""Goals as a gate: judged for a run, alone or relative to a baseline, and exported for CI."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgetool.errors import CompareError, GateNotPassed
from edgetool.platform.foreign import one_line
from edgetool.records.goals import Goal
from edgetool.records.results import StoredRun, read_run
from edgetool.reports.exporters.markdown import markdown_environment, tidy
from edgetool.reports.goals import Check, State, judge_goals
from edgetool.reports.rows import rows
from edgetool.reports.tables.goals import goals_table


def gate(goals: Sequence[Goal], candidate: Path, baseline: Path | None = None) -> tuple[Check, ...]:
    """Judge the goals for a run's folder. Raises CompareError when the folder isn't a run."""
    stored = _read(candidate)
    before = () if baseline is None else _read(baseline).entries
    return judge_goals(goals, stored.entries, rows(stored.entries), baseline=before)


def _read(path: Path) -> StoredRun:
    if not path.is_dir():
        raise CompareError(f"{path} is not the folder of a run", hint="give the folder that contains run.json")
    return read_run(path)


def check_passed(checks: Sequence[Check]) -> None:
    """Check that every goal is met. Raises GateNotPassed otherwise, also when a goal is inconclusive."""
    left = [check for check in checks if check.state is not State.MET]
    if left:
        first = left[0]
        more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
        raise GateNotPassed(
            f"{first.goal.title}: {first.state}: {first.found}, wanted {first.bound}{more}",
            hint="an inconclusive goal needs a better measurement: more repetitions, more images, or a board"
            if all(check.state is State.INCONCLUSIVE for check in left)
            else None,
        )


def summary(checks: Sequence[Check]) -> str:
    """Return a Markdown table of goals, for a CI's summary page."""
    template = markdown_environment().from_string("## Goals\n\n{{ table(of) }}\n")
    return tidy(template.render(of=goals_table(checks)))


def junit(checks: Sequence[Check], *, name: str) -> bytes:
    """Return JUnit XML with a test case for each goal and case: not met is a failure, inconclusive an error."""
    from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

    name = one_line(name)  # XML has no control characters
    suite = TestSuite(name)
    for check in checks:
        case = TestCase(check.goal.title, classname=f"{check.target}.{check.model}.{check.precision}", time=0)
        text = f"{check.found}, wanted {check.bound}"
        if check.state is State.NOT_MET:
            case.result = [Failure(text)]
        elif check.state is State.INCONCLUSIVE:
            case.result = [Error(text)]
        suite.add_testcase(case)
    document = JUnitXml(name)
    document.add_testsuite(suite)
    data: bytes = document.tostring()  # type: ignore[no-untyped-call]
    return data
