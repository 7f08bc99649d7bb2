"""Run in a container that holds only an emulator, so the machine itself needs none installed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Literal, Self

from edgetool.errors import ConfigError, ExecutorError
from edgetool.executors.base import CommandResult, Traits
from edgetool.executors.local import LocalExecutor
from edgetool.platform.documents import check_table
from edgetool.platform.process import Completed, run_process
from edgetool.platform.progress import SILENT, Progress
from edgetool.platform.values import Name, value
from edgetool.targets.spec import Target

CLIENT_TIMEOUT_S = 60.0
# Exit code of `docker run` when it can't start the program.
DOCKER_FAILED = 125


class DockerExecutor(LocalExecutor):
    """Run each command in its own container without network, with the work folder mounted at the same path."""

    traits = Traits(has_libc=False, runs_here=True, emulates=True)
    _image = ""
    _command: tuple[str, ...] = ()

    @value
    class Settings:
        kind: Literal["docker"]
        image: Name
        emulator: Name  # the emulator's program in the image
        cpu: Name  # QEMU's -cpu

    @classmethod
    def open(cls, target: Target, *, exclusive: bool = True, progress: Progress = SILENT) -> Self:
        del exclusive, progress
        settings = check_table(cls.Settings, target.executor, where=f"target {target.name}: executor")
        found = _docker("image", "inspect", "--format", "{{.Id}}", settings.image)
        if found.exit_code != 0:
            last = found.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise ConfigError(
                f"no image {settings.image}: {' '.join(last)}",
                hint="in a checkout of edgetool: docker/build-image qemu",
            )
        said = _docker("run", "--rm", "--network", "none", settings.image, settings.emulator, "--version")
        version = said.stdout.decode(errors="replace").partition(" (")[0].strip() or settings.emulator
        executor = cls(emulator=f"{version} in Docker, -cpu {settings.cpu}")
        executor._image = settings.image
        executor._command = (settings.emulator, "-cpu", settings.cpu)
        return executor

    def run(
        self,
        argv: Sequence[str | PurePosixPath],
        *,
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> CommandResult:
        folder, words = self._there(PurePosixPath(".")), self._words(argv)
        name = f"edgetool-{secrets.token_hex(8)}"
        options = ["--rm", "--init", "--name", name, "--network", "none", "--user", f"{os.getuid()}:{os.getgid()}"]
        options += ["--volume", f"{folder}:{folder}", "--workdir", str(folder)]
        options += [word for key, text in (env or {}).items() for word in ("--env", f"{key}={text}")]
        try:
            done = run_process(["docker", "run", *options, self._image, *self._command, *words], timeout_s=timeout_s)
        finally:
            # The container outlives its client, unless it has ended by itself.
            _docker("rm", "--force", name)
        if done.exit_code == DOCKER_FAILED:
            raise ExecutorError(f"docker run failed: {done.stderr.decode(errors='replace').strip()}")
        return self._result(argv, done)


def _docker(*words: str) -> Completed:
    try:
        return run_process(["docker", *words], timeout_s=CLIENT_TIMEOUT_S)
    except (FileNotFoundError, PermissionError) as error:
        raise ConfigError("docker is not installed", hint="as root: apt-get install docker.io") from error
