"""The commands `deploy`, `bench` and `sweep` as sequences of steps on cases."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from edgetool.archives import unpack_bundle
from edgetool.bundles import Bundle, open_bundle
from edgetool.errors import ConfigError, EdgetoolError
from edgetool.keyless import Signer
from edgetool.pipeline.plan import Plan, PlannedCase
from edgetool.pipeline.prepare import Preparation, PreparedCase, UnpreparedCase
from edgetool.pipeline.reach import reach
from edgetool.pipeline.run import Schedule, Watch, in_this_process, new_run, publish, run_cases, run_name
from edgetool.pipeline.runtimes import own_builds
from edgetool.platform.context import StepContext
from edgetool.records.case import Fallback
from edgetool.records.goals import Goal
from edgetool.records.instruments import DEFAULT
from edgetool.records.results import Criterion, Run
from edgetool.reports.exporters import write_report
from edgetool.reports.exporters.html import html_fragment
from edgetool.reports.report import Report
from edgetool.runtimes.onnxruntime.recipe import PROVIDER
from edgetool.runtimes.spec import RuntimeBuild
from edgetool.signatures import check_signature

HOST = "host"
EVERYWHERE = (*DEFAULT, "offline", "operators")  # instruments also used on the host, when requested


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A run with its report."""

    folder: Path
    run: Run
    report: Report

    def _repr_html_(self) -> str:
        return html_fragment(self.report)


def load(folder: Path, *, pdf: bool = False) -> Finished:
    """Load a run of any command and write its report again. Raises whatever write_report raises."""
    report = write_report(folder, pdf=pdf)
    return Finished(folder=folder, run=report.stored.run, report=report)


def deploy(
    plan: Plan,
    context: StepContext,
    *,
    runs: Path,
    criterion: Criterion = Criterion.LATENCY,
    wait: bool = False,
) -> Finished:
    """Export, quantize, package, measure on the host and on the plan's target, and write a report.

    The records of an interrupted run of the same cases are reused. Raises EdgetoolError.
    """
    planned = deployment_cases(plan, wait=wait)
    reach_all(planned, context)
    preparation = Preparation(planned, context)
    check_builds(planned, preparation)
    fallbacks = preparation.settle()
    cases = tuple(preparation.cases())
    return _finish(
        cases,
        context,
        runs=runs,
        command="deploy",
        fallbacks=fallbacks,
        goals=plan.goals,
        criterion=criterion,
    )


def deployment_cases(plan: Plan, *, wait: bool = False) -> tuple[PlannedCase, ...]:
    """Return the cases on the host and on the target. Raises ConfigError.

    The host, as the reference, measures each kind of runtime once, in its own build.
    """
    there = tuple(plan.cases(wait=wait, required=True))
    if there[0].target.name == HOST:
        return there
    everywhere = tuple(name for name in plan.instruments if name in EVERYWHERE)
    host = replace(
        plan,
        targets=(HOST,),
        runtimes=own_builds(plan.runtimes),
        threads=(),
        benchmark={},
        instruments=everywhere,
    )
    return (*host.cases(required=True), *there)


def check_builds(planned: Sequence[PlannedCase], preparation: Preparation) -> None:
    """Check that the names on the deployment's target stand for different builds.

    Raises ConfigError for two names of one build, and for "scalar" where the build has no vector kernels of edgetool's.
    """
    target = planned[-1].target
    cases = {case.case.runtime: case for case in planned if case.target.name == target.name}
    seen: list[RuntimeBuild] = []
    for name, case in cases.items():
        try:
            build = preparation.runtime(case)
        except EdgetoolError:
            continue  # a missing runtime has a row with this error, or ends the run if it is required
        if case.runtime.environment and build.provider == PROVIDER:
            continue
        if case.runtime.environment or build in seen:
            raise ConfigError(
                f"{target.name} already runs {build.title}: {name!r} is nothing to compare with",
                hint=f"edgetool runtime build --triple {build.triple}",
            )
        seen.append(build)


def reach_all(cases: Sequence[PlannedCase | PreparedCase], context: StepContext) -> None:
    """Check each target once before anything is built or measured. Raises whatever reach raises."""
    for target in {case.target.name: case.target for case in cases}.values():
        reach(target, context)


def bench(
    cases: Sequence[PreparedCase],
    context: StepContext,
    *,
    runs: Path,
    schedule: Schedule | None = None,
    watch: Watch | None = None,
) -> Finished:
    """Measure the cases of a packaged bundle, one after the other or by `schedule`."""
    if schedule is None:
        reach_all(cases, context)
    command = "bench" if len({case.case.target for case in cases}) == 1 else "sweep"
    return _finish(cases, context, runs=runs, command=command, schedule=schedule, watch=watch)


def prepare(plan: Plan, context: StepContext) -> tuple[PreparedCase | UnpreparedCase, ...]:
    """Prepare the cases of a plan, building everything once. Raises ConfigError for unknown names."""
    return tuple(Preparation(tuple(plan.cases()), context).cases())


def sweep(
    cases: Sequence[PreparedCase | UnpreparedCase],
    folder: Path,
    schedule: Schedule,
    *,
    watch: Watch | None = None,
    goals: Sequence[Goal] = (),
    force: bool = False,
) -> Finished:
    """Measure the cases in `folder`, skipping those that have a record there."""
    run_cases(cases, folder, schedule, command="sweep", name=folder.name, watch=watch, goals=goals, force=force)
    return load(folder)


def _finish(
    cases: Sequence[PreparedCase | UnpreparedCase],
    context: StepContext,
    *,
    runs: Path,
    command: str,
    schedule: Schedule | None = None,
    watch: Watch | None = None,
    fallbacks: Sequence[Fallback] = (),
    goals: Sequence[Goal] = (),
    criterion: Criterion = Criterion.LATENCY,
) -> Finished:
    name = run_name()
    with new_run(runs, cases, force=context.force) as folder:
        run = run_cases(
            cases,
            folder,
            schedule or in_this_process(context),
            command=command,
            name=name,
            watch=watch,
            fallbacks=fallbacks,
            goals=goals,
            criterion=criterion,
        )
        with context.progress.step("report") as step:
            report = write_report(folder)
            folder = publish(folder, name)
            step.note(str(folder / "report.md"))
    return Finished(folder=folder, run=run, report=report)


@contextmanager
def opened(bundle: Path, *, signers: Path | Signer | None = None) -> Iterator[Bundle]:
    """Open a packaged bundle, given as a folder or an archive; with `signers`, it must be signed by one of them.

    Raises BuildError when it isn't a bundle or the signature is missing.
    """
    with tempfile.TemporaryDirectory(prefix="edgetool-") as scratch:
        found = unpack_bundle(bundle, Path(scratch) / "bundle") if bundle.is_file() else open_bundle(bundle)
        if signers is not None:
            check_signature(found.root, signers)
        yield found
