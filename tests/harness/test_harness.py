"""The harness in C against the real runtime, under the sanitizers."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgetool.errors import ConfigError
from edgetool.models.evaluate import open_session
from edgetool.platform.elf import read_elf
from edgetool.platform.process import run_tool
from tests.harness.bench import INPUT, SAMPLES, Bench
from tests.support.models import save_model, tiny_graph, tiny_inputs


def test_a_model_can_be_loaded_without_being_run(bench: Bench) -> None:
    result = bench.result()
    assert result.run is not None
    assert result.run.session_load_ns > 0
    assert (result.run.samples_ns, result.run.first_run_ns, result.run.outputs) == ((), None, ())


def test_the_runtime_that_was_loaded_is_described(bench: Bench) -> None:
    loaded = bench.result().runtime
    assert loaded is not None
    assert loaded.name == "onnxruntime"
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
    assert run.memory is not None
    assert run.memory.runtime_bytes is not None
    assert run.memory.session_bytes is not None
    assert run.memory.first_run_bytes is not None
    assert 1_000_000 < run.memory.runtime_bytes < run.memory.session_bytes <= run.peak_rss_bytes
    assert run.memory.first_run_bytes <= run.peak_rss_bytes


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


@pytest.mark.parametrize("name", ["größe", 'quote"d', "back\\slash", "日本", "a=b"])
def test_a_tensors_name_comes_back_as_it_is(bench: Bench, name: str) -> None:
    save_model(bench.folder / "named.onnx", tiny_graph(names=(name, f"{name} out")))
    run = bench.result("--input", f"{name}=input.bin", "--outputs", "outputs", model="named.onnx").run
    assert run is not None
    assert ([entry.name for entry in run.inputs], [entry.name for entry in run.outputs]) == ([name], [f"{name} out"])


def test_a_name_that_cannot_be_shown_is_refused(bench: Bench) -> None:
    save_model(bench.folder / "named.onnx", tiny_graph(names=("tab\there", "out")))
    with pytest.raises(ConfigError, match=r"run\.inputs\.0\.name: not a plain name"):
        bench.result("--input", "tab\there=input.bin", "--outputs", "outputs", model="named.onnx")


def test_no_more_samples_are_read_than_asked_for(bench: Bench) -> None:
    run = bench.result(*INPUT, "--outputs", "outputs", "--samples", 2).run
    assert run is not None
    assert run.samples == 2
    assert (bench.folder / "outputs" / "0.bin").stat().st_size == 2 * 10 * 4


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


def test_the_process_can_be_kept_on_one_processor(bench: Bench) -> None:
    allowed = sorted(os.sched_getaffinity(0))
    assert bench.result("--cpus", allowed[-1]).environment.processors_allowed == 1


def test_a_profile_is_written_and_named(bench: Bench) -> None:
    run = bench.result(*INPUT, "--min-repetitions", 2, "--profile", "profile").run
    assert run is not None
    assert run.profile is not None
    events = json.loads((bench.folder / run.profile).read_text())
    assert {"Conv", "Gemm"} & {event.get("args", {}).get("op_name", "").removeprefix("Fused") for event in events}


def test_the_graph_that_runs_is_written(bench: Bench) -> None:
    bench.result("--optimized-model", "optimized.onnx")
    assert onnx.load(bench.folder / "optimized.onnx").graph.node
