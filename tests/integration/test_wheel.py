"""The wheel: built, unpacked elsewhere, and complete there."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from edgetool.platform.process import run_process
from edgetool.targets.registry import target_files
from tests.support.commands import run_checked

CHECKOUT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def wheel_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what the wheel holds."""
    folder = tmp_path_factory.mktemp("wheel")
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        folder / "dist",
        CHECKOUT,
    ]
    run_checked(command)
    with zipfile.ZipFile(min((folder / "dist").glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def run(wheel_folder: Path, *words: str) -> str:
    done = run_process(
        [sys.executable, "-c", "import sys; from edgetool.cli import main; sys.argv[0] = 'edgetool'; main()", *words],
        cwd=wheel_folder,
        env={"PYTHONPATH": str(wheel_folder)},
        timeout_s=60,
    )
    assert done.exit_code == 0, done.stderr.decode()
    return done.stdout.decode()


def test_targets_are_found_away_from_the_checkout(wheel_folder: Path) -> None:
    listed = [line.split("\t")[0] for line in run(wheel_folder, "targets", "list").splitlines()[1:]]
    assert listed == list(target_files())
    assert str(wheel_folder) in run(wheel_folder, "targets", "show", "host").splitlines()[0]


@pytest.mark.parametrize("name", ["targets", "toolchain", "examples", "docs/ci"])
def test_data_is_found_inside_the_wheel(wheel_folder: Path, name: str) -> None:
    program = f"from edgetool.platform.catalog import data_folder; print(data_folder({name!r}))"
    done = run_process([sys.executable, "-c", program], cwd=wheel_folder, env={"PYTHONPATH": str(wheel_folder)})
    folder = Path(done.stdout.decode().strip())
    assert folder.is_relative_to(wheel_folder)
    checkout = CHECKOUT / name
    wanted = {path.relative_to(checkout) for path in checkout.rglob("*") if path.is_file()}
    found = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    assert {path for path in wanted if "__pycache__" not in path.parts} <= found


def test_the_wheel_names_its_command(wheel_folder: Path) -> None:
    entry_points = min(wheel_folder.glob("edgetool-*.dist-info")) / "entry_points.txt"
    assert "edgetool = edgetool.__main__:main" in entry_points.read_text()


def test_the_wheel_holds_no_tests_and_no_caches(wheel_folder: Path) -> None:
    names = [path.name for path in wheel_folder.rglob("*")]
    assert "tests" not in names
    assert "runs" not in names
