"""Caveats that follow from one record."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgetool.harness.result import LoadedRuntime
from edgetool.models.spec import Precision
from edgetool.records.caveats import Caveat, caveats_of
from tests.support.records import environment, model_spec, record, runtime_identity

SAID = "rvv vlen=256 zvfh wide16: SpacemiT X60"


@pytest.mark.parametrize(
    ("precision", "triple", "said", "has_it"),
    [
        ("fp16", "riscv64-linux-gnu", SAID, False),
        ("fp16", "riscv64-linux-gnu", SAID.replace("zvfh ", ""), True),
        ("fp16", "riscv64-linux-gnu", "scalar tiled: no vectors", True),
        ("fp16", "riscv64-linux-gnu", None, True),
        ("fp16", "x86_64-linux-gnu", None, True),
        ("fp16", "aarch64-linux-gnu", None, False),
        ("fp32", "riscv64-linux-gnu", None, False),
    ],
)
def test_fp16_that_is_computed_in_fp32_is_said_to_be(
    precision: str, triple: str, said: str | None, *, has_it: bool
) -> None:
    loaded = LoadedRuntime(version="1.21.0", build_info=None, api_version=21, library=None, build_id=None, kernels=said)
    measured = record(
        model=replace(model_spec(), precision=Precision(precision)),
        triple=triple,
        environment=environment(runtime=loaded),
    )
    assert (Caveat.COMPUTED_IN_FP32 in caveats_of(measured)) is has_it


@pytest.mark.parametrize(("name", "has_it"), [("ime", True), ("wide32", False)])
def test_a_variant_that_cannot_run_is_not_what_was_measured(name: str, *, has_it: bool) -> None:
    said = f"{SAID} 710:8000000058000001:1000000049772200:32; ime cannot run here, no allowed CPU has it"
    loaded = LoadedRuntime(version="1.21.0", build_info=None, api_version=21, library=None, build_id=None, kernels=said)
    measured = record(runtime=runtime_identity(name=name), environment=environment(runtime=loaded))
    assert (Caveat.OTHER_KERNELS in caveats_of(measured)) is has_it
