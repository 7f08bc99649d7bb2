"""What the shell completes: names that are found without loading anything heavy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

RUN_FILES = ("run.json", "sweep.json")


def starting(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def complete_target(incomplete: str) -> list[str]:
    from edgetool.targets.registry import target_files

    return starting(target_files(), incomplete)


def complete_model(incomplete: str) -> list[str]:
    """torchvision's names, and model files from here."""
    found = [*starting(torchvision_models(), incomplete), *_files(incomplete, (".onnx", ".pt2"))]
    return sorted(found)


def torchvision_models() -> list[str]:
    """Names of its classifiers, read from its source: importing it takes seconds; none where it is not installed."""
    from importlib.util import find_spec

    spec = find_spec("torchvision")
    if spec is None or spec.origin is None:
        return []
    sources = sorted((Path(spec.origin).parent / "models").glob("*.py"))
    pattern = re.compile(r"^@register_model\(\)\n(?:@.*\n)*def (\w+)", re.MULTILINE)
    return [name for source in sources for name in pattern.findall(source.read_text())]


def complete_precision(incomplete: str) -> list[str]:
    from edgetool.models.spec import Precision

    return starting(Precision, incomplete)


def complete_task(incomplete: str) -> list[str]:
    from edgetool.models.spec import Task

    return starting(Task, incomplete)


def complete_runtime(incomplete: str) -> list[str]:
    """Names of runtimes, and cached ones by their keys."""
    from edgetool.pipeline.runtimes import RUNTIME_NAMES
    from edgetool.runtimes.onnxruntime.kind import BY_KEY

    names = [name for name in RUNTIME_NAMES if not name.startswith(BY_KEY)]
    return starting([*names, *(BY_KEY + key for key in complete_key(""))], incomplete)


def complete_key(incomplete: str) -> list[str]:
    from edgetool.platform.store import Store, cache_root
    from edgetool.runtimes.cache import cached_runtimes

    return starting([entry.key for entry in cached_runtimes(Store(cache_root()))], incomplete)


def complete_core(incomplete: str) -> list[str]:
    from edgetool.estimates.cores import core_names

    return starting(core_names(), incomplete)


def complete_run(incomplete: str) -> list[str]:
    """Folders of runs, newest first, here and one folder below."""
    folder = Path(incomplete).parent if not incomplete.endswith("/") else Path(incomplete)
    found = {path.parent for name in RUN_FILES for depth in ("*", "*/*") for path in folder.glob(f"{depth}/{name}")}
    return starting(map(str, sorted(found, reverse=True)), incomplete)


def one_of(*names: str) -> Callable[[str], list[str]]:
    """For an option that takes one of these."""

    def complete(incomplete: str) -> list[str]:
        return starting(names, incomplete)

    return complete


def _files(incomplete: str, suffixes: tuple[str, ...]) -> list[str]:
    folder = Path(incomplete).parent if not incomplete.endswith("/") else Path(incomplete)
    return starting((str(path) for path in folder.glob("*") if path.suffix in suffixes), incomplete)
