"""Kernels and patches as ONNX Runtime could take them."""

from __future__ import annotations

import email
from pathlib import Path

import pytest

from edgetool.platform.catalog import data_folder

RECIPE = data_folder("toolchain") / "onnxruntime"
KERNELS = sorted(path for path in (RECIPE / "mlas_rvv").rglob("*") if path.suffix in (".cpp", ".h"))
PATCHES = sorted((RECIPE / "patches").glob("*.patch"))
BANNER = "/*++\n\nCopyright (c) edgetool contributors. All rights reserved.\n\nLicensed under the MIT License.\n\n"


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.name)
def test_a_kernel_opens_with_its_licence_and_its_name(path: Path) -> None:
    text = path.read_text()
    assert text.startswith(f"{BANNER}Module Name:\n\n    {path.name}\n\nAbstract:\n\n")


@pytest.mark.parametrize("path", PATCHES, ids=lambda path: path.name)
def test_a_patch_has_an_author_a_subject_and_a_reason(path: Path) -> None:
    opening, _, letter = path.read_text().partition("\n")
    assert opening.startswith("From ")
    message = email.message_from_string(letter)
    assert message["From"]
    assert message["Date"]
    assert message["Subject"].startswith("[PATCH] ")
    reason, _, changes = str(message.get_payload()).partition("\n---\n")
    assert len(reason.split()) > 5
    assert changes.startswith("--- ")
