"""A real bundle measured in each place."""

from __future__ import annotations

import numpy as np
import pytest

from edgetool.bundles import Bundle
from edgetool.harness.bench import preflight, put_bundle, selftest
from edgetool.models.evaluate import open_session, run_session
from edgetool.models.images import ImageSet
from edgetool.models.spec import ModelArtifact
from edgetool.pipeline.steps import Kit
from edgetool.records.measure import measure
from edgetool.records.record import Recorded
from edgetool.targets.registry import open_executor
from tests.support.bundles import bench_of


@pytest.fixture(scope="session")
def records(bundle: Bundle, kit: Kit) -> list[Recorded]:
    """Both models of the bundle, in one work folder."""
    with bench_of(open_executor(kit.target), bundle, kit.target) as bench:
        return [measure(bench, model) for model in bundle.manifest.models]


def test_the_runtime_computes_right_and_has_every_kernel(bundle: Bundle, kit: Kit) -> None:
    with open_executor(kit.target) as executor:
        put_bundle(executor, bundle)
        assert selftest(executor, bundle) > 30
        assert preflight(executor, bundle, kit.target) == {}


def test_each_model_has_a_record_that_says_where_it_was_taken(records: list[Recorded], kit: Kit) -> None:
    assert [found.record.subject.precision for found in records] == ["fp32", "int8"]
    for found in records:
        assert found.record.subject.target == kit.target.name
        assert found.record.subject.triple == kit.toolchain.triple
        assert found.record.emulated == (kit.target.name != "host")
        assert found.record.environment.process.machine == kit.toolchain.triple.partition("-")[0]


def test_the_runtime_that_was_loaded_is_the_bundles(records: list[Recorded], kit: Kit) -> None:
    for found in records:
        loaded = found.record.environment.runtime
        assert loaded is not None
        assert loaded.version == kit.runtime.build.version
        assert loaded.library is not None
        assert loaded.library.endswith(kit.runtime.build.library)


def test_as_many_samples_are_kept_as_were_asked_for(records: list[Recorded], kit: Kit) -> None:
    for found in records:
        timing = found.record.timing
        assert timing is not None
        assert len(timing.samples_ns) == kit.target.benchmark.min_repetitions
        assert len(timing.warmup_ns) == kit.target.benchmark.warmup
        assert min(timing.samples_ns) > 0
        assert timing.session_load_ns > 0


def test_the_process_memory_is_that_of_the_harness(records: list[Recorded]) -> None:
    for found in records:
        assert found.record.timing is not None
        assert found.record.timing.peak_rss_bytes is not None
        assert 1_000_000 < found.record.timing.peak_rss_bytes < 2_000_000_000


def test_fp32_outputs_equal_this_machines_python_runtime(
    records: list[Recorded], tiny: ModelArtifact, images: ImageSet
) -> None:
    expected = run_session(open_session(tiny.path), images.inputs)[0].astype(np.float64)
    found = records[0].outputs["logits"].astype(np.float64)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


def test_the_held_out_images_are_classified_as_their_labels_say(records: list[Recorded], images: ImageSet) -> None:
    evaluation = records[0].record.accuracy
    assert evaluation is not None
    assert (evaluation.images, evaluation.correct_of_first(len(images))) == (len(images), len(images))
    assert images.labels is not None
    assert evaluation.predictions == tuple(images.labels.tolist())


def test_int8_agrees_with_fp32_up_to_its_noise(records: list[Recorded]) -> None:
    reference, found = (entry.outputs["logits"].astype(np.float64) for entry in records)
    assert np.abs(found - reference).max() < 0.1 * np.abs(reference).max()
