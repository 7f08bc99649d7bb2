"""The executor for emulated boards: it uses the running board, or starts one for as long as it is needed."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Annotated, Literal, Self

from annotated_types import Ge, Le

from edgetool.boards.image import board_image
from edgetool.boards.machines import machine_for
from edgetool.boards.virtual import (
    HOST,
    SSH_CONFIG,
    BoardOptions,
    board_folder,
    check_emulator,
    read_board,
    start_board,
    stop_board,
)
from edgetool.errors import ConfigError, ConnectError
from edgetool.executors.base import Traits
from edgetool.executors.ssh import SshExecutor
from edgetool.platform.documents import check_table
from edgetool.platform.progress import SILENT, Progress
from edgetool.platform.store import Store, cache_root
from edgetool.platform.values import value
from edgetool.targets.spec import Seconds, Target

DEFAULT_VLEN_BITS = 256


class EmulatedBoardExecutor(SshExecutor):
    """Connects over SSH like any board. Its times are an emulator's."""

    traits = Traits(has_libc=True, runs_here=True, emulates=True)

    @value
    class Settings:
        """Settings of a board that is started here; `edgetool board up` has its own options."""

        kind: Literal["virtual"]
        cores: Annotated[int, Ge(1), Le(16)] = 2
        memory_mib: Annotated[int, Ge(256), Le(1024 * 1024)] = 2048
        vector: bool = True  # RISC-V only, like vlen_bits
        vlen_bits: Annotated[int, Ge(128), Le(1024)] | None = None  # 256 by default, with vectors
        wait_s: Seconds = 0.0  # how long to wait for another session's lock on the running board

    def __init__(
        self,
        name: str,
        options: BoardOptions,
        *,
        wait_s: float = 0.0,
        exclusive: bool = True,
        progress: Progress = SILENT,
    ) -> None:
        settings = SshExecutor.Settings(kind="ssh", host=HOST, emulator=options.machine.emulator, wait_s=wait_s)
        super().__init__(settings, name=name, exclusive=exclusive, progress=progress)
        self._options = options
        self._board = ExitStack()

    @classmethod
    def open(cls, target: Target, *, exclusive: bool = True, progress: Progress = SILENT) -> Self:
        options = board_options(target)
        check_emulator(options.machine)
        return cls(target.name, options, wait_s=_table(target).wait_s, exclusive=exclusive, progress=progress)

    @classmethod
    def prepare(cls, target: Target, progress: Progress) -> None:
        """Build the image that the board boots."""
        machine = board_options(target).machine
        check_emulator(machine)
        with progress.step(f"image of {target.name}") as step:
            board_image(machine, Store(cache_root()), note=step.note)

    @classmethod
    def identity(cls, target: Target) -> object:
        return target.executor

    def __enter__(self) -> Self:
        store = Store(cache_root())
        with ExitStack() as stack:
            folder = board_folder(store, self._name)
            state = read_board(folder)
            if state is not None and not state.running:
                raise ConnectError(
                    f"the emulated board {self._name} was started but is no longer running",
                    hint=f"edgetool board up --target {self._name}, or `edgetool board down` to remove it",
                )
            if state is None:
                folder = folder.with_name(f"{folder.name}-{secrets.token_hex(4)}")
                stack.callback(stop_board, folder)
                state = start_board(folder, self._options, store)
            self.emulator = state.emulator
            self._settings = replace(self._settings, config=str(folder / SSH_CONFIG), emulator=state.emulator)
            super().__enter__()
            self._board = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            super().__exit__(kind, error, trace)
        finally:
            self._board.close()


def board_options(target: Target) -> BoardOptions:
    """Return the board that a target file describes. Raises ConfigError when the target isn't an emulated board."""
    if target.executor["kind"] != "virtual":
        raise ConfigError(
            f"target {target.name} is not an emulated board", hint='its [executor] is not of kind "virtual"'
        )
    table = _table(target)
    vlen_bits = table.vlen_bits
    if machine_for(target.triple).name == "riscv64":
        vlen_bits = (vlen_bits or DEFAULT_VLEN_BITS) if table.vector else None
    return BoardOptions(triple=target.triple, cores=table.cores, memory_mib=table.memory_mib, vlen_bits=vlen_bits)


def _table(target: Target) -> EmulatedBoardExecutor.Settings:
    return check_table(EmulatedBoardExecutor.Settings, target.executor, where=f"target {target.name}: executor")
