"""What the cross-built ONNX Runtime computes under the emulator, beside the host's."""

from __future__ import annotations

import sys
import tempfile
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetool.bundles import Bundle, build_bundle
from edgetool.errors import HarnessError
from edgetool.harness.bench import put_bundle
from edgetool.harness.harness import BUNDLE, HarnessJob, HarnessOutcome, input_paths, run_harness
from edgetool.models import onnxfile, opsets
from edgetool.models.quantize import CalibrationFeeds
from edgetool.models.spec import ModelArtifact, ModelRequest, Precision
from edgetool.pipeline.images import ImageSource
from edgetool.pipeline.selftest import selftest_runtime
from edgetool.pipeline.steps import Kit, export, provision
from edgetool.platform.context import StepContext
from edgetool.platform.files import file_entries
from edgetool.platform.process import run_tool
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store, cache_root
from edgetool.runtimes.spec import Runtime, RuntimeBuild
from edgetool.runtimes.toolchains import build_harness, load_toolchain
from edgetool.targets.registry import load_target, open_executor
from edgetool.targets.spec import Target
from tests.integration.conftest import RELEASE

Array = npt.NDArray[np.generic]

API_VERSION = 21  # of the C interface, the same number as the release's
# Another order of summation and fused multiply-adds: some units in the seventh digit, times a layer's depth.
FP32_TOLERANCE = 1e-4
# A sum at a rounding boundary falls to either side; each layer can move an output by a step or two of 256.
INT8_TOLERANCE = 0.02
WIDTH, TOKENS = 32, 12


@pytest.fixture(scope="module")
def context() -> StepContext:
    return StepContext(store=Store(cache_root()), progress=Silent())


@pytest.fixture(scope="module")
def target() -> Target:
    return replace(load_target("qemu-riscv64"), runtime="crossbuild")


@pytest.mark.parametrize(
    "cpu",
    [
        "rv64,v=false",
        *(
            f"rv64,v=true,vlen={vlen},elen=64,vext_spec=v1.0,zvfh={zvfh}"
            for vlen in (128, 256, 512)
            for zvfh in ("off", "on")
        ),
    ],
)
def test_its_numbers_are_right_at_every_vector_length(
    built: Runtime, target: Target, context: StepContext, cpu: str
) -> None:
    there = replace(target, executor={**target.executor, "cpu": cpu})
    build, held = selftest_runtime(there, context)
    assert build.version == built.build.version
    assert held > 0


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A place and a bundle that brings its runtime there."""

    target: Target
    bundle: Bundle

    def run(self, sample: Sample) -> HarnessOutcome:
        with tempfile.TemporaryDirectory(prefix="edgetool-") as scratch, open_executor(self.target) as executor:
            folder = Path(scratch) / "sample"
            folder.mkdir()
            onnx.save(sample.model, folder / "model.onnx")
            names = {name: f"{index}.bin" for index, name in enumerate(sample.inputs)}
            for name, array in sample.inputs.items():
                array.tofile(folder / names[name])
            put_bundle(executor, self.bundle)
            executor.put(folder, PurePosixPath("sample"))
            job = HarnessJob(
                model=PurePosixPath("sample/model.onnx"),
                inputs=input_paths(names, PurePosixPath("sample")),
                threads=1,
                timeout_s=600.0,
                outputs=True,
            )
            return run_harness(executor, self.bundle, job, name=sample.name)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A model and what goes into it."""

    name: str
    model: onnx.ModelProto
    inputs: dict[str, Array]
    tolerance: float = FP32_TOLERANCE


def stage(target: Target, runtime: Runtime, harness: Path, folder: Path) -> Stage:
    model = folder / "model.onnx"
    onnx.save(lstm().model, model)
    spec = onnxfile.describe(
        model, name="lstm", precision=Precision.FP32, weights="random", accuracy_means_something=False
    )
    bundle = build_bundle(
        folder / "bundle",
        models=[ModelArtifact(path=model, spec=spec)],
        runtime=runtime,
        harness=harness,
        toolchain=load_toolchain(target.triple),
        images=None,
    )
    return Stage(target=target, bundle=bundle)


@pytest.fixture(scope="module")
def target_stage(
    built: Runtime, target: Target, context: StepContext, tmp_path_factory: pytest.TempPathFactory
) -> Stage:
    kit: Kit = provision(target, context)
    if kit.runtime.build.variant != built.build.variant:
        raise RuntimeError(f"{kit.runtime.build.variant} was provisioned, not {built.build.variant}")
    return stage(target, kit.runtime, kit.harness, tmp_path_factory.mktemp("there"))


@pytest.fixture(scope="module")
def host_stage(built: Runtime, context: StepContext, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """This machine with its makers' build of the same release."""
    toolchain = load_toolchain("native")
    wheel = toolchain.wheel
    if wheel is None:
        raise RuntimeError("the makers have no wheel for this machine")
    library = f"libonnxruntime.so.{built.build.version}"

    def make(folder: Path) -> None:
        wheels, lib = folder / "wheels", folder / "lib"
        lib.mkdir()
        options = ["--quiet", "--no-deps", "--only-binary=:all:", "--python-version=3.12", "--implementation=cp"]
        run_tool(
            [
                *(sys.executable, "-m", "pip", "download", *options),
                *(f"--platform={wheel.platform}", f"--dest={wheels}"),
                f"onnxruntime=={built.build.version}",
            ],
            log=context.store.root / "logs" / "reference.log",
            timeout_s=600,
        )
        with zipfile.ZipFile(min(wheels.glob("*.whl"))) as packed:
            (lib / library).write_bytes(packed.read(f"onnxruntime/capi/{library}"))

    root = context.store.entry("reference", {"version": built.build.version, "triple": toolchain.triple}, make).path
    build = RuntimeBuild(
        schema=RuntimeBuild.SCHEMA,
        name="onnxruntime",
        version=built.build.version,
        provider="wheel",
        variant="reference",
        triple=toolchain.triple,
        library=f"lib/{library}",
        loader=None,
        glibc=None,
        files=file_entries(root / "lib"),
        key="0" * 64,
    )
    harness = build_harness(toolchain, context.store)
    runtime = Runtime(root=root, build=build)
    return stage(load_target("host"), runtime, harness, tmp_path_factory.mktemp("here"))


def values(**shapes: tuple[int, ...]) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]


def constants(random: np.random.Generator, **shapes: tuple[int, ...]) -> list[onnx.TensorProto]:
    """Random weights of such a size that a layer's output is about as large as its input."""
    return [
        numpy_helper.from_array((random.standard_normal(shape) / np.sqrt(shape[-2:][0])).astype(np.float32), name)
        for name, shape in shapes.items()
    ]


def sample_of(
    name: str,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    weights: list[onnx.TensorProto],
    *,
    opset: int,
) -> Sample:
    graph = helper.make_graph(nodes, name, inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    random = np.random.default_rng(1)
    arrays: dict[str, Array] = {
        value.name: random.standard_normal([d.dim_value for d in value.type.tensor_type.shape.dim]).astype(np.float32)
        for value in inputs
    }
    return Sample(name=name, model=model, inputs=arrays)


def lstm() -> Sample:
    """Both directions, 7 steps."""
    random = np.random.default_rng(2)
    size, hidden = 10, 16
    weights = constants(random, W=(2, 4 * hidden, size), R=(2, 4 * hidden, hidden), B=(2, 8 * hidden))
    node = helper.make_node("LSTM", ["x", "W", "R", "B"], ["y"], hidden_size=hidden, direction="bidirectional")
    return sample_of("lstm", [node], values(x=(7, 1, size)), values(y=(7, 2, 1, hidden)), weights, opset=17)


def transformer(*, gelu_is_one_node: bool) -> Sample:
    """One head of attention and a feed-forward layer, each after a normalization and with a residual."""
    random = np.random.default_rng(3)
    square = (WIDTH, WIDTH)
    weights = constants(random, q=square, k=square, v=square, o=square, up=(WIDTH, 4 * WIDTH), down=(4 * WIDTH, WIDTH))
    numbers = {"one": np.ones(WIDTH), "nil": np.zeros(WIDTH), "root": WIDTH**0.5, "two": 2**0.5, "unit": 1, "half": 0.5}
    weights += [numpy_helper.from_array(np.asarray(number, np.float32), name) for name, number in numbers.items()]
    gelu = [
        ("Div", ["h", "two"], "h1"),
        ("Erf", ["h1"], "h2"),
        ("Add", ["h2", "unit"], "h3"),
        ("Mul", ["h", "h3"], "h4"),
    ]
    steps: list[tuple[str, list[str], str]] = [
        ("LayerNormalization", ["x", "one", "nil"], "n"),
        *(("MatMul", ["n", matrix], f"n{matrix}") for matrix in "qkv"),
        ("Transpose", ["nk"], "kt"),
        ("MatMul", ["nq", "kt"], "s0"),
        ("Div", ["s0", "root"], "s1"),
        ("Softmax", ["s1"], "s2"),
        ("MatMul", ["s2", "nv"], "a0"),
        ("MatMul", ["a0", "o"], "a1"),
        ("Add", ["x", "a1"], "r"),
        ("LayerNormalization", ["r", "one", "nil"], "m"),
        ("MatMul", ["m", "up"], "h"),
        *([("Gelu", ["h"], "g")] if gelu_is_one_node else [*gelu, ("Mul", ["h4", "half"], "g")]),
        ("MatMul", ["g", "down"], "d"),
        ("Add", ["r", "d"], "y"),
    ]
    nodes = [helper.make_node(operator, inputs, [output], name=output) for operator, inputs, output in steps]
    next(node for node in nodes if node.op_type == "Transpose").attribute.append(helper.make_attribute("perm", [1, 0]))
    shape = (TOKENS, WIDTH)
    name = "transformer with Gelu" if gelu_is_one_node else "transformer with Erf"
    return sample_of(name, nodes, values(x=shape), values(y=shape), weights, opset=20)


def quantized(folder: Path) -> Sample:
    """Two convolutions and a Gemm in QDQ form, seven-bit weights: eight-bit ones can saturate on the host."""
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    random = np.random.default_rng(4)
    weights = constants(random, w1=(16, 3, 3, 3), w2=(16, 1, 3, 3), matrix=(16, 10))
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["c1"], name="c1", pads=[1] * 4, strides=[2, 2]),
        helper.make_node("Relu", ["c1"], ["r1"], name="r1"),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], name="c2", pads=[1] * 4, group=16),
        helper.make_node("Relu", ["c2"], ["r2"], name="r2"),
        helper.make_node("GlobalAveragePool", ["r2"], ["p"], name="p"),
        helper.make_node("Flatten", ["p"], ["f"], name="f"),
        helper.make_node("Gemm", ["f", "matrix"], ["y"], name="y"),
    ]
    sample = sample_of("quantized", nodes, values(x=(1, 3, 32, 32)), values(y=(1, 10)), weights, opset=17)

    feeds = [{"x": random.standard_normal((1, 3, 32, 32)).astype(np.float32)} for _ in range(16)]
    onnx.save(sample.model, folder / "fp32.onnx")
    quant_pre_process(folder / "fp32.onnx", folder / "ready.onnx")
    quantize_static(
        folder / "ready.onnx",
        folder / "int8.onnx",
        CalibrationFeeds(feeds),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
    )
    return replace(sample, model=onnx.load(folder / "int8.onnx"), tolerance=INT8_TOLERANCE)


def vision(source: str, context: StepContext) -> Sample:
    """torchvision's model of that name with random weights."""
    pytest.importorskip("torchvision", reason='exporting needs `pip install "edgetool[export]"`')
    request = ModelRequest(source=source, weights="random", input_shape=(1, 3, 224, 224))
    made = export(request, ImageSource.choose(request, None, None), context, opset=opsets.DEFAULT_OPSET)
    image = np.random.default_rng(5).standard_normal((1, 3, 224, 224)).astype(np.float32)
    return Sample(name=source, model=onnx.load(made.path), inputs={made.spec.inputs[0].name: image})


def check_agreement(host_stage: Stage, target_stage: Stage, sample: Sample) -> None:
    expected, found = host_stage.run(sample).outputs, target_stage.run(sample).outputs
    assert expected.keys() == found.keys()
    for name, array in expected.items():
        largest = float(np.abs(array).max())
        assert largest > 0
        difference = float(np.abs(array.astype(np.float64) - found[name].astype(np.float64)).max()) / largest
        print(f"{sample.name}: {name} differs by {difference:.1e} of the largest value")
        assert difference <= sample.tolerance, f"{sample.name}: {name} differs by {difference:.1e} of the largest value"


@pytest.mark.parametrize("source", ["mobilenet_v2", "resnet18"])
def test_a_vision_model_gives_what_the_hosts_runtime_gives(
    host_stage: Stage, target_stage: Stage, context: StepContext, source: str
) -> None:
    check_agreement(host_stage, target_stage, vision(source, context))


@pytest.mark.parametrize("gelu_is_one_node", [True, False])
def test_a_transformer_block_gives_what_the_hosts_runtime_gives(
    host_stage: Stage, target_stage: Stage, gelu_is_one_node: bool
) -> None:
    check_agreement(host_stage, target_stage, transformer(gelu_is_one_node=gelu_is_one_node))


def test_an_lstm_gives_what_the_hosts_runtime_gives(host_stage: Stage, target_stage: Stage) -> None:
    check_agreement(host_stage, target_stage, lstm())


def test_a_quantized_model_gives_what_the_hosts_runtime_gives(
    host_stage: Stage, target_stage: Stage, tmp_path: Path
) -> None:
    check_agreement(host_stage, target_stage, quantized(tmp_path))


def test_an_exception_within_it_arrives_as_an_error(target_stage: Stage) -> None:
    nodes = [helper.make_node("Cast", ["s"], ["shape"], to=TensorProto.INT64)]
    nodes.append(helper.make_node("Reshape", ["x", "shape"], ["y"]))
    sample = sample_of("reshaped", nodes, values(x=(6,), s=(2,)), [], [], opset=17)
    sample.model.graph.output.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, None]))
    sample.inputs["s"] = np.asarray([4, 4], np.float32)
    with pytest.raises(HarnessError, match="cannot be reshaped to the requested shape"):
        target_stage.run(sample)


def test_it_offers_the_interface_of_its_release(target_stage: Stage) -> None:
    runtime = target_stage.run(lstm()).result.runtime
    assert runtime is not None
    assert (runtime.version, runtime.api_version) == (RELEASE, API_VERSION)


def test_it_says_nothing_when_a_session_is_made(target_stage: Stage) -> None:
    with open_executor(target_stage.target) as executor:
        put_bundle(executor, target_stage.bundle)
        words = ["--runtime", BUNDLE / target_stage.bundle.manifest.runtime.library, "--threads", "1"]
        words += ["--model", BUNDLE / target_stage.bundle.manifest.models[0].path, "--result", "result.json"]
        done = executor.run([*target_stage.bundle.command(BUNDLE), *map(str, words)], timeout_s=120.0).check()
    assert done.stderr == b""
