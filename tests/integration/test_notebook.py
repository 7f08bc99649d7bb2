"""The notebook, executed as it is: some minutes of emulation, so only on request (`make notebook` also keeps it)."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from edgetool.platform.catalog import data_folder

nbformat = pytest.importorskip("nbformat", reason="pip install edgetool[dev]")
NOTEBOOK = data_folder("examples") / "mobilenet_v2_riscv64.ipynb"
STEPS = ("ConvInteger", "instead: static quantization", "What to deploy", "image/svg+xml")


def test_its_outputs_are_kept_whole_and_tell_nothing_of_a_machine() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    text = NOTEBOOK.read_text()
    assert all(step in text for step in STEPS)
    assert not re.search(r"/home/|/root/|/work/|/tmp/|Traceback", text)


@pytest.mark.skipif("EDGETOOL_TEST_NOTEBOOK" not in os.environ, reason="EDGETOOL_TEST_NOTEBOOK=1 or `make notebook`")
def test_it_runs_from_the_first_cell_to_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient = pytest.importorskip("nbclient", reason="pip install edgetool[dev]")
    pytest.importorskip("torch")
    monkeypatch.setenv("IMAGES", os.environ.get("IMAGES", "4"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    client = nbclient.NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when it ran
    made = nbformat.writes(notebook)
    assert all(step in made for step in STEPS)
    if os.environ["EDGETOOL_TEST_NOTEBOOK"] == "keep":
        NOTEBOOK.write_text(f"{made}\n")
