"""What a board says it is, against what a bundle was built for."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edgetool.boards.facts import BoardFacts
from edgetool.boards.probe import check_instructions_of
from edgetool.errors import IllegalInstruction
from edgetool.platform.files import file_entry
from tests.support.bundles import PARSE, script, stub_bundle
from tests.support.commands import run_checked

DRAFT_ISA = "rv64imafdcv"  # of T-Head's kernels, which say v for the draft


@pytest.mark.parametrize(
    ("built_for", "facts", "runs"),
    [
        ("rv64+v", BoardFacts(isa="rv64imafdcv_zba_zbb"), True),
        ("rv64+v", BoardFacts(isa="rv64imafdc"), False),
        ("rv64+v", BoardFacts(isa=DRAFT_ISA, cpu="thead,c910"), False),
        ("rv64", BoardFacts(isa="rv64imafdc"), True),
        ("rv64+v", BoardFacts(), True),  # it says nothing
        ("rv64+v", None, True),
    ],
)
def test_a_board_without_the_vectors_of_a_bundle_is_refused_before_anything_runs(
    built_for: str, facts: BoardFacts | None, runs: bool, tmp_path: Path
) -> None:
    stub = stub_bundle(tmp_path / "bundle", script(tmp_path / "harness", PARSE))
    (tmp_path / "kernels.c").write_text("void _start(void) {}")
    flags = ["-target", "riscv64-linux-musl", f"-mcpu=baseline_{built_for}", "-static", "-nostdlib"]
    run_checked([sys.executable, "-m", "ziglang", "cc", *flags, "-o", stub.root / "kernels", tmp_path / "kernels.c"])
    entries = (*stub.manifest.files, file_entry(stub.root, stub.root / "kernels"))
    bundle = replace(stub, manifest=replace(stub.manifest, files=entries))
    if runs:
        check_instructions_of(bundle, facts)
    else:
        with pytest.raises(IllegalInstruction, match=r"kernels was built for rv64.*, but the board has"):
            check_instructions_of(bundle, facts)
