"""`edgetool new`: the files that a project needs to deploy, measure and gate its model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgetool.commands.completion import complete_target
from edgetool.commands.options import Json
from edgetool.commands.output import print_json
from edgetool.errors import ConfigError

CI = {"github": ".github/workflows/edge.yml", "gitlab": ".gitlab-ci.yml"}


def new(
    folder: Annotated[Path, typer.Argument(help="Folder of the project; it may exist.")],
    ci: Annotated[str, typer.Option("--ci", help="github, gitlab or none.")] = "github",
    target: Annotated[
        str, typer.Option("--target", "-t", help="Target to deploy to.", autocompletion=complete_target)
    ] = "qemu-riscv64",
    json: Json = False,
) -> None:
    """Write a project's files: defaults, a plan for sweeps, goals, and a CI job that checks them.

    Example: edgetool new my-model --target visionfive2 --ci gitlab
    """
    from edgetool.platform.catalog import data_folder
    from edgetool.platform.files import write_atomically
    from edgetool.targets.registry import load_target

    if ci not in (*CI, "none"):
        raise ConfigError(f"--ci: no CI {ci!r}", hint=f"known: {', '.join(CI)}, none")
    load_target(target)
    project, gates = data_folder("examples") / "project", data_folder("docs/ci")
    sources = {
        "edgetool.toml": project / "edgetool.toml",
        "plan.toml": project / "plan.toml",
        "gates.toml": gates / "gates.toml",
        ".gitignore": project / "ignore",
    } | ({CI[ci]: gates / f"{ci}.yml"} if ci in CI else {})
    there = [name for name in sources if (folder / name).exists()]
    if there:
        raise ConfigError(f"{folder / there[0]} exists", hint="edgetool new writes over no file")
    for name, source in sources.items():
        text = source.read_text()
        if name in ("edgetool.toml", "plan.toml"):
            text = text.replace('"qemu-riscv64"', f'"{target}"')
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / name, text.encode())
    if json:
        from edgetool.commands.answers import NewAnswer

        print_json(NewAnswer(folder=str(folder), files=tuple(sorted(sources))))
        return
    for name in sources:
        print(folder / name)
    print("next: put your model.onnx and calibration.npz there, and run `edgetool deploy` in it")
