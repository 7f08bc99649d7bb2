"""The environment of LiteRT's tools: one for every edgetool with the same cache. Nothing is installed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import edgetool
from edgetool.platform.context import StepContext
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store
from edgetool.runtimes.litert import tools

Run = tuple[list[str], str | None]  # the words, and where packages are looked for after the environment's own


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """What would have been run."""
    found: list[Run] = []

    def run_tool(argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None, **_: object) -> None:
        words = list(map(str, argv))
        if "venv" in words:
            (Path(words[-1]) / "lib" / "python3" / "site-packages").mkdir(parents=True, exist_ok=True)
        found.append((words, None if env is None else env[tools.BESIDE]))

    monkeypatch.setattr(tools, "run_tool", run_tool)
    return found


@pytest.fixture
def context(tmp_path: Path) -> StepContext:
    return StepContext(store=Store(tmp_path / "cache"), progress=Silent())


def use(context: StepContext, runs: list[Run]) -> list[Run]:
    """What is run for a program in the environment, itself the last."""
    before = len(runs)
    tools.run_python(["program"], context, log=Path("log"))
    return runs[before:]


def test_another_checkout_uses_the_same_environment_with_its_own_code(
    context: StepContext, runs: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, (words, beside) = use(context, runs)
    monkeypatch.setattr(edgetool, "__file__", str(tmp_path / "other" / "edgetool" / "__init__.py"))
    ((others_words, others_beside),) = use(context, runs)
    assert others_words == words
    assert beside is not None
    assert others_beside is not None
    assert others_beside.endswith(str(tmp_path / "other"))
    assert not beside.endswith(str(tmp_path / "other"))


def test_what_other_packages_lack_is_added_to_it(
    context: StepContext, runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, (words, _) = use(context, runs)
    monkeypatch.setattr(tools, "distributions", list)
    again = use(context, runs)
    assert any("pip" in installing for installing, _ in again)
    assert again[-1][0] == words
