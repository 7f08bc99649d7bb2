"""Remove unused kernels, with ONNX Runtime's own script, and unused schemas from a reduced build."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from edgetool.errors import BuildError
from edgetool.platform.files import write_atomically
from edgetool.platform.process import run_tool
from edgetool.runtimes.onnxruntime.operators import Operators
from edgetool.runtimes.onnxruntime.sources import SourceTree

GENERATED = "op_reduction.generated"
KERNEL = re.compile(r"_CLASS_NAME\(\w+, (\w+),[^()]*?(\w+)\)>")
SCHEMA = re.compile(r"^ *fn\(GetOpSchema<ONNX_OPERATOR_SET_SCHEMA_CLASS_NAME\((\w+), \d+, (\w+)\)>\(\)\);\n", re.M)
# Headers that list the schemas, by their include paths.
ONNX_SCHEMAS = ("onnx/defs/operator_sets.h",)
ORT_SCHEMAS = ("core/graph/contrib_ops/ms_opset.h", "core/graph/contrib_ops/onnx_deprecated_opset.h")
# Domain names in schema registrations, by the names used in kernels (DOMAINS) and configurations (NAMES).
DOMAINS = {"kOnnxDomain": "Onnx", "kMSDomain": "Microsoft"}
NAMES = {"ai.onnx": "Onnx", "com.microsoft": "Microsoft"}


def reduce_sources(operators: Operators, tree: SourceTree, source: Path, build: Path, headers: Path, log: Path) -> None:
    """Write the sources of a reduced build to `build`, and headers that take precedence to `headers`.

    Schemas are kept only where a kernel is: the others are more than a megabyte of shape inference for operators that
    can't run. Raises BuildError.
    """
    config = headers.with_name("operators.config")
    write_atomically(config, operators.config.encode())
    scratch = headers.with_name("reduced.new")
    shutil.rmtree(scratch, ignore_errors=True)
    script = source / "tools" / "ci_build" / "reduce_op_kernels.py"
    options = ["--is_extended_minimal_build_or_higher", "--enable_type_reduction"]
    run_tool([sys.executable, script, config, "--cmake_build_dir", scratch, *options], log=log, timeout_s=300)
    kept = set(_kernels(scratch / GENERATED)) | set(_asked_for(operators))
    for names, root in ((ONNX_SCHEMAS, tree.dependencies / "onnx"), (ORT_SCHEMAS, source / "onnxruntime")):
        for name in names:
            _write_changed(headers / name, keep_schemas((root / name).read_text(), kept))
    for file in sorted(path for path in (scratch / GENERATED).rglob("*") if path.is_file()):
        _write_changed(build / file.relative_to(scratch), file.read_text())
    shutil.rmtree(scratch)


def keep_schemas(header: str, kept: set[tuple[str, str]]) -> str:
    """Keep only the registrations of the schemas in `kept`, given as (domain, operator), in all versions.

    Raises BuildError when the header registers none, since its format has then changed.
    """
    if not SCHEMA.search(header):
        raise BuildError("this ONNX Runtime registers its schemas differently from 1.21.0")
    return SCHEMA.sub(lambda found: found[0] if (found[1], found[2]) in kept else "", header)


def _kernels(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the operators with registered kernels as (domain, name)."""
    for file in folder.rglob("*.cc"):
        code = re.sub(r"//.*", "", file.read_text())
        for domain, name in KERNEL.findall(re.sub(r"\s+", " ", code)):
            if domain in DOMAINS:
                yield DOMAINS[domain], name


def _asked_for(operators: Operators) -> Iterator[tuple[str, str]]:
    """Yield the configured operators, including those without a kernel.

    ONNX Runtime replaces some of the latter by their definition.
    """
    for line in operators.config.splitlines():
        domain, _, names = line.split(";") if line.count(";") == 2 else ("", "", "")
        if domain in NAMES:
            yield from ((NAMES[domain], name) for name in names.split(","))


def _write_changed(path: Path, text: str) -> None:
    """Write a file only if its text has changed, since the build goes by modification times."""
    if not path.is_file() or path.read_text() != text:
        write_atomically(path, text.encode())
