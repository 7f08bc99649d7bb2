"""A sweep's file, the orders made of it, and which boards wait for each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgetool.bench.points import Point, PointResult
from edgetool.bundles import Bundle
from edgetool.errors import ConfigError, WrongMachine
from edgetool.executors.base import Target
from edgetool.models.spec import Precision
from edgetool.steps import Workshop
from edgetool.sweep.lanes import disturbs, lanes
from edgetool.sweep.orders import Order, bundle_orders, order_for, plan_orders
from edgetool.sweep.plan import read_plan
from tests.support import host_target

WHOLE = 'schema = 1\ntargets = ["host"]\n[[models]]\nsource = "tiny.onnx"\n'


def plan_file(folder: Path, text: str) -> Path:
    (folder / "sweep.toml").write_text(text)
    return folder / "sweep.toml"


def test_files_are_looked_for_beside_the_plan(tmp_path: Path) -> None:
    (model,) = read_plan(plan_file(tmp_path, WHOLE + 'calibration = "images.npz"\n')).models
    assert (model.source, model.calibration) == (str(tmp_path / "tiny.onnx"), str(tmp_path / "images.npz"))
    assert model.title == "tiny"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (WHOLE.replace("schema = 1", "schema = 9"), "schema: 9"),
        (WHOLE.replace('["host"]', "[]"), "targets"),
        (WHOLE.replace('["host"]', '["host", "host"]'), "targets: host is there twice"),
        (WHOLE + '[[models]]\nsource = "other/tiny.onnx"\n', "models: tiny is there twice"),
        (WHOLE.replace("[[", 'precisions = ["fp64"]\n[[', 1), "precisions.0"),
        (WHOLE.replace("[[", "threads = [0]\n[[", 1), "threads.0"),
        (WHOLE + "[benchmark]\nthreads = 2\n", "benchmark.threads"),
        (WHOLE + "[benchmark]\ncolour = 2\n", "colour"),
        (WHOLE.replace('"host"', '"toaster"'), "no target 'toaster'"),
    ],
)
def test_a_plan_that_does_not_fit_names_the_key(tmp_path: Path, workshop: Workshop, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        list(plan_orders(read_plan(plan_file(tmp_path, text)), workshop))


def test_every_combination_is_a_point_and_what_cannot_be_made_is_a_failure_of_its_own(
    tmp_path: Path, tiny_path: Path, images_path: Path, workshop: Workshop
) -> None:
    text = f"""schema = 1
targets = ["host", "qemu-riscv64"]
threads = [1, 2]
images = 4
[[models]]
source = "{tiny_path}"
calibration = "{images_path}"
[[models]]
source = "absent.onnx"
[[models]]
name = "uncalibrated"
source = "{tiny_path}"
"""
    points = list(plan_orders(read_plan(plan_file(tmp_path, text)), workshop))
    orders = [point for point in points if isinstance(point, Order)]
    failed = [point for point in points if isinstance(point, PointResult)]
    assert len(points) == 3 * 2 * 2 * 2
    assert [order.point.model for order in orders] == ["tiny"] * 8 + ["uncalibrated"] * 4
    assert len({order.key for order in orders}) == len(orders)
    reasons = {(r.point.model, r.point.precision): r.failure.error for r in failed if r.failure is not None}
    assert reasons == {
        ("absent", "fp32"): "ModelError",
        ("absent", "int8"): "ModelError",
        ("uncalibrated", "int8"): "QuantizeError",
    }


def test_a_key_follows_from_what_is_measured_and_not_from_what_it_is_called(host_bundle: Bundle) -> None:
    def key(point: Point, target: Target) -> str:
        return order_for(point, host_bundle, target).key

    target = host_target()
    point = Point(model="tiny", precision=Precision.FP32, target="host", threads=1)
    same = [key(replace(point, model="other"), target), key(point, replace(target, description="another"))]
    other = [
        key(replace(point, precision=Precision.INT8), target),
        key(point, replace(target, benchmark=replace(target.benchmark, threads=2))),
        key(point, replace(target, executor={"kind": "ssh", "host": "desk"})),
    ]
    assert set(same) == {key(point, target)}
    assert len({key(point, target), *other}) == 4


def test_a_bundle_goes_to_several_targets_of_its_own_triple_only(host_bundle: Bundle) -> None:
    orders = bundle_orders(host_bundle, ["host"], {"threads": 2})
    assert [(order.point.precision, order.point.threads) for order in orders] == [("fp32", 2), ("int8", 2)]
    alone = replace(host_bundle, manifest=replace(host_bundle.manifest, models=host_bundle.manifest.models[:1]))
    files = tuple(file for file in alone.manifest.files if "int8" not in file.path)
    alone = replace(alone, manifest=replace(alone.manifest, files=files, id="f" * 64))
    assert bundle_orders(alone, ["host"], {"threads": 2})[0].key == orders[0].key  # whatever else is in the bundle
    with pytest.raises(WrongMachine, match="qemu-riscv64 wants"):
        bundle_orders(host_bundle, ["host", "qemu-riscv64"], {})


def board(name: str, **executor: Any) -> Target:
    return host_target(name=name, executor=executor)


def test_targets_of_one_board_share_a_lane() -> None:
    boards = [board(name, kind="ssh", host=host) for name, host in (("a", "x"), ("b", "y"), ("slow-a", "x"))]
    assert lanes(boards) == (("a", "slow-a"), ("b",))


def test_emulated_boards_share_this_machines_processors() -> None:
    emulated = [board(name, kind=kind) for name, kind in (("a", "virtual"), ("b", "qemu"), ("c", "docker"))]
    assert lanes(emulated, processors=2) == (("a", "c"), ("b",))


def test_only_what_is_measured_in_this_machines_silicon_is_disturbed() -> None:
    host, emulated, desk = board("host", kind="local"), board("e", kind="virtual"), board("d", kind="ssh", host="d")
    assert disturbs(host, emulated)
    assert not any(disturbs(a, b) for a, b in ((emulated, host), (host, desk), (desk, emulated), (host, host)))
