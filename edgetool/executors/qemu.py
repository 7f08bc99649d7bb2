"""Run under QEMU's user-mode emulation on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Literal, Self

from edgetool.executors.base import Traits
from edgetool.executors.confinement import confined, confinement
from edgetool.executors.emulators import emulator_version, find_emulator
from edgetool.executors.local import LocalExecutor
from edgetool.platform.documents import check_table
from edgetool.platform.progress import SILENT, Progress
from edgetool.platform.values import Lines, Name, value
from edgetool.targets.spec import Target

GUEST_ROOT = PurePosixPath("guest-root")
UNCONFINED = "programs can write all your files: install bubblewrap, or run only bundles that you trust"


class QemuExecutor(LocalExecutor):
    """Run programs for another machine. QEMU translates their instructions and forwards their system calls.

    Emulation isn't a sandbox, so programs are confined to their work folder and cut off from the network.
    """

    traits = Traits(has_libc=False, runs_here=True, emulates=True, loads_plugins=True)
    _cpuinfo: str | None = None

    @value
    class Settings:
        kind: Literal["qemu"]
        emulator: Name  # "qemu-riscv64", or a path
        cpu: Name  # QEMU's -cpu
        cpuinfo: Lines | None = None  # the guest's /proc/cpuinfo; by default the host's

    @classmethod
    def open(cls, target: Target, *, exclusive: bool = True, progress: Progress = SILENT) -> Self:
        del exclusive, progress
        return cls.open_with(target, find_emulator(cls._settings(target).emulator))

    @classmethod
    def prepare(cls, target: Target, progress: Progress) -> None:
        """Fetch the emulator when no suitable one is installed."""
        name = cls._settings(target).emulator
        with progress.step(f"emulator {name}") as step:
            version = emulator_version(find_emulator(name, note=step.note))
            step.note(version if confinement() else f"{version}; {UNCONFINED}")

    @classmethod
    def open_with(cls, target: Target, emulator: str, options: Sequence[str] = ()) -> Self:
        """Open with another emulator and options instead of the installed one."""
        settings = cls._settings(target)
        executor = cls(
            prefix=(emulator, *options, "-cpu", settings.cpu),
            emulator=f"{emulator_version(emulator)}, -cpu {settings.cpu}",
        )
        executor._cpuinfo = settings.cpuinfo
        return executor

    @classmethod
    def _settings(cls, target: Target) -> Settings:
        return check_table(cls.Settings, target.executor, where=f"target {target.name}: executor")

    def __enter__(self) -> Self:
        super().__enter__()
        if self._cpuinfo is not None:
            # QEMU looks for every path below its -L folder first.
            root = self._there(GUEST_ROOT)
            (root / "proc").mkdir(parents=True)
            (root / "proc" / "cpuinfo").write_text(self._cpuinfo)
        return self

    def _started(self, words: Sequence[str]) -> list[str]:
        root = [] if self._cpuinfo is None else ["-L", str(self._there(GUEST_ROOT))]
        return [*confined(self._there(PurePosixPath("."))), *self._prefix, *root, *words]
