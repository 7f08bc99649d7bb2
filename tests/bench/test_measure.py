"""A real bundle measured in each place."""

from __future__ import annotations

import numpy as np
import pytest

from edgetool.bench.measure import Measurement, measure, preflight, put_bundle, selftest
from edgetool.bundles import Bundle
from edgetool.executors.registry import open_executor
from edgetool.models.evaluate import open_session, run_session
from edgetool.models.images import ImageSet
from edgetool.models.spec import ModelArtifact
from edgetool.steps import Place


@pytest.fixture(scope="session")
def measured(bundle: Bundle, place: Place) -> list[Measurement]:
    """Self-test, preflight and both models of the bundle, in one work folder."""
    with open_executor(place.target) as executor:
        put_bundle(executor, bundle)
        assert selftest(executor, bundle) > 30
        assert preflight(executor, bundle, place.target) == {}
        return [measure(executor, bundle, place.target, model) for model in bundle.manifest.models]


def test_each_model_has_a_record_that_says_where_it_was_taken(measured: list[Measurement], place: Place) -> None:
    assert [found.record.model.precision for found in measured] == ["fp32", "int8"]
    for found in measured:
        assert found.record.target == place.target.name
        assert found.record.triple == place.toolchain.triple
        assert found.record.emulated == (place.target.name != "host")
        assert found.record.environment.process.machine == place.toolchain.triple.partition("-")[0]


def test_the_runtime_that_was_loaded_is_the_bundles(measured: list[Measurement], place: Place) -> None:
    for found in measured:
        loaded = found.record.environment.runtime
        assert loaded.version == place.runtime.build.version
        assert loaded.library is not None
        assert loaded.library.endswith(place.runtime.build.library)


def test_as_many_samples_are_kept_as_were_asked_for(measured: list[Measurement], place: Place) -> None:
    for found in measured:
        assert len(found.record.samples_ns) == place.target.benchmark.min_repetitions
        assert len(found.record.warmup_ns) == place.target.benchmark.warmup
        assert min(found.record.samples_ns) > 0
        assert found.record.session_load_ns > 0


def test_the_process_memory_is_that_of_the_harness(measured: list[Measurement]) -> None:
    for found in measured:
        assert found.record.peak_rss_bytes is not None
        assert 1_000_000 < found.record.peak_rss_bytes < 2_000_000_000


def test_fp32_outputs_equal_this_machines_python_runtime(
    measured: list[Measurement], tiny: ModelArtifact, images: ImageSet
) -> None:
    expected = run_session(open_session(tiny.path), images.inputs)[0].astype(np.float64)
    found = measured[0].outputs["logits"].astype(np.float64)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


def test_the_held_out_images_are_classified_as_their_labels_say(measured: list[Measurement], images: ImageSet) -> None:
    evaluation = measured[0].record.evaluation
    assert evaluation is not None
    assert (evaluation.images, evaluation.correct_of_first(len(images))) == (len(images), len(images))
    assert images.labels is not None
    assert evaluation.predictions == tuple(images.labels.tolist())


def test_int8_agrees_with_fp32_up_to_its_noise(measured: list[Measurement]) -> None:
    reference, found = (entry.outputs["logits"].astype(np.float64) for entry in measured)
    assert np.abs(found - reference).max() < 0.1 * np.abs(reference).max()
