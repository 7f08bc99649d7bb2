"""Which room may call which: downward only, nothing on the same row; and what is heavy stays in one module."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

import edgetool
from edgetool.executors.base import Traits
from edgetool.platform.process import run_process
from edgetool.targets.registry import EXECUTORS

PACKAGE = Path(edgetool.__file__).parent

# The longest prefix counts. A package's modules may import one another.
ROWS = {
    "edgetool": -1,
    "edgetool.errors": -1,
    "edgetool.platform": 0,
    "edgetool.models.spec": 1,
    "edgetool.runtimes.spec": 1,
    "edgetool.harness.instructions": 1,
    "edgetool.harness.ops": 1,
    "edgetool.estimates": 2,
    "edgetool.estimates.rows": 8,
    "edgetool.targets.spec": 1,
    "edgetool.models": 2,
    "edgetool.runtimes": 3,
    "edgetool.executors": 2,
    "edgetool.console.context": 2,
    "edgetool.console.durations": 2,
    "edgetool.console.progress": 2,
    "edgetool.console.table": 2,
    "edgetool.bill": 2,
    "edgetool.bundles": 3,
    "edgetool.archives": 4,
    "edgetool.distribution": 4,
    "edgetool.keyless": 4,
    "edgetool.signatures": 5,
    "edgetool.boards": 4,
    "edgetool.targets.registry": 5,
    "edgetool.harness": 6,
    "edgetool.doctor": 6,
    "edgetool.measurements": 7,
    "edgetool.records": 8,
    "edgetool.records.stats": 1,
    "edgetool.reports": 9,
    "edgetool.pipeline": 10,
    "edgetool.console.sweep": 11,
    "edgetool.api": 12,
    "edgetool.dashboard": 12,
    "edgetool.commands": 13,
    "edgetool.cli": 14,
    "edgetool.manual": 15,
    "edgetool.__main__": 99,
}
VIEWS = ("accuracy", "history", "latency", "operators", "parts", "pictures", "runs", "sweeps")
HEAVY = {
    "torch": {
        "edgetool.runtimes.litert.program",
        *(f"edgetool.models.{name}" for name in ("detectors", "export", "outputs", "weights", "zoo")),
    },
    "torchvision": {f"edgetool.models.{name}" for name in ("detectors", "weights", "zoo")},
    "onnxscript": {"edgetool.models.export"},
    "safetensors": {"edgetool.models.weights"},
    "matplotlib": {f"edgetool.reports.charts.{name}" for name in ("drawing", "samples")},
    "mlflow": {"edgetool.reports.tracking"},
    "jinja2": {"edgetool.reports.templates"},
    "optuna": {"edgetool.pipeline.search"},
    "streamlit": {
        "edgetool.dashboard.app",
        "edgetool.dashboard.choice",
        *(f"edgetool.dashboard.views.{name}" for name in VIEWS),
    },
    "weasyprint": {"edgetool.reports.exporters.pdf"},
    "paramiko": {f"edgetool.executors.{name}" for name in ("connection", "hostkeys", "login", "sshconfig")},
    "distributed": {"edgetool.pipeline.cluster"},
    "dask": {"edgetool.pipeline.cluster"},
    "subprocess": {"edgetool.platform.process"},
    "pydantic": {"edgetool.platform.documents"},
    "elftools": {"edgetool.platform.elf"},
    "pycocotools": {"edgetool.models.coco", "edgetool.models.tasks.average_precision"},
    "ncnn": {"edgetool.runtimes.ncnn.convert"},
    "litert_torch": {"edgetool.runtimes.litert.program"},
    "ai_edge_litert": {"edgetool.runtimes.litert.from_onnx", "edgetool.runtimes.litert.program"},
}
UNWANTED = (
    *("torch", "torchvision", "onnx", "onnxruntime", "numpy", "matplotlib", "jinja2", "paramiko", "pydantic"),
    "distributed",
    "optuna",
)


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py")) if "_data" not in path.parts}


@cache
def imports(module: str) -> tuple[tuple[str, bool], ...]:
    """Every module that `module` imports, also inside functions, and whether only for the type checker."""
    return tuple(_imports(ast.parse(MODULES[module].read_text()), only_types=False))


def _imports(node: ast.AST, *, only_types: bool) -> Iterator[tuple[str, bool]]:
    if isinstance(node, ast.Import):
        yield from ((alias.name, only_types) for alias in node.names)
    if isinstance(node, ast.ImportFrom) and node.module is not None:
        assert node.level == 0, "imports are absolute"
        for alias in node.names:
            whole = f"{node.module}.{alias.name}"
            yield (whole if whole in MODULES else node.module), only_types
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "import_module":
        yield from (
            (word.value, only_types)
            for word in node.args
            if isinstance(word, ast.Constant) and isinstance(word.value, str)
        )
    hidden = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    for child in ast.iter_child_nodes(node):
        yield from _imports(child, only_types=only_types or hidden)


def row_of(module: str) -> int:
    parts = module.split(".")
    prefixes = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next(ROWS[prefix] for prefix in prefixes if prefix in ROWS)


def room_of(module: str) -> str:
    """The package of a module; the values of row 1 are one room, and a module outside packages is its own."""
    if row_of(module) == 1:
        return "values"
    return ".".join(module.split(".")[:2])


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_rows_below_or_its_own_room(module: str) -> None:
    wrong = [
        imported
        for imported, only_types in imports(module)
        if imported.partition(".")[0] == "edgetool"
        and not only_types
        and row_of(imported) >= row_of(module)
        and room_of(imported) != room_of(module)
    ]
    assert not wrong, f"{module} (row {row_of(module)}) imports {', '.join(wrong)}"


@pytest.mark.parametrize("kind", EXECUTORS)
def test_an_executor_that_is_named_by_a_string_is_below_too(kind: str) -> None:
    module, name = EXECUTORS[kind]
    assert row_of(module) < row_of("edgetool.targets.registry")
    assert isinstance(getattr(import_module(module), name).traits, Traits)


@pytest.mark.parametrize("heavy", HEAVY)
def test_what_is_heavy_or_foreign_is_known_by_its_owner_only(heavy: str) -> None:
    found = {
        module
        for module in MODULES
        for imported, only_types in imports(module)
        if imported.partition(".")[0] == heavy and not only_types
    }
    assert found <= HEAVY[heavy]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_in_a_sentence_what_it_is(module: str) -> None:
    docstring = ast.get_docstring(ast.parse(MODULES[module].read_text()))
    assert docstring
    assert docstring.splitlines()[0].rstrip().endswith((".", ":"))


def loaded_by(words: list[str]) -> set[str]:
    """The packages that a command imports."""
    done = run_process([sys.executable, "-X", "importtime", "-m", "edgetool.cli", *words], timeout_s=60)
    assert done.exit_code == 0
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.decode().splitlines()}


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    loaded = loaded_by(words)
    assert "typer" in loaded
    assert not loaded & set(UNWANTED)


@pytest.mark.parametrize("words", [["deploy", "--help"], ["targets", "show", "--help"]])
def test_a_commands_help_loads_nothing_heavy(words: list[str]) -> None:
    # Typer itself looks at pydantic's types when it builds a command's options.
    assert not loaded_by(words) & (set(UNWANTED) - {"pydantic"})
