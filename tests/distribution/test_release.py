"""What a release is made of, and what is none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from edgetool.distribution.release import Release
from edgetool.errors import ConfigError
from edgetool.platform.files import sha256_file
from edgetool.runtimes.onnxruntime.sources import read_sources
from tests.distribution.conftest import Linker


def test_its_version_says_whose_build_it_is(release: Release) -> None:
    assert release.version.startswith(f"{release.runtime.build.version}+edgetool.")


def test_its_bill_is_cyclonedx_and_names_the_library_and_all_that_is_in_it(release: Release) -> None:
    text = {member.path: member.data for member in release.records()}["sbom.cdx.json"].decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    components = {component["bom-ref"]: component for component in json.loads(text)["components"]}
    library = components[release.runtime.build.library]
    assert library["hashes"][0]["content"] == sha256_file(release.library)
    assert {source.name for source in read_sources() if source.licence} <= set(components)
    assert "kernels" in components


def test_no_source_that_is_only_a_test_is_in_the_bill(release: Release) -> None:
    assert "googletest" not in {part.name for part in release.parts()}


def test_every_part_has_its_licence_with_it(release: Release) -> None:
    texts = [member.path for member in release.notices()]
    for part in release.parts():
        assert part.name == "onnxruntime" or any(path.startswith(f"licenses/{part.name}-") for path in texts)


def test_what_zig_links_in_of_its_own_is_a_part(release: Release) -> None:
    texts = {member.path: member.data.decode() for member in release.notices()}
    assert "Copyright (c) Zig contributors" in texts["licenses/compiler_rt-LICENSE"]


def test_a_runtime_of_some_models_operators_is_refused(release: Release) -> None:
    runtime = replace(release.runtime, build=replace(release.runtime.build, reduced=True))
    with pytest.raises(ConfigError, match="runs its own models only"):
        replace(release, runtime=runtime)


def test_a_runtime_that_needs_vectors_is_refused(release: Release, link: Linker, tmp_path: Path) -> None:
    root = tmp_path / "runtime"
    link(root / release.runtime.build.library, "-mcpu=baseline_rv64+v")
    with pytest.raises(ConfigError, match="which some boards lack"):
        replace(release, runtime=replace(release.runtime, root=root))


def test_somebody_elses_runtime_is_refused(release: Release) -> None:
    runtime = replace(release.runtime, build=replace(release.runtime.build, provider="debian"))
    with pytest.raises(ConfigError, match="is not cross-built"):
        replace(release, runtime=runtime)
