"""The patched tree: what a patch says, no other file touched, and nothing rebuilt that has not changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgetool.errors import BuildError
from edgetool.platform.files import link_or_copy
from edgetool.platform.process import run_process
from edgetool.runtimes.onnxruntime.sources import recipe_folder
from edgetool.runtimes.patches import mirror, patched_files

PATCH = """Why it is there.

--- a/src/one.c
+++ b/src/one.c
@@ -1 +1 @@
-int one = 1;
+int one = 11;
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "src").mkdir(parents=True)
    (root / "src/one.c").write_text("int one = 1;\n")
    (root / "src/two.c").write_text("int two = 2;\n")
    return root


def patch(folder: Path, text: str) -> Path:
    path = folder / "0001-sample.patch"
    path.write_text(text)
    return path


def test_a_patch_changes_what_it_says_and_not_the_tree(tree: Path, tmp_path: Path) -> None:
    changed = patched_files(tree, [patch(tmp_path, PATCH)], log=tmp_path / "log")
    assert changed == {"src/one.c": b"int one = 11;\n"}
    assert (tree / "src/one.c").read_text() == "int one = 1;\n"


def test_patches_of_one_file_build_upon_each_other(tree: Path, tmp_path: Path) -> None:
    second = tmp_path / "0002-more.patch"
    second.write_text(PATCH.replace("= 11", "= 111").replace("= 1;", "= 11;"))
    changed = patched_files(tree, [patch(tmp_path, PATCH), second], log=tmp_path / "log")
    assert changed == {"src/one.c": b"int one = 111;\n"}


def test_a_patch_that_does_not_fit_is_a_build_error(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(BuildError):
        patched_files(tree, [patch(tmp_path, PATCH.replace("one = 1;", "one = 7;"))], log=tmp_path / "log")


@pytest.mark.parametrize("name", ["../outside.c", "src/three.c"])
def test_a_patch_of_a_file_that_is_not_there_is_refused(tree: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "outside.c").write_text("int one = 1;\n")
    with pytest.raises(BuildError, match="not in the sources"):
        patched_files(tree, [patch(tmp_path, PATCH.replace("src/one.c", name))], log=tmp_path / "log")


ADDED = """--- /dev/null
+++ b/src/three.c
@@ -0,0 +1 @@
+int three = 3;
"""


def test_a_patch_may_add_a_file(tree: Path, tmp_path: Path) -> None:
    changed = patched_files(tree, [patch(tmp_path, ADDED)], log=tmp_path / "log")
    mirror(tree, tmp_path / "build", changed=changed)
    assert (tmp_path / "build/src/three.c").read_text() == "int three = 3;\n"
    mirror(tree, tmp_path / "build")
    assert not (tmp_path / "build/src/three.c").exists()


def test_a_patch_may_change_what_an_earlier_one_added(tree: Path, tmp_path: Path) -> None:
    second = tmp_path / "0002-more.patch"
    second.write_text("--- a/src/three.c\n+++ b/src/three.c\n@@ -1 +1 @@\n-int three = 3;\n+int three = 33;\n")
    changed = patched_files(tree, [patch(tmp_path, ADDED), second], log=tmp_path / "log")
    assert changed == {"src/three.c": b"int three = 33;\n"}


def test_a_patch_that_adds_what_is_there_is_refused(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="is in the sources"):
        patched_files(tree, [patch(tmp_path, ADDED.replace("three.c", "two.c"))], log=tmp_path / "log")


def test_a_mirror_touches_only_what_differs(tree: Path, tmp_path: Path) -> None:
    folder = tmp_path / "build"
    mirror(tree, folder, place=link_or_copy)
    before = {name: (folder / name).stat().st_mtime_ns for name in ("src/one.c", "src/two.c")}
    mirror(tree, folder, changed={"src/one.c": b"int one = 11;\n"}, place=link_or_copy)
    assert (folder / "src/one.c").read_text() == "int one = 11;\n"
    assert (folder / "src/two.c").stat().st_mtime_ns == before["src/two.c"]
    assert (tree / "src/one.c").read_text() == "int one = 1;\n"


def test_a_dropped_patch_makes_its_file_newer_than_the_objects(tree: Path, tmp_path: Path) -> None:
    folder = tmp_path / "build"
    mirror(tree, folder, changed={"src/one.c": b"int one = 11;\n"}, place=link_or_copy)
    patched = (folder / "src/one.c").stat().st_mtime_ns
    mirror(tree, folder, place=link_or_copy)
    assert (folder / "src/one.c").read_text() == "int one = 1;\n"
    assert (folder / "src/one.c").stat().st_mtime_ns > patched


def test_a_mirror_on_another_file_system_is_a_copy_that_stays(tree: Path, elsewhere: Path) -> None:
    changed = {"src/one.c": b"int one = 11;\n"}
    mirror(tree, elsewhere, changed=changed, place=link_or_copy)
    before = {path: path.stat().st_mtime_ns for path in elsewhere.glob("src/*")}
    assert [path.read_bytes() for path in sorted(before)] == [b"int one = 11;\n", b"int two = 2;\n"]
    mirror(tree, elsewhere, changed=changed, place=link_or_copy)
    assert {path: path.stat().st_mtime_ns for path in elsewhere.glob("src/*")} == before


def test_a_mirror_drops_what_the_source_dropped(tree: Path, tmp_path: Path) -> None:
    folder = tmp_path / "build"
    mirror(tree, folder)
    (tree / "src/two.c").unlink()
    mirror(tree, folder, only="*.c")
    assert [path.name for path in folder.rglob("*.c")] == ["one.c"]


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
@pytest.mark.parametrize("path", sorted(recipe_folder().glob("patches/*.patch")), ids=lambda path: path.stem)
def test_a_patch_says_to_upstream_what_it_does_and_why(path: Path, tmp_path: Path) -> None:
    message, diff = tmp_path / "message", tmp_path / "diff"
    head = run_process(["git", "mailinfo", message, diff], stdin=path).stdout.decode()
    assert "Author: " in head
    assert "Subject: " in head
    assert message.read_text().strip()
    assert diff.read_text().startswith("---\n--- ")
