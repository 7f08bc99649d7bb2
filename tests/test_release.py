"""What makes a release: workflows and templates as GitHub takes them, notes, and a package that installs by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
NOTES = (sys.executable, GITHUB / "release_notes.py")


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("github-workflows", "workflows/*.yml"),
        ("github-issue-forms", "ISSUE_TEMPLATE/[!c]*.yml"),
        ("github-issue-config", "ISSUE_TEMPLATE/config.yml"),
    ],
)
def test_what_github_reads_fits_its_schema(schema: str, pattern: str) -> None:
    files = sorted(GITHUB.glob(pattern))
    assert files
    done = run(sys.executable, "-P", "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *files)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_release_gives_nobody_more_than_it_needs() -> None:
    zizmor = Path(sys.executable).parent / "zizmor"
    if not zizmor.is_file():
        pytest.skip("zizmor is not installed: pip install edgetool[dev]")
    done = run(zizmor, "--offline", "--persona", "pedantic", GITHUB / "workflows")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_tag_that_is_not_the_version_is_no_release() -> None:
    done = run(*NOTES, "v9.9.9")
    assert done.returncode == 1
    assert "the tag is v9.9.9" in done.stderr


def test_an_unreleased_section_makes_no_notes_and_a_dated_one_does() -> None:
    program = f"import sys; sys.path.insert(0, {str(GITHUB)!r}); from release_notes import notes; "
    text = "# Changelog\\n\\n## 1.2.0 ({})\\n\\n- This.\\n\\n## 1.1.0 (2025-01-01)\\n\\n- That.\\n"
    undated, dated = (
        run(sys.executable, "-c", program + f"print(notes('v1.2.0', '1.2.0', '{text.format(when)}'))")
        for when in ("unreleased", "2026-01-31")
    )
    assert (undated.returncode, dated.stdout) == (1, "- This.\n")


@pytest.mark.skipif("EDGETOOL_TEST_RELEASE" not in os.environ, reason="set EDGETOOL_TEST_RELEASE, or make test-release")
def test_the_distribution_installs_without_torch_and_runs() -> None:
    done = run("make", "-C", ROOT, "dist")
    assert done.returncode == 0, done.stdout + done.stderr
    names = sorted(path.name for path in (ROOT / "dist").iterdir() if path.is_file())
    assert [name.partition("-")[2].lstrip("0123456789.-") for name in names[:2]] == ["py3-none-any.whl", "tar.gz"]
    python = ROOT / ".venv-dist" / "bin" / "python"
    assert run(python, "-c", "import torch").returncode == 1
    assert (ROOT / ".venv-dist" / "share" / "man" / "man1" / "edgetool.1").is_file()
