"""Cores as files: what each costs, and what a file must hold to be one."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.errors import ConfigError
from edgetool.estimates.cores import Core, core_names, load_core, read_core
from edgetool.harness.instructions import Cell, Sew
from edgetool.harness.ops import Op
from edgetool.platform.catalog import data_folder

CORES = {"x60", "x100", "a100", "c908", "c910", "x280", "p670", "ascalon", "u74", "p550"}


def instruction(op: Op, sew: Sew, registers: float, *, count: int = 1, weight: int = 1) -> Cell:
    return Cell(op=op, sew=sew, registers=registers, count=count, weight=weight)


def test_every_core_is_known() -> None:
    assert set(core_names()) == CORES


@pytest.mark.parametrize("name", sorted(CORES))
def test_each_number_of_a_core_has_a_source_that_the_file_explains(name: str) -> None:
    core = load_core(name)
    assert {source for _, _, source in core.figures()} == set(core.sources)


# Published measurements, one of each kind.
@pytest.mark.parametrize(
    ("core", "cell", "cycles"),
    [
        ("x60", instruction("vmacc", 64, 4), 16),
        ("x60", instruction("vmacc", 32, 4), 4),
        ("x60", instruction("vwmacc", 16, 1), 2),
        ("x60", instruction("vnclip", 8, 0.5), 2),
        ("x60", instruction("vadd", 8, 0.25), 1),
        ("x60", instruction("vredsum", 32, 4), 9.5),
        ("a100", instruction("vmacc", 64, 4), 64),
        ("c908", instruction("vmacc", 64, 1), 4),
        ("ascalon", instruction("vwmacc", 16, 1), 2.51),
        ("ascalon", instruction("vfmacc", 32, 1), 0.52),
        ("x280", instruction("vfmacc", 32, 4), 8.56),
        ("u74", Cell(op="add", count=10, weight=10), 5),
    ],
)
def test_an_instruction_costs_what_was_published(core: str, cell: Cell, cycles: float) -> None:
    assert load_core(core).cycles(cell) == pytest.approx(cycles)


def test_a_strided_access_costs_by_its_elements() -> None:
    assert load_core("x60").cycles(instruction("vlse", 8, 1, count=2, weight=40)) == 40


def test_a_core_without_vectors_has_no_vector_instruction() -> None:
    with pytest.raises(ConfigError, match="SiFive U74 has no vadd"):
        load_core("u74").cycles(instruction("vadd", 8, 1))


def test_an_unknown_core_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no core 'x61'") as caught:
        load_core("x61")
    assert "x60" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('ops = ["vmvr"]', 'ops = ["vmand"]', "vmvr at SEW 8 has none"),
        ('ops = ["vmvr"]', 'ops = ["vmvrr"]', "ops.0: input should be 'add'"),
        ('source = "elements"', 'source = "hearsay"', "source 'hearsay' is not in"),
        ("schema = 1", "schema = 2", "schema: 2"),
        ('mark = "document"', 'mark = "rumour"', "mark"),
        ("cycles = 2.25", "cycles = -1", "cycles"),
        ("issue_width", "issue_with", "issue_width: missing"),
        ("vector_least_cycles", "#", "vector_least_cycles: missing"),
    ],
)
def test_a_file_that_is_no_core_says_why(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (data_folder("toolchain") / "cores" / "x60.toml").read_text()
    assert old in text
    (tmp_path / "x61.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError, match=r"x61\.toml") as caught:
        read_core(tmp_path / "x61.toml")
    assert message in caught.value.message


def test_a_core_is_named_after_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text((data_folder("toolchain") / "cores" / "u74.toml").read_text())
    assert read_core(tmp_path / "mine.toml").name == "mine"
    assert Core.SCHEMA == 1
