"""Run the harness on a target, fetch its results and validate them."""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from signal import Signals

import numpy as np
import numpy.typing as npt

from edgetool.bundles import Bundle
from edgetool.errors import HarnessError, LinkLost, TransferError, UnsupportedOperator
from edgetool.executors.base import CommandResult, Executor, Watchable
from edgetool.executors.jobs import JobSupervisor
from edgetool.harness.journal import Journal, JournalEntry
from edgetool.harness.plausible import check_times
from edgetool.harness.result import HarnessResult, HarnessRun
from edgetool.models.spec import Precision, TensorSpec
from edgetool.platform.documents import SIZE_LIMIT_BYTES, read_document
from edgetool.platform.foreign import one_line
from edgetool.runtimes.table import KINDS
from edgetool.targets.spec import BenchmarkSpec

Outputs = dict[str, npt.NDArray[np.generic]]
Get = Callable[[str, Path, int], None]  # copies a file that the harness wrote, of a limited size in bytes

BUNDLE = PurePosixPath("bundle")  # the folder of an only bundle in the work folder
PROFILE = "profile"
HWMON = PurePosixPath("/sys/class/hwmon")  # an emulator would pass its host's through
OUTPUT_LIMIT_BYTES = 4 * 1024**3
DTYPE = re.compile(r"bool|float(16|32|64)|u?int(8|16|32|64)")  # types of fixed width, by the harness's names
EXIT_DONE, EXIT_FAILED = 0, 1
SHELL_SIGNAL = 128  # added to a signal's number in a shell's exit codes
CRASHES = {Signals.SIGSEGV, Signals.SIGABRT, Signals.SIGBUS, Signals.SIGFPE, Signals.SIGTRAP, Signals.SIGSYS}
FOLLOW_S = 1.0  # between two looks at how many samples are done
HINTS = {
    2: "the bundle's harness may be older than this edgetool: package it again",
    3: "is the target's disk full?",
}
# Lines that are no errors: Debian's ONNX Runtime has schemas registered twice, LiteRT looks for accelerators.
CHATTER = ("Schema error", "INFO: ", "WARNING: ")
# Messages of runtimes that lack a kernel: they contain an operator, and possibly a node.
NO_KERNEL = (
    re.compile(r"Could not find an implementation for (?P<operator>\S+) node with name '(?P<node>[^']*)'"),
    re.compile(r"Didn't find op for builtin opcode '(?P<operator>\w+' version '\d+)'"),
    re.compile(r"layer (?P<operator>\S+) not exists or registered"),
)
NO_KERNEL_HINTS = {"onnxruntime": "quantize statically: `edgetool quantize` without --dynamic"}


@dataclass(frozen=True, kw_only=True)
class HarnessJob:
    """One run of the harness. Paths are relative to the work folder."""

    model: PurePosixPath
    inputs: Mapping[str, PurePosixPath]
    threads: int
    timeout_s: float
    benchmark: BenchmarkSpec | None = None  # None: no timing
    spinning: bool = True  # whether idle threads spin while something is timed
    outputs: bool = False  # fetch the outputs of all samples
    samples: int | None = None  # limit for the samples of each input; None: all, or only the timed one
    on_sample: Callable[[int], None] | None = None  # receives how many samples are done, where that can be seen
    sample_bytes: int = 0  # of the first output for one sample, if it is known
    profile: Path | None = None  # where to store the runtime's profile; None: no profile
    env: Mapping[str, str] | None = None  # environment variables in addition to the target's
    root: PurePosixPath = BUNDLE  # the bundle's folder


@dataclass(frozen=True, kw_only=True)
class HarnessOutcome:
    result: HarnessResult
    run: HarnessRun
    outputs: Outputs  # name → (samples, …); empty unless requested


def run_harness(
    executor: Executor, bundle: Bundle, job: HarnessJob, *, name: str, journal: Journal | None = None
) -> HarnessOutcome:
    """Run the harness once. `name` describes the run in errors. A run whose result the journal has is not repeated.

    Raises UnsupportedOperator; HarnessError when the result is missing, malformed or a failure; and whatever
    CommandResult.check raises. A failed run returns no times.
    """
    there = PurePosixPath(f"run-{secrets.token_hex(4)}")  # its own folder, so that an earlier result is never read
    with tempfile.TemporaryDirectory(prefix="edgetool-") as scratch:
        here = Path(scratch)
        (here / "outputs").mkdir()
        words = [*bundle.command(job.root), *_arguments(bundle, job, there, has_sensors=executor.native())]
        entry = _entry(journal, executor, bundle, job, [word.replace(there.name, "run") for word in words])
        get: Get
        if entry is not None and (kept := entry.result()) is not None:
            command, get, entry = kept, entry.get, None  # nothing is left to keep
        else:
            executor.put(here, there)
            command, get = _run(executor, words, job, entry, there), _get_from(executor, there)
        if command.timed_out or command.exit_code not in (EXIT_DONE, EXIT_FAILED):
            _raise_for(command, name)
        try:
            get("result.json", here / "result.json", SIZE_LIMIT_BYTES)
        except TransferError as error:
            raise HarnessError(f"{name}: the harness wrote no result{_last_words(command)}") from error
        result = read_document(here / "result.json", HarnessResult, error=HarnessError)
        run = _check_result(result, bundle, name, _last_words(command))
        others_ns = run.session_load_ns + (run.first_run_ns or 0) + sum(run.warmup_ns)
        check_times(run.samples_ns, others_ns, wall_s=command.duration_s, name=name)
        outputs = _fetch_outputs(get, run, here, name) if job.outputs else {}
        if job.benchmark is not None and len(run.samples_ns) < job.benchmark.min_repetitions:
            raise HarnessError(f"{name}: {len(run.samples_ns)} samples, expected {job.benchmark.min_repetitions}")
        if job.profile is not None:
            _fetch_profile(get, run, here, job.profile, name)
        if entry is not None and command.exit_code == EXIT_DONE:
            entry.keep(here, duration_s=command.duration_s)
    return HarnessOutcome(result=result, run=run, outputs=outputs)


def _entry(
    journal: Journal | None, executor: Executor, bundle: Bundle, job: HarnessJob, words: Sequence[str]
) -> JournalEntry | None:
    """Return the run's entry. Only jobs that outlive a link are worth one."""
    if journal is None or not isinstance(executor, JobSupervisor):
        return None
    return journal.entry({"bundle": bundle.manifest.id, "words": list(words), "environment": dict(job.env or {})})


def _run(
    executor: Executor, words: Sequence[str], job: HarnessJob, entry: JournalEntry | None, there: PurePosixPath
) -> CommandResult:
    if entry is not None and isinstance(executor, JobSupervisor):
        entry.begin(executor.next_job(), there.name)
    try:
        with _followed(executor, there / "outputs" / "0.bin", job):
            return executor.run(words, env=job.env, timeout_s=job.timeout_s)
    except LinkLost:
        raise  # the board continues the job
    except BaseException:
        if entry is not None:
            entry.forget()
        raise


@contextmanager
def _followed(executor: Executor, output: PurePosixPath, job: HarnessJob) -> Iterator[None]:
    """Report how many samples are done while the block runs, by the size of an output."""
    on_sample = job.on_sample
    if on_sample is None or job.sample_bytes <= 0 or not isinstance(executor, Watchable):
        yield
        return
    over = threading.Event()

    def follow() -> None:
        while not over.wait(FOLLOW_S):
            on_sample(executor.written_bytes(output) // job.sample_bytes)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _get_from(executor: Executor, there: PurePosixPath) -> Get:
    return lambda name, local, limit_bytes: executor.get(there / name, local, limit_bytes=limit_bytes)


def _arguments(bundle: Bundle, job: HarnessJob, there: PurePosixPath, *, has_sensors: bool) -> list[str]:
    words: list[object] = ["--runtime", job.root / bundle.manifest.runtime.library, "--model", job.model]
    words += ["--result", there / "result.json", "--threads", job.threads]
    for name, path in job.inputs.items():
        words += ["--input", f"{name}={path}"]
    if job.benchmark is None or not job.spinning:
        words += ["--spinning", 0]
    if KINDS[bundle.manifest.runtime.name].halves and _is_fp16(bundle, job):
        words += ["--half", 1]
    if job.outputs:
        words += ["--outputs", there / "outputs"]
    if job.samples is not None:
        words += ["--samples", job.samples]
    elif job.benchmark is not None and not job.outputs:
        words += ["--samples", 1]  # one is timed; the others would count as the model's memory
    if job.profile is not None:
        words += ["--profile", there / PROFILE]
    if job.benchmark is not None:
        words += ["--warmup", job.benchmark.warmup, "--min-repetitions", job.benchmark.min_repetitions]
        words += ["--max-repetitions", max(job.benchmark.max_repetitions, job.benchmark.min_repetitions)]
        words += ["--min-duration-ns", round(job.benchmark.min_duration_s * 1e9)]
        if job.benchmark.target_error > 0:
            words += ["--target-error-ppm", max(1, round(job.benchmark.target_error * 1e6))]
            words += ["--max-duration-ns", round(job.benchmark.max_duration_s * 1e9)]
        if has_sensors:
            words += ["--hwmon", HWMON]
        if job.benchmark.cpus is not None:
            words += ["--cpus", job.benchmark.cpus]
    return [str(word) for word in words]


def _is_fp16(bundle: Bundle, job: HarnessJob) -> bool:
    return any(
        model.spec.precision is Precision.FP16 and job.root / model.path == job.model
        for model in bundle.manifest.models
    )


def _raise_for(command: CommandResult, name: str) -> None:
    """Raise the error for an end that the harness didn't choose itself."""
    if command.exit_code in HINTS:
        raise HarnessError(f"{name}: the harness couldn't run{_last_words(command)}", hint=HINTS[command.exit_code])
    number = -command.exit_code if command.exit_code < 0 else command.exit_code - SHELL_SIGNAL
    if not command.timed_out and number in CRASHES:
        raise HarnessError(f"{name}: the harness crashed with {Signals(number).name}{_last_words(command)}")
    command.check()


def _last_words(command: CommandResult) -> str:
    """Return the end of stderr, without what is no error."""
    lines = command.stderr.decode(errors="replace").splitlines()
    last = [line for line in lines if line.strip() and not line.startswith(CHATTER)][-3:]
    return "".join(f"\n  {one_line(line, 300)}" for line in last)


def _check_result(result: HarnessResult, bundle: Bundle, name: str, last_words: str) -> HarnessRun:
    if result.failure is not None:
        said = f"{result.failure.message}{last_words}"
        if found := next((found for pattern in NO_KERNEL if (found := pattern.search(said))), None):
            runtime = bundle.manifest.runtime
            raise UnsupportedOperator(
                model=name,
                operator=found["operator"].replace("'", ""),
                node=found.groupdict().get("node", ""),
                runtime=f"{runtime.title} for {bundle.manifest.triple}",
                hint=NO_KERNEL_HINTS.get(runtime.name),
            )
        raise HarnessError(f"{name}: failed at stage {result.failure.stage}: {said}")
    if result.run is None or result.runtime is None:
        raise HarnessError(f"{name}: the result contains neither a run nor a failure")
    return result.run


def _fetch_profile(get: Get, run: HarnessRun, here: Path, local: Path, name: str) -> None:
    """Fetch the profile.

    The runtime adds a date to the given prefix; only the file name of the reported path is used.
    """
    file = PurePosixPath(run.profile or "").name
    if not file.startswith(PROFILE):
        raise HarnessError(f"{name}: the harness wrote no profile")
    get(file, here / file, SIZE_LIMIT_BYTES)
    shutil.copyfile(here / file, local)


def _fetch_outputs(get: Get, run: HarnessRun, here: Path, name: str) -> Outputs:
    outputs: Outputs = {}
    for index, tensor in enumerate(run.outputs):
        local = here / "outputs" / f"{index}.bin"
        wanted_bytes = _size_of(tensor, run.samples, name)
        try:
            get(f"outputs/{index}.bin", local, wanted_bytes + 1)
        except TransferError as error:
            raise HarnessError(f"{name}: output {tensor.name!r} of {wanted_bytes} bytes: {error.message}") from error
        outputs[tensor.name] = _read_tensor(local, tensor, run.samples, name)
    return outputs


def _size_of(tensor: TensorSpec, samples: int, name: str) -> int:
    """Return the size of an output in bytes, which limits the transfer."""
    if not DTYPE.fullmatch(tensor.dtype):
        raise HarnessError(f"{name}: output {tensor.name!r} has the unknown type {tensor.dtype!r}")
    # Python's integers don't overflow, however large the dimensions in the file are.
    wanted: int = samples * np.dtype(tensor.dtype).itemsize
    for dimension in tensor.shape:
        wanted *= dimension
    if not 0 <= wanted <= OUTPUT_LIMIT_BYTES:
        raise HarnessError(f"{name}: output {tensor.name!r} would have {wanted} bytes")
    return wanted


def _read_tensor(path: Path, tensor: TensorSpec, samples: int, name: str) -> npt.NDArray[np.generic]:
    """Return (samples · first dimension, …): the samples joined along the model's batch axis."""
    wanted = _size_of(tensor, samples, name)
    if path.stat().st_size != wanted:
        raise HarnessError(
            f"{name}: output {tensor.name!r} has {path.stat().st_size} bytes, its shape requires {wanted}"
        )
    array = np.fromfile(path, dtype=np.dtype(tensor.dtype).newbyteorder("<"))
    return array.reshape((samples * tensor.shape[0], *tensor.shape[1:]) if tensor.shape else (samples,))


def input_paths(inputs: Mapping[str, str], root: PurePosixPath = BUNDLE) -> dict[str, PurePosixPath]:
    """Return the path of each input in the work folder by its name."""
    return {name: root / path for name, path in inputs.items()}


def finite_outputs(outputs: Sequence[npt.NDArray[np.generic]]) -> bool:
    """Return whether every float output is finite."""
    return all(bool(np.isfinite(array).all()) for array in outputs if np.issubdtype(array.dtype, np.floating))
