"""Whether a board is there, asked before hours of work are spent on it."""

from __future__ import annotations

from edgetool.boards.probe import check_machine_of, probe_board
from edgetool.platform.context import StepContext
from edgetool.targets.registry import open_executor, prepare_executor
from edgetool.targets.spec import Target


def reach(target: Target, context: StepContext) -> None:
    """Is a real board there, does it let us in, is it the machine that its file says?

    Raises ConnectError, HostKeyError or WrongMachine. A question about a host key is asked here, while nothing else is
    on the terminal.
    """
    prepare_executor(target, context.progress)
    executor = open_executor(target, exclusive=False)  # says what it needs and lacks
    if executor.traits.runs_here:
        return
    with executor:
        probe = probe_board(executor)
    with context.progress.step(f"reach {target.name}") as step:
        check_machine_of(target, probe)
        step.note(f"{probe.machine}, {probe.vectors}" if probe.vectors else probe.machine)
