"""Which mirror is asked: the one that is named, or what this machine's apt is set up with."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.errors import ConfigError
from edgetool.platform.debian import mirrors

ONE_LINE = """\
# deb http://commented.example/debian trixie main
deb [arch=amd64 signed-by=/key.gpg] http://one.example/debian trixie main contrib
deb http://one.example/debian-security trixie-security main
deb https://other.example/linux/debian trixie stable
"""
STANZAS = """\
Types: deb
# URIs: http://commented.example/debian
URIs: http://two.example/debian/
Suites: trixie trixie-updates
Components: main

Types: deb
URIs: http://two.example/debian-security
Suites: trixie-security
Components: main
"""


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of apt's files, on a machine whose apt can't be asked."""
    monkeypatch.delenv(mirrors.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(mirrors, "APT", tmp_path)
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


def test_a_mirror_that_is_named_is_the_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(mirrors.VARIABLE, "http://a.example/debian /srv/debian")
    assert mirrors.debian_mirrors() == ("http://a.example/debian", "/srv/debian")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("sources.list", ONE_LINE, "http://one.example/debian"),
        ("sources.list.d/debian.sources", STANZAS, "http://two.example/debian"),
        ("sources.list", "deb file:///srv/debian trixie main\n", "/srv/debian"),
    ],
)
def test_apts_files_are_read_where_apt_cannot_be_asked(apt: Path, name: str, text: str, expected: str) -> None:
    (apt / name).write_text(text)
    assert mirrors.debian_mirrors() == (expected,)


def test_a_file_of_mirrors_is_read(apt: Path) -> None:
    (apt / "debian.list").write_text(
        "http://a.example/debian/\tpriority:1\n# http://b.example\nhttp://c.example/debian\n"
    )
    (apt / "sources.list").write_text(f"deb mirror+file://{apt}/debian.list trixie main\n")
    assert mirrors.debian_mirrors() == ("http://a.example/debian", "http://c.example/debian")


def test_without_any_the_error_says_how_to_name_one(apt: Path) -> None:
    assert not (apt / "sources.list").exists()
    with pytest.raises(ConfigError, match="no Debian mirror is known") as caught:
        mirrors.known_mirrors()
    assert mirrors.VARIABLE in str(caught.value.hint)
