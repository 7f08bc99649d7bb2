"""The table of runtimes: what every kind promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.models.spec import Precision
from edgetool.platform.catalog import data_folder
from edgetool.platform.licences import UNKNOWN, project_of
from edgetool.runtimes.spec import TITLES
from edgetool.runtimes.table import KINDS


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_has_a_title_and_a_back_end(name: str) -> None:
    assert name in TITLES
    backend = data_folder("toolchain") / "harness" / f"backend_{name}.c"
    assert f'.name = "{name}"' in backend.read_text()


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.selftest is not None])
def test_a_self_test_is_the_same_each_time_and_fits_the_harness(name: str, tmp_path: Path) -> None:
    build = KINDS[name].selftest
    assert build is not None
    one, other = build(tuple(Precision)), build(tuple(Precision))
    files = one.write(tmp_path / "one")
    other.write(tmp_path / "other")
    assert len(files) <= 64
    assert len(one.expected) <= 64
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "libonnxruntime.so.1.32.0",
        "libncnn.so.1",
        "libtensorflow-lite.so.2.14.1",
        "libtensorflowlite_c.so",
        "libabsl_base.so.20240722",
    ],
)
def test_the_licence_of_what_is_packaged_is_known(name: str) -> None:
    assert project_of(name)[1] != UNKNOWN
