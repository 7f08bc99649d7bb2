"""What tests share: a tiny model, bundles around it, programs in a harness's place, records, the command line."""

from __future__ import annotations

import fcntl
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgetool.boards.facts import BoardFacts
from edgetool.bundles import Bundle, build_bundle
from edgetool.executors.base import Executor
from edgetool.harness.bench import Bench, put_bundle
from edgetool.harness.instructions import Cell, InstructionMix, Traffic
from edgetool.harness.result import HarnessEnvironment, LoadedRuntime
from edgetool.measurements.accuracy import Accuracy
from edgetool.measurements.timing import Timing
from edgetool.models.artifacts import read_artifact
from edgetool.models.images import Float32Array, ImageSet
from edgetool.models.spec import ModelSpec, Precision, TensorSpec
from edgetool.platform.context import StepContext
from edgetool.platform.files import file_entries
from edgetool.platform.process import Completed, run_process
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store, cache_root
from edgetool.records.case import OWN_RUNTIME, Case, CaseResult, Fallback
from edgetool.records.record import Environment, Record, Recorded, RuntimeIdentity, Subject
from edgetool.records.results import RecordStore, Run, write_recorded, write_run
from edgetool.runtimes.spec import Runtime, RuntimeBuild
from edgetool.runtimes.toolchains import load_toolchain
from edgetool.targets.spec import BenchmarkSpec, EvaluationSpec, Target

SHAPE = (1, 3, 16, 16)
CLASSES = 10
QUICK = BenchmarkSpec(warmup=1, min_repetitions=3, min_duration_s=0.0, target_error=0.0, timeout_s=60.0)
ZEROS = "0" * 64


def tiny_graph(shape: Sequence[int | str] = SHAPE, *, names: tuple[str, str] = ("input", "logits")) -> onnx.ModelProto:
    """Conv, Relu, pooling, Gemm: (n, 3, h, w) → (n, 10); a string is a free dimension."""
    random = np.random.default_rng(7)
    constants = {
        "kernel": random.standard_normal((8, 3, 3, 3)),
        "bias": random.standard_normal(8),
        "matrix": random.standard_normal((8, CLASSES)),
        "offset": random.standard_normal(CLASSES),
    }
    nodes = [
        helper.make_node("Conv", [names[0], "kernel", "bias"], ["c"], name="conv", pads=[1] * 4, strides=[2, 2]),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("GlobalAveragePool", ["r"], ["p"], name="pool"),
        helper.make_node("Flatten", ["p"], ["f"], name="flatten"),
        helper.make_node("Gemm", ["f", "matrix", "offset"], [names[1]], name="gemm"),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(names[0], TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info(names[1], TensorProto.FLOAT, [shape[0], CLASSES])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def save_model(path: Path, model: onnx.ModelProto) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path


def tiny_inputs(count: int, seed: int = 3) -> Float32Array:
    return np.random.default_rng(seed).standard_normal((count, *SHAPE[1:]), dtype=np.float32)


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


def writing(folder: Path, result: bytes | str, *, output: bytes = b"") -> Path:
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


def model_spec(**changes: Any) -> ModelSpec:
    spec = ModelSpec(
        name="tiny",
        precision=Precision.FP32,
        sha256="a" * 64,
        size_bytes=4000,
        opset=17,
        ir_version=8,
        inputs=(TensorSpec(name="input", dtype="float32", shape=SHAPE),),
        outputs=(TensorSpec(name="logits", dtype="float32", shape=(1, CLASSES)),),
        weights="tiny.onnx",
        accuracy_means_something=True,
    )
    return replace(spec, **changes)


def environment(**changes: Any) -> Environment:
    process = HarnessEnvironment(
        machine="x86_64",
        kernel="6.1",
        libc="2.36",
        processors=2,
        processors_allowed=2,
        hwcap=0,
        vector_length_bits=0,
    )
    loaded = LoadedRuntime(version="1.21.0", build_info=None, api_version=21, library=None, build_id=None)
    return replace(Environment(process=process, emulator=None, board=BoardFacts(), runtime=loaded), **changes)


def timing(**changes: Any) -> Timing:
    whole = Timing(
        spec=QUICK,
        session_load_ns=10_000_000,
        first_run_ns=2_000_000,
        warmup_ns=(1_500_000,),
        samples_ns=tuple(1_400_000 + i for i in range(30)),
        peak_rss_bytes=50_000_000,
        before=BoardFacts(),
        after=BoardFacts(),
    )
    return replace(whole, **changes)


def runtime_identity(**changes: Any) -> RuntimeIdentity:
    whole = RuntimeIdentity(name="wheel", kind="onnxruntime", title="ONNX Runtime 1.21.0 (wheel)", key=ZEROS)
    return replace(whole, **changes)


def subject(**changes: Any) -> Subject:
    whole = Subject(
        model=model_spec(),
        recipe="export",
        runtime=runtime_identity(),
        target="host",
        triple="x86_64-linux-gnu",
        threads=1,
    )
    return replace(whole, **changes)


def record(**changes: Any) -> Record:
    """An unremarkable record: no caveat follows from it. Changes are fields of it, of its subject or of its timing."""
    of_subject = {field.name: changes.pop(field.name) for field in fields(Subject) if field.name in changes}
    of_timing = {field.name: changes.pop(field.name) for field in fields(Timing) if field.name in changes}
    whole = Record(
        schema=2,
        id="20260101T000000-abcdef",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        edgetool="0.1.0",
        subject=subject(**of_subject),
        bundle_id=ZEROS,
        inputs_sha256="b" * 64,
        harness="build",
        environment=environment(),
        outputs_file="host-tiny-fp32.npz",
        timing=timing(**of_timing),
        accuracy=Accuracy(images=200, labels=(1,) * 198 + (2,) * 2, inputs_sha256="b" * 64, predictions=(1,) * 200),
    )
    return replace(whole, **changes)


def emulated_record(**changes: Any) -> Record:
    emulated = environment(emulator="qemu-riscv64 version 7.2", board=None)
    return record(
        **{
            "target": "qemu-riscv64",
            "triple": "riscv64-linux-gnu",
            "environment": emulated,
            "before": None,
            "after": None,
            "outputs_file": "qemu-riscv64-tiny-fp32.npz",
            **changes,
        }
    )


def instruction_mix(
    *,
    scalar: int,
    vector: int = 0,
    weight: int = 0,
    load_bytes: int = 0,
    store_bytes: int = 0,
    traffic: tuple[Traffic, ...] = (),
) -> InstructionMix:
    """Scalar additions and vector multiply-accumulates, as many as each is said to be."""
    cells = (
        Cell(op="add", count=scalar, weight=scalar),
        Cell(op="vmacc", sew=32, registers=4.0, count=vector, weight=weight),
    )
    return InstructionMix(
        cells=tuple(cell for cell in cells if cell.count),
        load_bytes=load_bytes,
        store_bytes=store_bytes,
        traffic=traffic,
    )


def recorded(of: Record, outputs: Mapping[str, Float32Array] | None = None) -> Recorded:
    logits = np.random.default_rng(1).standard_normal((4, CLASSES), dtype=np.float32)
    return Recorded(record=of, outputs={"logits": logits} if outputs is None else dict(outputs))


def case_of(of: Record, runtime: str = OWN_RUNTIME) -> Case:
    found = of.subject
    return Case(
        model=found.model.name,
        precision=found.precision,
        target=found.target,
        threads=found.threads,
        runtime=runtime,
    )


def stored_run(
    folder: Path, *entries: Recorded, fallbacks: Sequence[Fallback] = (), runtimes: Sequence[str] = ()
) -> Path:
    """A run's folder with these records; `runtimes` are what their cases call their runtimes."""
    names = [*runtimes, *[OWN_RUNTIME] * (len(entries) - len(runtimes))]
    results = []
    for number, (entry, runtime) in enumerate(zip(entries, names, strict=True)):
        case = case_of(entry.record, runtime)
        path = RecordStore(folder).write(
            f"{number:016x}", partial(write_recorded, recorded=entry, stem=case.stem), case
        )
        results.append(CaseResult(case=case, record=path))
    run = Run(
        schema=2,
        id="20260102T030405Z-abcdef",
        command="deploy",
        title=f"{entries[0].record.subject.model.name} on {entries[-1].record.subject.target}",
        created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        edgetool="0.1.0",
        results=tuple(results),
        fallbacks=tuple(fallbacks),
    )
    write_run(folder, run)
    return folder


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


def run_cli(
    *words: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None, timeout_s: float = 240
) -> Completed:
    """`edgetool …` in a process of its own."""
    return run_process([sys.executable, "-m", "edgetool.cli", *words], cwd=cwd, env=env, timeout_s=timeout_s)


def start_cli(*words: str | Path, cwd: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """`edgetool …` left running, for tests that interrupt it."""
    return start_python("-m", "edgetool.cli", *words, cwd=cwd, env=env)


def start_python(
    *words: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def command_lines() -> list[str]:
    """The command line of every process of this machine."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return lines


def unusual_seconds() -> str:
    """A number of seconds that no other sleeper of this machine sleeps."""
    return f"{600 + int.from_bytes(os.urandom(3)) / 2**24:.9f}"


def await_true(condition: Callable[[], object], what: str, timeout_s: float = 60) -> None:
    """Wait for what another process does on its own, such as a board that cleans up after a lost link."""
    pause = threading.Event()
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, what
        pause.wait(0.1)


def is_locked(path: Path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


class StillGoing(BaseException):
    """Raised in what hangs; no handler of an ordinary error takes it for its own."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """A generous bound on what must not hang: past it the block raises StillGoing."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        del number, frame
        raise StillGoing(f"after {seconds} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
