"""Documents: what is read equals what was written, and what does not fit names the file and the key."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgetool.bundles import BundledInput, BundledModel, Manifest
from edgetool.errors import BuildError, ConfigError
from edgetool.models.spec import ModelSpec, TensorSpec
from edgetool.platform.documents import SIZE_LIMIT_BYTES, check_table, parse_value, read_document, to_json
from edgetool.platform.files import FileEntry
from edgetool.platform.foreign import one_line
from edgetool.platform.values import plain_name
from edgetool.records.record import Record
from edgetool.runtimes.spec import RuntimeBuild
from edgetool.targets.registry import read_target
from edgetool.targets.spec import BenchmarkSpec, EvaluationSpec, Target
from tests.support.records import record, runtime_identity

PRINTABLE = st.characters(exclude_categories=("C", "Z")) | st.just(" ")
NAMES = st.text(PRINTABLE, min_size=1, max_size=40)
TEXTS = st.text(max_size=40).map(one_line)  # what documents show is made one line as it is read
COUNTS = st.integers(0, 2**63 - 1)
POSITIVE = st.integers(1, 2**63 - 1)
HASHES = st.text("0123456789abcdef", min_size=64, max_size=64)
TENSORS = st.builds(TensorSpec, name=NAMES, dtype=NAMES, shape=st.lists(COUNTS, max_size=4).map(tuple))
MODELS = st.builds(
    ModelSpec,
    name=NAMES.map(plain_name),
    sha256=HASHES,
    size_bytes=POSITIVE,
    opset=POSITIVE,
    ir_version=POSITIVE,
    inputs=st.lists(TENSORS, max_size=3).map(tuple),
    outputs=st.lists(TENSORS, max_size=3).map(tuple),
    weights=TEXTS,
    parent=st.none() | HASHES,
    signal_to_noise_db=st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
ENTRIES = st.builds(FileEntry, path=NAMES, sha256=HASHES, size_bytes=COUNTS)
RUNTIMES = st.builds(
    RuntimeBuild,
    schema=st.just(1),
    name=NAMES,
    version=NAMES,
    provider=NAMES,
    variant=NAMES,
    triple=NAMES,
    library=NAMES,
    loader=st.none() | NAMES,
    glibc=st.none() | NAMES,
    files=st.lists(ENTRIES, max_size=3).map(tuple),
    flags=st.lists(TEXTS, max_size=3).map(tuple),
    key=HASHES,
)
MANIFESTS = st.builds(
    Manifest,
    schema=st.just(1),
    id=HASHES,
    triple=NAMES,
    elf_machine=NAMES,
    runtime=RUNTIMES,
    models=st.lists(st.builds(BundledModel, path=NAMES, spec=MODELS), min_size=1, max_size=2).map(tuple),
    inputs=st.lists(
        st.builds(BundledInput, path=NAMES, tensor=TENSORS, samples=POSITIVE, sha256=HASHES), max_size=2
    ).map(tuple),
    labels=st.none() | st.lists(st.integers(-(2**31), 2**31), max_size=4).map(tuple),
    files=st.lists(ENTRIES, min_size=1, max_size=3).map(tuple),
)
SAMPLES = st.lists(POSITIVE, min_size=1, max_size=20).map(tuple)
SECONDS = st.floats(0, 1000)
BENCHMARKS = st.builds(
    BenchmarkSpec,
    warmup=COUNTS,
    min_repetitions=POSITIVE,
    max_repetitions=st.integers(1, 1_000_000),
    min_duration_s=SECONDS,
    max_duration_s=SECONDS,
    target_error=st.floats(0, 1),
    threads=st.integers(1, 1024),
    cpus=st.none() | NAMES,
    timeout_s=SECONDS,
)


@given(manifest=MANIFESTS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_a_manifest_read_back_equals_the_one_written(manifest: Manifest) -> None:
    assert parse_value(Manifest, to_json(manifest), where="manifest") == manifest


@given(
    samples=SAMPLES,
    started=st.datetimes(timezones=st.just(UTC)),
    model=MODELS,
    spec=BENCHMARKS,
    target=NAMES,
    run=TEXTS,
)
@settings(max_examples=40)
def test_a_record_read_back_equals_the_one_written(
    samples: tuple[int, ...], started: object, model: ModelSpec, spec: BenchmarkSpec, target: str, run: str
) -> None:
    written = record(
        samples_ns=samples,
        started_at=started,
        model=model,
        spec=spec,
        target=target,
        runtime=runtime_identity(title=run),
    )
    assert parse_value(Record, to_json(written), where="record") == written


@given(
    name=NAMES,
    description=TEXTS,
    spec=BENCHMARKS,
    images=COUNTS,
    executor=st.dictionaries(NAMES, TEXTS | st.integers(-(2**63), 2**63 - 1) | st.booleans(), max_size=4),
)
@settings(max_examples=40)
def test_a_target_read_back_equals_the_one_written(
    name: str, description: str, spec: BenchmarkSpec, images: int, executor: dict[str, object]
) -> None:
    written = Target(
        schema=1,
        name=name,
        description=description,
        triple=name,
        executor=executor,
        benchmark=spec,
        evaluation=EvaluationSpec(images=images),
    )
    assert parse_value(Target, to_json(written), where="target") == written


@given(data=st.binary(max_size=200) | st.text(max_size=200))
def test_no_bytes_at_all_raise_anything_but_the_error_asked_for(data: bytes | str) -> None:
    damaged = b"\0" + (data if isinstance(data, bytes) else data.encode())
    with pytest.raises(BuildError, match=r"^the board's file: "):
        parse_value(BenchmarkSpec, damaged, where="the board's file", error=BuildError)


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"threads": "two"}, "threads"),
        ({"threads": 1.5}, "threads"),
        ({"threads": True}, "threads"),
        ({"threads": 0}, "threads"),
        ({"min_repetitions": 2**63}, "min_repetitions"),
        ({"min_duration_s": float("nan")}, "min_duration_s"),
        ({"min_duration_s": float("inf")}, "min_duration_s"),
        ({"cpus": ""}, "cpus"),
        ({"repetitions": 3}, "repetitions"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(table: dict[str, object], key: str) -> None:
    with pytest.raises(ConfigError, match=rf"^my\.toml: {key}: "):
        check_table(BenchmarkSpec, table, where="my.toml")


def test_an_unknown_key_is_called_unknown() -> None:
    with pytest.raises(ConfigError, match=r"a\.toml: speed: unknown key"):
        check_table(BenchmarkSpec, {"speed": 3}, where="a.toml")


def test_a_missing_key_is_called_missing() -> None:
    with pytest.raises(ConfigError, match=r"a\.json: size_bytes: missing"):
        parse_value(FileEntry, '{"path": "x", "sha256": "%s"}' % ("0" * 64), where="a.json")


def test_a_key_inside_a_list_is_named_with_its_place() -> None:
    text = '[{"path": "x", "sha256": "%s", "size_bytes": -1}]' % ("0" * 64)
    with pytest.raises(ConfigError, match=r"a\.json: 0\.size_bytes: "):
        parse_value(tuple[FileEntry, ...], text, where="a.json")


def test_several_faults_are_counted() -> None:
    with pytest.raises(ConfigError, match="and 2 more"):
        parse_value(FileEntry, "{}", where="a.json")


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null", b"NaN"])
def test_what_is_no_json_document_names_its_file(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(text)
    with pytest.raises(BuildError, match=str(path)):
        read_document(path, FileEntry, error=BuildError)


@pytest.mark.parametrize(
    "text",
    [
        b"schema = ",
        b"\xff\xfe",
        b"schema = 1\nschema = 1",
        pytest.param(b"schema = " + b"9" * 5000, id="too many digits"),
        pytest.param(b"schema = " + b"[" * 50_000, id="nested too deeply"),
    ],
)
def test_what_is_no_toml_document_names_its_file(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(text)
    with pytest.raises(ConfigError, match=str(path)):
        read_document(path, BenchmarkSpec)


def test_a_date_where_text_belongs_names_file_and_key(tmp_path: Path) -> None:
    path = tmp_path / "dated.toml"
    path.write_text('schema = 1\ndescription = 2026-01-01\ntriple = "native"\n[executor]\nkind = "local"\n')
    with pytest.raises(ConfigError, match=rf"{path}: description"):
        read_target(path)


def test_a_file_larger_than_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(SIZE_LIMIT_BYTES + 1)
    with pytest.raises(ConfigError, match=r"large\.json is larger than 64 MiB"):
        read_document(path, FileEntry)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*absent\.json: No such file"):
        read_document(tmp_path / "absent.json", FileEntry)


def test_a_folder_in_a_files_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"cannot read {tmp_path}"):
        read_document(tmp_path, FileEntry)
