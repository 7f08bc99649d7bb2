"""Check that a board is reachable before time is spent on preparing cases for it."""

from __future__ import annotations

from edgetool.boards.probe import check_machine_of, probe_board
from edgetool.platform.context import StepContext
from edgetool.targets.registry import open_executor, prepare_executor
from edgetool.targets.spec import Target


def reach(target: Target, context: StepContext) -> None:
    """Check that a target is reachable, accepts the login and is the machine in its target file.

    Questions about a host key are asked here, before other output appears on the terminal. Raises ConnectError,
    HostKeyError or WrongMachine.
    """
    prepare_executor(target, context.progress)
    executor = open_executor(target, exclusive=False)  # raises ConfigError when a requirement is missing
    if executor.traits.runs_here:
        return
    with executor:
        probe = probe_board(executor)
    with context.progress.step(f"reach {target.name}") as step:
        check_machine_of(target, probe)
        step.note(f"{probe.machine}, {probe.vectors}" if probe.vectors else probe.machine)
