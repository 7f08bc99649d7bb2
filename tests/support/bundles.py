"""Programs in the harness's place, what they write, and bundles around them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgetool.bundles import Bundle, build_bundle
from edgetool.executors.base import Executor
from edgetool.harness.bench import Bench, put_bundle
from edgetool.models.artifacts import read_artifact
from edgetool.models.images import ImageSet
from edgetool.platform.context import StepContext
from edgetool.platform.files import file_entries
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store, cache_root
from edgetool.runtimes.spec import Runtime, RuntimeBuild
from edgetool.runtimes.toolchains import load_toolchain
from edgetool.targets.spec import BenchmarkSpec, EvaluationSpec, Target
from tests.support.models import CLASSES, save_model, tiny_graph, tiny_inputs

QUICK = BenchmarkSpec(warmup=1, min_repetitions=3, min_duration_s=0.0, target_error=0.0, timeout_s=60.0)


ZEROS = "0" * 64


def script(path: Path, text: str) -> Path:
    """An executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


# Sets $result and $outputs as the harness would understand its command line.
PARSE = """while [ $# -gt 0 ]; do case "$1" in --result) result=$2;; --outputs) outputs=$2;; esac; shift; done"""


def harness_script(path: Path, body: str) -> Path:
    """A program in the harness's place: `body` may use $result and $outputs (empty when not asked for)."""
    return script(path, f"{PARSE}\n{body}")


def writing_harness(folder: Path, result: bytes | str, *, output: bytes = b"") -> Path:
    """A harness that writes `result` and, when asked for outputs, `output` as the first of them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_bytes(result.encode() if isinstance(result, str) else result)
    (folder / "output.bin").write_bytes(output)
    copies = f'cp {shlex.quote(str(folder / "result.json"))} "$result"\n'
    copies += f'[ -z "$outputs" ] || cp {shlex.quote(str(folder / "output.bin"))} "$outputs/0.bin"'
    return harness_script(folder / "harness", copies)


def result_document(**run: object) -> dict[str, Any]:
    """What an honest harness writes for one sample of the tiny model, with parts of `run` replaced."""
    return {
        "schema": 1,
        "harness": "imitation",
        "environment": {
            "machine": "x86_64",
            "kernel": "6.1",
            "libc": "2.36",
            "processors": 2,
            "processors_allowed": 2,
            "hwcap": 0,
            "vector_length_bits": 0,
        },
        "runtime": {"version": "1.21.0", "build_info": None, "api_version": 21, "library": None, "build_id": None},
        "failure": None,
        "run": {
            "inputs": [],
            "outputs": [{"name": "logits", "dtype": "float32", "shape": [1, CLASSES]}],
            "samples": 1,
            "session_load_ns": 1000,
            "first_run_ns": 2000,
            "peak_rss_bytes": 4096,
            "warmup_ns": [1000],
            "samples_ns": [1000, 1100, 1200],
            "profile": None,
            **run,
        },
    }


def stub_runtime(folder: Path) -> Runtime:
    """A runtime that is never loaded."""
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "libonnxruntime.so.1.21.0").write_bytes(b"no library")
    build = RuntimeBuild(
        schema=1,
        name="onnxruntime",
        version="1.21.0",
        provider="wheel",
        variant="none",
        triple=load_toolchain("native").triple,
        library="lib/libonnxruntime.so.1.21.0",
        loader=None,
        glibc="2.28",
        files=file_entries(folder),
        key=ZEROS,
    )
    return Runtime(root=folder, build=build)


def stub_bundle(folder: Path, harness: Path, *, images: int = 1) -> Bundle:
    """A bundle of the tiny model around a program in the harness's place."""
    model = save_model(folder.with_name(f"{folder.name}-model") / "tiny.onnx", tiny_graph())
    folder.mkdir(parents=True)
    return build_bundle(
        folder,
        models=[read_artifact(model)],
        runtime=stub_runtime(folder.with_name(f"{folder.name}-runtime")),
        harness=harness,
        toolchain=load_toolchain("native"),
        images=ImageSet(inputs=tiny_inputs(images), labels=np.zeros(images, dtype=np.int64)),
    )


def host_target(**changes: Any) -> Target:
    target = Target(
        schema=1,
        name="host",
        description="this machine",
        triple="native",
        executor={"kind": "local"},
        benchmark=QUICK,
        evaluation=EvaluationSpec(images=1),
    )
    return replace(target, **changes)


@contextmanager
def bench_of(executor: Executor, bundle: Bundle, target: Target, context: StepContext | None = None) -> Iterator[Bench]:
    """A bench around an executor, without the self-test."""
    with executor:
        board = put_bundle(executor, bundle)
        yield Bench(
            executor=executor,
            bundle=bundle,
            target=target,
            context=context or StepContext(store=Store(cache_root()), progress=Silent()),
            board=board,
        )
