"""Each reader of foreign bytes against nearly right ones, for a second or two; `make fuzz` goes on."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutation import mutate
from tests.fuzz.readers import READERS, corpus, read, seeds
from tests.support.waiting import within

EXAMPLES = 150  # of a millisecond or a few each


@pytest.mark.parametrize("name", READERS)
def test_what_a_reader_is_for_it_reads(name: str) -> None:
    if name != "run":
        assert read(name, seeds()[name][0])


@pytest.mark.parametrize("name", READERS)
def test_bytes_that_are_nearly_right_are_read_or_refused(name: str) -> None:
    @settings(max_examples=EXAMPLES, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(seed=st.integers(0, 2**64))
    def attempt(seed: int) -> None:
        read(name, mutate(random.Random(seed), seeds()[name]))

    with within(120):
        attempt()


@pytest.mark.parametrize("name", READERS)
def test_any_bytes_are_read_or_refused(name: str) -> None:
    @settings(max_examples=EXAMPLES // 3, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(data=st.binary(max_size=2000))
    def attempt(data: bytes) -> None:
        read(name, data)

    with within(120):
        attempt()


def test_a_document_too_deep_for_the_parser_is_changed_too() -> None:
    deep = b"[" * 100_000
    assert len({mutate(random.Random(seed), [deep]) for seed in range(20)}) > 10


@pytest.mark.parametrize("name", READERS)
def test_what_fuzzing_has_kept_is_read_or_refused(name: str) -> None:
    for data in corpus(name):
        read(name, data)
