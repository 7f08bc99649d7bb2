"""The commands `deploy`, `bench` and `sweep` as sequences of steps on cases."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from edgetool.archives import unpack_bundle
from edgetool.bundles import Bundle, open_bundle
from edgetool.errors import ConfigError
from edgetool.keyless import Signer
from edgetool.pipeline.plan import Plan, PlannedCase
from edgetool.pipeline.prepare import Preparation, PreparedCase, UnpreparedCase
from edgetool.pipeline.reach import reach
from edgetool.pipeline.run import Schedule, Watch, in_this_process, new_run, publish, run_cases, run_name
from edgetool.platform.context import StepContext
from edgetool.records.case import Fallback
from edgetool.records.goals import Goal
from edgetool.records.instruments import DEFAULT
from edgetool.records.results import Criterion, Run
from edgetool.reports.report import Report, write_report
from edgetool.runtimes.onnxruntime.recipe import PROVIDER
from edgetool.signatures import check_signature
from edgetool.targets.registry import executor_of
from edgetool.targets.spec import Target

HOST = "host"
COMPARED_IMAGES = 4  # images classified in a runtime that is only counted, to compare its outputs
EVERYWHERE = (*DEFAULT, "offline", "operators")  # instruments also used on the host, when requested


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A run with its report."""

    folder: Path
    run: Run
    report: Report

    def _repr_html_(self) -> str:
        return self.report._repr_html_()


def load(folder: Path, *, pdf: bool = False) -> Finished:
    """Load a run of any command and write its report again. Raises whatever write_report raises."""
    report = write_report(folder, pdf=pdf)
    return Finished(folder=folder, run=report.stored.run, report=report)


def deploy(
    plan: Plan,
    context: StepContext,
    *,
    runs: Path,
    against: Sequence[str] = (),
    criterion: Criterion = Criterion.LATENCY,
    wait: bool = False,
) -> Finished:
    """Export, quantize, package, measure on the host and on the plan's target, and write a report.

    With `against`, the target also measures these runtimes. The records of an interrupted run of the same cases are
    reused. Raises EdgetoolError.
    """
    planned = deployment_cases(plan, against, wait=wait)
    reach_all(planned, context)
    preparation = Preparation(planned, context)
    check_against(planned, preparation)
    fallbacks = preparation.settle()
    cases = tuple(preparation.cases())
    title = f"{plan.models[0].title} on {planned[-1].case.target}"
    return _finish(
        cases,
        context,
        runs=runs,
        command="deploy",
        title=title,
        fallbacks=fallbacks,
        goals=plan.goals,
        criterion=criterion,
    )


def deployment_cases(plan: Plan, against: Sequence[str], *, wait: bool = False) -> tuple[PlannedCase, ...]:
    """Return the cases on the host, on the target, and in other runtimes, which may fail. Raises ConfigError."""
    there = tuple(plan.cases(wait=wait, required=True))
    target = there[0].target
    everywhere = tuple(name for name in plan.instruments if name in EVERYWHERE)
    host = replace(plan, targets=(HOST,), threads=(), benchmark={}, instruments=everywhere)
    return (
        *(host.cases(required=True) if target.name != HOST else ()),
        *there,
        *(_cases_beside(plan, target, against, wait=wait) if against else ()),
    )


def _cases_beside(plan: Plan, target: Target, against: Sequence[str], *, wait: bool) -> Iterator[PlannedCase]:
    """Yield cases in other runtimes. On an emulator they are only counted, since times would be meaningless."""
    beside = replace(plan, runtimes=tuple(dict.fromkeys(against)))
    if executor_of(target).traits.emulates:
        counted = replace(beside, instruments=("accuracy", "instructions"))
        yield from (replace(case, images=COMPARED_IMAGES) for case in counted.cases(wait=wait))
    else:
        yield from beside.cases(wait=wait)


def check_against(planned: Sequence[PlannedCase], preparation: Preparation) -> None:
    """Check the runtimes to compare with.

    Raises ConfigError for the target's own runtime, and for "scalar" if edgetool didn't build the target's.
    """
    own = next(case for case in reversed(planned) if case.required)
    build = preparation.runtime(own)
    for name in dict.fromkeys(case.case.runtime for case in planned if not case.required):
        if name == build.provider or (name == "scalar" and build.provider != PROVIDER):
            raise ConfigError(
                f"{own.target.name} already runs {build.title}: {name!r} is nothing to compare with",
                hint=f"edgetool runtime build --triple {build.triple}",
            )


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
    targets = dict.fromkeys(case.case.target for case in cases)
    title = f"{cases[0].case.model} on {', '.join(targets)}"
    command = "bench" if len(targets) == 1 else "sweep"
    return _finish(cases, context, runs=runs, command=command, title=title, schedule=schedule, watch=watch)


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
    name = folder.name
    run_cases(cases, folder, schedule, command="sweep", name=name, title=name, watch=watch, goals=goals, force=force)
    return load(folder)


def _finish(
    cases: Sequence[PreparedCase | UnpreparedCase],
    context: StepContext,
    *,
    runs: Path,
    command: str,
    title: str,
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
            title=title,
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
