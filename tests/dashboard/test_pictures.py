"""Pictures of a real bundle, and one of your own through its models."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from edgetool.bundles import Bundle
from edgetool.measurements.accuracy import Accuracy
from edgetool.models.evaluate import open_session, run_session
from edgetool.models.images import ImageSet
from edgetool.models.preprocessing import PictureInput
from edgetool.models.spec import ModelArtifact
from edgetool.pipeline.pictures import find_bundle, guess, held_out_inputs, target_nearby
from edgetool.pipeline.steps import Kit
from edgetool.platform.store import Store
from edgetool.reports.answers import answers, confusion


def test_a_bundle_is_found_by_its_id_with_its_images(store: Store, host_bundle: Bundle, images: ImageSet) -> None:
    found = find_bundle(store, host_bundle.manifest.id)
    assert found is not None
    inputs = held_out_inputs(found)
    assert inputs is not None
    np.testing.assert_array_equal(inputs, images.inputs)
    assert find_bundle(store, "0" * 64) is None


def test_a_picture_gets_the_class_that_the_model_gives_it(bundle: Bundle, kit: Kit, tiny: ModelArtifact) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    to_input = PictureInput(shape=tiny.spec.inputs[0].shape[1:])
    expected = run_session(open_session(tiny.path), to_input(picture)[np.newaxis])[0]
    fp32, int8 = guess(bundle, kit.target, picture, best=3)
    assert fp32.classes == tuple(np.argsort(-expected[0])[:3].tolist())
    assert 0 < sum(fp32.shares) <= 1
    assert int8.precision == "int8"


@pytest.mark.parametrize(("name", "near"), [("host", True), ("qemu-riscv64", True), ("visionfive2", False)])
def test_only_this_machine_and_its_emulators_take_a_picture(name: str, near: bool) -> None:
    assert (target_nearby(name) is not None) is near


@pytest.mark.parametrize("name", ["/etc/target.toml", "../host", "nobody"])
def test_a_record_names_no_target_file(name: str) -> None:
    assert target_nearby(name) is None


def accuracy(*predictions: int) -> Accuracy:
    return Accuracy(images=len(predictions), inputs_sha256="0" * 64, predictions=predictions, labels=(0, 1, 2, 3))


def test_changed_answers_come_first_then_wrong_ones() -> None:
    found = answers([accuracy(0, 2, 2, 3), accuracy(0, 2, 2, 0)])
    assert [answer.image for answer in found] == [3, 1, 0, 2]
    assert [answer.changed for answer in found] == [True, False, False, False]


def test_a_confusion_counts_images_by_label_and_class() -> None:
    assert confusion(accuracy(0, 2, 2, 2)) == {(0, 0): 1, (1, 2): 1, (2, 2): 1, (3, 2): 1}
