"""Where edgetool's own data lies."""

from __future__ import annotations

import pytest

from edgetool.errors import ConfigError
from edgetool.platform.catalog import data_folder


@pytest.mark.parametrize(
    ("folder", "file"),
    [("targets", "host.toml"), ("toolchain", "harness/main.c"), ("examples", "digits/digits.npz")],
)
def test_data_beside_the_package_is_found(folder: str, file: str) -> None:
    assert (data_folder(folder) / file).is_file()


def test_missing_data_is_an_error_of_the_installation() -> None:
    with pytest.raises(ConfigError, match="'nothing' is missing"):
        data_folder("nothing")
