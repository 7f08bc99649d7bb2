"""What the harness in C refuses, and how it fails, under the sanitizers."""

from __future__ import annotations

import signal

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgetool.platform.process import run_process, run_tool
from tests.harness.bench import ENVIRONMENT, INPUT, Bench
from tests.support.models import SHAPE, save_model, tiny_graph


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
    assert stage == "runtime"
    assert message == (
        "libm.so.6 is no runtime that the harness knows: it exports none of"
        " OrtGetApiBase, ncnn_net_create, TfLiteInterpreterCreate, LiteRtCreateCompiledModel"
    )


@pytest.mark.parametrize(
    ("symbol", "missing"),
    [("ncnn_net_create", "ncnn_version"), ("TfLiteInterpreterCreate", "TfLiteVersion")],
)
def test_a_library_that_lacks_a_function_is_named_with_it(bench: Bench, symbol: str, missing: str) -> None:
    (bench.folder / "part.c").write_text(f"void {symbol}(void) {{}}")
    run_tool(["cc", "-shared", "-o", "part.so", "part.c"], cwd=bench.folder, log=bench.folder / "cc.log", timeout_s=60)
    assert bench.failure(runtime="./part.so") == ("runtime", f"./part.so does not export {missing}")


def test_an_option_that_the_runtime_cannot_follow_is_refused(bench: Bench) -> None:
    assert bench.failure("--half", 1) == ("options", "--half is not possible with onnxruntime")


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


@pytest.mark.parametrize("cpus", ["", "x", "1-", "-1", "3-1", "0,", "0,,1", "9999999", "1023", "0 1", "0x1"])
def test_a_list_of_processors_that_makes_no_sense_fails(bench: Bench, cpus: str) -> None:
    assert bench.failure("--cpus", cpus)[0] == "cpus"


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
