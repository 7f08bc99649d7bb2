"""`edgetool doctor`: what is installed, what is missing, the command that mends it."""

from __future__ import annotations

from typing import Annotated

import typer

from edgetool.commands.options import Json, Target
from edgetool.commands.output import print_json
from edgetool.errors import ConfigError


def doctor(
    target: Target = "qemu-riscv64",
    install: Annotated[bool, typer.Option("--install", help="Install missing system packages (as root).")] = False,
    optional: Annotated[bool, typer.Option("--all", help="Include optional dependencies.")] = False,
    json: Json = False,
) -> None:
    """Check whether a target is ready, and print the command that installs what is missing.

    Example: edgetool doctor --target virt-riscv64
    """
    from edgetool.console.progress import make_progress
    from edgetool.console.table import print_table
    from edgetool.doctor import examine, install_system_packages, missing_system_packages
    from edgetool.platform.store import cache_root
    from edgetool.targets.registry import load_target

    wanted = load_target(target)
    findings = examine(wanted)
    missing = missing_system_packages(findings, optional=optional)
    if install and missing:
        with make_progress(quiet=json).step(f"install {', '.join(missing)}"):
            install_system_packages(missing, log=cache_root() / "logs" / "system-packages.log")
        findings = examine(wanted)
    lacking = [finding.name for finding in findings if finding.required and not finding.ok]
    if json:
        from edgetool.commands.answers import DoctorAnswer

        answer = DoctorAnswer(target=wanted.name, ready=not lacking, missing=tuple(lacking), findings=tuple(findings))
        print_json(answer)
    else:
        print(f"not ready for {wanted.name}: {', '.join(lacking)} missing" if lacking else f"ready for {wanted.name}")
        print()
        cells = [(f.name, f.found or "missing", f.needed_for, "" if f.ok else f.remedy) for f in findings]
        print_table(("what", "found", "needed for", "remedy"), cells)
    if lacking:
        raise typer.Exit(ConfigError.exit_code)
