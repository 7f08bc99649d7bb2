"""The harness in C against the real runtime, under the sanitizers."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper

from edgetool.bench.record import HarnessResult
from edgetool.models.evaluate import open_session
from edgetool.platform.documents import read_document
from edgetool.platform.elf import read_elf
from edgetool.platform.process import Completed, run_process, run_tool
from tests.support import SHAPE, save_model, tiny_graph, tiny_inputs

SAMPLES = 3
# The runtime keeps what it made until the process ends.
ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=1", "LSAN_OPTIONS": "suppressions=suppressions"}


class Bench:
    """A folder with the tiny model and its input, and a harness to start in it."""

    def __init__(self, folder: Path, harness: Path, library: Path) -> None:
        self.folder = folder
        self.harness = harness
        self.library = library
        save_model(folder / "model.onnx", tiny_graph())
        tiny_inputs(SAMPLES).tofile(folder / "input.bin")
        (folder / "outputs").mkdir()
        (folder / "suppressions").write_text("leak:libonnxruntime\n")

    def run(self, *words: object, **options: object) -> Completed:
        """Start it; `options` replace --runtime, --model and --result, None leaves one out."""
        whole = {"runtime": self.library, "model": "model.onnx", "result": "result.json", **options}
        named = [word for name, value in whole.items() if value is not None for word in (f"--{name}", value)]
        argv = [str(word) for word in (self.harness, *named, *words)]
        return run_process(argv, cwd=self.folder, env=ENVIRONMENT, timeout_s=120)

    def result(self, *words: object, **options: object) -> HarnessResult:
        """Of a start that must end well."""
        done = self.run(*words, **options)
        assert done.exit_code == 0, done.stderr.decode()
        return self.written()

    def failure(self, *words: object, **options: object) -> tuple[str, str]:
        """Stage and message of a start that must fail, and that carries no time."""
        done = self.run(*words, **options)
        assert done.exit_code == 1, done.stderr.decode()
        written = self.written()
        assert written.run is None
        assert written.failure is not None
        return written.failure.stage, written.failure.message

    def written(self) -> HarnessResult:
        return read_document(self.folder / "result.json", HarnessResult)

    def output(self, index: int, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> npt.NDArray[Any]:
        return np.fromfile(self.folder / "outputs" / f"{index}.bin", dtype=dtype).reshape(shape)


@pytest.fixture
def bench(tmp_path: Path, checked_harness: Path, library: Path) -> Bench:
    return Bench(tmp_path, checked_harness, library)


INPUT = ("--input", "input=input.bin")


def test_a_model_can_be_loaded_without_being_run(bench: Bench) -> None:
    result = bench.result()
    assert result.run is not None
    assert result.run.session_load_ns > 0
    assert (result.run.samples_ns, result.run.first_run_ns, result.run.outputs) == ((), None, ())


def test_the_runtime_that_was_loaded_is_described(bench: Bench) -> None:
    loaded = bench.result().runtime
    assert loaded is not None
    assert bench.library.name.endswith(loaded.version)
    assert loaded.library == str(bench.library)
    assert loaded.build_info


def test_a_runtime_that_does_not_name_its_kernels_is_unknown(bench: Bench) -> None:
    loaded = bench.result().runtime
    assert loaded is not None
    assert loaded.kernels is None


NAMING = """
#include <string.h>
const char *EdgetoolKernels(void) {
  static char text[1024];
  memset(text, 'v', sizeof text - 1);
  memcpy(text, "rvv vlen=256 ", 13);
  return text;
}
"""


def test_a_runtimes_words_on_its_kernels_are_kept_to_a_length(bench: Bench) -> None:
    (bench.folder / "naming.c").write_text(NAMING)
    naming = bench.folder / "libnaming.so"  # around the real one, whose symbols it passes on
    (bench.folder / (read_elf(bench.library).soname or bench.library.name)).symlink_to(bench.library)
    words: list[str | Path] = ["-shared", "-fPIC", "-o", naming, bench.folder / "naming.c"]
    words += ["-Wl,--no-as-needed", bench.library, f"-Wl,-rpath,{bench.folder}"]
    run_tool(["cc", *words], log=bench.folder / "cc.log", timeout_s=60)
    loaded = bench.result(runtime=naming).runtime
    assert loaded is not None
    assert loaded.kernels == "rvv vlen=256 ".ljust(255, "v")


def test_the_environment_is_described(bench: Bench) -> None:
    found = bench.result().environment
    assert found.machine == os.uname().machine
    assert found.kernel == os.uname().release
    assert found.processors_allowed == len(os.sched_getaffinity(0))


def test_every_repetition_is_kept_when_the_number_decides(bench: Bench) -> None:
    run = bench.result(*INPUT, "--warmup", 2, "--min-repetitions", 7).run
    assert run is not None
    assert (len(run.warmup_ns), len(run.samples_ns)) == (2, 7)
    assert min(run.samples_ns) > 0
    assert run.first_run_ns is not None
    assert run.peak_rss_bytes is not None
    assert run.peak_rss_bytes > 1_000_000


def test_repetitions_go_on_until_the_duration_is_reached(bench: Bench) -> None:
    run = bench.result(*INPUT, "--min-repetitions", 1, "--min-duration-ns", 100_000_000).run
    assert run is not None
    assert len(run.samples_ns) > 1
    # The loop's own work between two samples is not in them.
    assert sum(run.samples_ns) > 50_000_000


def test_repetitions_end_at_their_largest_number(bench: Bench) -> None:
    words = ("--min-repetitions", 1, "--max-repetitions", 4, "--min-duration-ns", 10**15)
    run = bench.result(*INPUT, *words).run
    assert run is not None
    assert len(run.samples_ns) == 4


def test_outputs_equal_those_of_python_bit_for_bit(bench: Bench) -> None:
    run = bench.result(*INPUT, "--outputs", "outputs").run
    assert run is not None
    (logits,) = run.outputs
    assert (logits.name, logits.dtype, logits.shape, run.samples) == ("logits", "float32", (1, 10), SAMPLES)
    session = open_session(bench.folder / "model.onnx")
    expected = [session.run(None, {"input": sample[np.newaxis]})[0] for sample in tiny_inputs(SAMPLES)]
    assert bench.output(0, (SAMPLES, 1, 10)).tobytes() == np.stack(expected).tobytes()


def test_several_inputs_and_outputs_of_several_types_keep_their_order(bench: Bench) -> None:
    nodes = [
        helper.make_node("Cast", ["a"], ["wide"], to=TensorProto.INT64),
        helper.make_node("Not", ["b"], ["turned"]),
        helper.make_node("Identity", ["c"], ["same"]),
    ]
    types = {"a": TensorProto.INT8, "b": TensorProto.BOOL, "c": TensorProto.DOUBLE}
    results = {"wide": TensorProto.INT64, "turned": TensorProto.BOOL, "same": TensorProto.DOUBLE}
    graph = helper.make_graph(
        nodes,
        "types",
        [helper.make_tensor_value_info(name, kind, [2]) for name, kind in types.items()],
        [helper.make_tensor_value_info(name, kind, [2]) for name, kind in results.items()],
    )
    save_model(
        bench.folder / "types.onnx",
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
    )
    arrays = {"a": np.array([-3, 4], np.int8), "b": np.array([True, False]), "c": np.array([0.5, -1e300])}
    words = []
    for name, array in arrays.items():
        array.tofile(bench.folder / f"{name}.bin")
        words += ["--input", f"{name}={name}.bin"]
    run = bench.result(*words, "--outputs", "outputs", model="types.onnx").run
    assert run is not None
    assert [(entry.name, entry.dtype) for entry in run.outputs] == [
        ("wide", "int64"),
        ("turned", "bool"),
        ("same", "float64"),
    ]
    assert bench.output(0, (2,), np.int64).tolist() == [-3, 4]
    assert bench.output(1, (2,), np.bool_).tolist() == [False, True]
    assert bench.output(2, (2,), np.float64).tolist() == [0.5, -1e300]


@pytest.mark.parametrize("name", ["größe", 'quote"d', "back\\slash", "日本", "a=b", "tab\there"])
def test_a_tensors_name_comes_back_as_it_is(bench: Bench, name: str) -> None:
    save_model(bench.folder / "named.onnx", tiny_graph(names=(name, f"{name} out")))
    run = bench.result("--input", f"{name}=input.bin", "--outputs", "outputs", model="named.onnx").run
    assert run is not None
    assert ([entry.name for entry in run.inputs], [entry.name for entry in run.outputs]) == ([name], [f"{name} out"])


def test_no_more_samples_are_read_than_asked_for(bench: Bench) -> None:
    run = bench.result(*INPUT, "--outputs", "outputs", "--samples", 2).run
    assert run is not None
    assert run.samples == 2
    assert (bench.folder / "outputs" / "0.bin").stat().st_size == 2 * 10 * 4


def test_a_model_that_is_not_there_fails_at_its_session(bench: Bench) -> None:
    stage, message = bench.failure(model="absent.onnx")
    assert stage == "session"
    assert "absent.onnx" in message


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\x08\x08" * 1000])
def test_a_file_that_is_no_model_fails_at_its_session(bench: Bench, data: bytes) -> None:
    (bench.folder / "broken.onnx").write_bytes(data)
    assert bench.failure(model="broken.onnx")[0] == "session"


def test_a_library_that_is_not_there_fails_at_the_runtime(bench: Bench) -> None:
    stage, message = bench.failure(runtime="./absent.so")
    assert stage == "runtime"
    assert "absent.so" in message


def test_a_library_that_is_another_fails_at_the_runtime(bench: Bench) -> None:
    stage, message = bench.failure(runtime="libm.so.6")
    assert (stage, message) == ("runtime", "libm.so.6 does not export OrtGetApiBase")


def test_an_input_without_a_file_fails_at_the_inputs(bench: Bench) -> None:
    assert bench.failure("--min-repetitions", 1) == ("inputs", "an input of the model has no --input")


@pytest.mark.parametrize("size", [0, 1, 4 * int(np.prod(SHAPE)) - 1, 4 * int(np.prod(SHAPE)) + 1])
def test_an_input_of_the_wrong_size_fails_at_the_inputs(bench: Bench, size: int) -> None:
    (bench.folder / "input.bin").write_bytes(bytes(size))
    stage, message = bench.failure(*INPUT, "--min-repetitions", 1)
    assert stage == "inputs"
    assert "input.bin" in message


@pytest.mark.parametrize("name", ["absent.bin", "outputs"])
def test_an_input_that_cannot_be_read_fails_at_the_inputs(bench: Bench, name: str) -> None:
    stage, message = bench.failure("--input", f"input={name}", "--min-repetitions", 1)
    assert stage == "inputs"
    assert name in message


def test_a_free_dimension_fails_at_the_model(bench: Bench) -> None:
    save_model(bench.folder / "free.onnx", tiny_graph(("n", *SHAPE[1:])))
    assert bench.failure(*INPUT, "--min-repetitions", 1, model="free.onnx") == ("model", "dimension 0 is dynamic")


def test_an_input_that_is_no_tensor_fails_at_the_model(bench: Bench) -> None:
    sequence = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, None)
    graph = helper.make_graph(
        [helper.make_node("SequenceLength", ["s"], ["n"])],
        "sequence",
        [sequence],
        [helper.make_tensor_value_info("n", TensorProto.INT64, [])],
    )
    save_model(
        bench.folder / "s.onnx", helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    )
    assert bench.failure(model="s.onnx") == ("model", "an input is not a tensor")


def test_text_has_no_fixed_width(bench: Bench) -> None:
    graph = helper.make_graph(
        [helper.make_node("Identity", ["t"], ["u"])],
        "text",
        [helper.make_tensor_value_info("t", TensorProto.STRING, [1])],
        [helper.make_tensor_value_info("u", TensorProto.STRING, [1])],
    )
    save_model(
        bench.folder / "t.onnx", helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    )
    assert bench.failure(model="t.onnx")[0] == "model"


def test_a_model_without_inputs_runs(bench: Bench) -> None:
    value = helper.make_tensor("value", TensorProto.FLOAT, [2], [1.0, 2.0])
    graph = helper.make_graph(
        [helper.make_node("Constant", [], ["c"], value=value)],
        "constant",
        [],
        [helper.make_tensor_value_info("c", TensorProto.FLOAT, [2])],
    )
    save_model(
        bench.folder / "c.onnx", helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    )
    bench.result("--outputs", "outputs", "--min-repetitions", 2, model="c.onnx")
    assert bench.output(0, (2,)).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("size", [1, 65])
def test_more_outputs_than_we_keep_are_refused(bench: Bench, size: int) -> None:
    nodes = [helper.make_node("Identity", ["x"], [f"y{i}"]) for i in range(size)]
    graph = helper.make_graph(
        nodes,
        "many",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info(f"y{i}", TensorProto.FLOAT, [1]) for i in range(size)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, bench.folder / "many.onnx")
    if size <= 64:
        assert bench.result(model="many.onnx").failure is None
    else:
        assert bench.failure(model="many.onnx") == ("model", "the model has more than 64 inputs or outputs")


@pytest.mark.parametrize(
    "words",
    [
        ("--colour", "red"),
        ("--threads",),
        ("--threads", "two"),
        ("--threads", ""),
        ("--threads", "-1"),
        ("--warmup", "99999999999999999999"),
        ("--min-repetitions", "3x"),
        ("--input", "input.bin"),
        ("--input",),
        ("--input", "a=b") * 65,
        ("stray",),
    ],
)
def test_a_bad_command_line_ends_with_2_and_the_usage(bench: Bench, words: tuple[str, ...]) -> None:
    done = bench.run(*words)
    assert done.exit_code == 2
    assert b"usage: edgetool-harness" in done.stderr
    assert not (bench.folder / "result.json").exists()


@pytest.mark.parametrize("missing", ["runtime", "model", "result"])
def test_what_is_required_is_required(bench: Bench, missing: str) -> None:
    done = bench.run(**{missing: None})
    assert done.exit_code == 2
    assert b"usage: edgetool-harness" in done.stderr


@pytest.mark.parametrize("result", ["absent/result.json", "outputs", "/proc/result.json"])
def test_a_result_that_cannot_be_written_ends_with_3(bench: Bench, result: str) -> None:
    done = bench.run(result=result)
    assert done.exit_code == 3
    assert b"cannot write" in done.stderr


def test_a_disk_that_is_full_ends_with_3_and_leaves_no_result(bench: Bench) -> None:
    (bench.folder / "result.json.partial").symlink_to("/dev/full")
    assert bench.run().exit_code == 3
    assert not (bench.folder / "result.json").exists()


def test_outputs_that_cannot_be_written_fail_at_the_outputs(bench: Bench) -> None:
    assert bench.failure(*INPUT, "--outputs", "absent")[0] == "outputs"
    (bench.folder / "outputs" / "0.bin").symlink_to("/dev/full")
    stage, message = bench.failure(*INPUT, "--outputs", "outputs")
    assert stage == "outputs"
    assert "disk full" in message


def test_the_process_can_be_kept_on_one_processor(bench: Bench) -> None:
    allowed = sorted(os.sched_getaffinity(0))
    assert bench.result("--cpus", allowed[-1]).environment.processors_allowed == 1


@pytest.mark.parametrize("cpus", ["", "x", "1-", "-1", "3-1", "0,", "0,,1", "9999999", "1023", "0 1", "0x1"])
def test_a_list_of_processors_that_makes_no_sense_fails(bench: Bench, cpus: str) -> None:
    assert bench.failure("--cpus", cpus)[0] == "cpus"


def test_a_profile_is_written_and_named(bench: Bench) -> None:
    run = bench.result(*INPUT, "--min-repetitions", 2, "--profile", "profile").run
    assert run is not None
    assert run.profile is not None
    events = json.loads((bench.folder / run.profile).read_text())
    assert {"Conv", "Gemm"} & {event.get("args", {}).get("op_name", "").removeprefix("Fused") for event in events}


def test_the_graph_that_runs_is_written(bench: Bench) -> None:
    bench.result("--optimized-model", "optimized.onnx")
    assert onnx.load(bench.folder / "optimized.onnx").graph.node


def test_more_repetitions_than_memory_holds_fail(bench: Bench) -> None:
    words = ("--min-repetitions", 1, "--max-repetitions", 2**62)
    environment = {**ENVIRONMENT, "ASAN_OPTIONS": "allocator_may_return_null=1"}
    options = ["--runtime", bench.library, "--model", "model.onnx", "--result", "result.json", *INPUT, *words]
    argv = [str(word) for word in (bench.harness, *options)]
    assert run_process(argv, cwd=bench.folder, env=environment, timeout_s=60).exit_code == 1
    failure = bench.written().failure
    assert failure is not None
    assert "memory" in failure.message


def test_a_killed_harness_leaves_no_result(bench: Bench) -> None:
    words = ("--min-repetitions", 1, "--min-duration-ns", 10**15, "--max-repetitions", 10**8)
    options = ["--runtime", bench.library, "--model", "model.onnx", "--result", "result.json", *INPUT, *words]
    argv = [str(word) for word in (bench.harness, *options)]
    done = run_process(argv, cwd=bench.folder, env=ENVIRONMENT, timeout_s=2)
    assert (done.timed_out, done.exit_code) == (True, -signal.SIGTERM)
    assert not (bench.folder / "result.json").exists()
