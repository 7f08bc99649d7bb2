"""Tests that only run on request, and why."""

from __future__ import annotations

import os

import pytest

# A gigabyte of tools from PyPI, and a cross build of a quarter of an hour.
with_litert_tools = pytest.mark.skipif(
    os.environ.get("EDGETOOL_TEST_LITERT") != "1",
    reason="installs a gigabyte of LiteRT's tools and builds TensorFlow Lite: `make test-litert`",
)
