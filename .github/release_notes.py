"""The notes of a release: `release_notes.py v1.2.3` prints what the changelog says of it, or says what is wrong."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def notes(tag: str, version: str, changelog: str) -> str:
    if tag != f"v{version}":
        sys.exit(f"the tag is {tag}, and edgetool's version is {version}")
    sections = re.split(r"^## ", changelog, flags=re.MULTILINE)
    section = next((text for text in sections if text.split(maxsplit=1)[:1] == [version]), None)
    if section is None:
        sys.exit(f"CHANGELOG.md has no section {version}")
    title, _, body = section.partition("\n")
    if not re.fullmatch(rf"{re.escape(version)} \(\d{{4}}-\d\d-\d\d\)", title.strip()):
        sys.exit(f"CHANGELOG.md: {title.strip()!r} names no date")
    return body.strip()


if __name__ == "__main__":
    source = (ROOT / "edgetool" / "__init__.py").read_text()
    found = re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE)
    assert found is not None
    print(notes(sys.argv[1], found[1], (ROOT / "CHANGELOG.md").read_text()))
