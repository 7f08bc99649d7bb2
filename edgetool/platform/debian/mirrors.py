"""Choose Debian mirrors: those the user names, or those configured for this machine's apt."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from edgetool.errors import ConfigError
from edgetool.platform.process import run_process

VARIABLE = "EDGETOOL_DEBIAN_MIRROR"
APT = Path("/etc/apt")
LIST_LINE = re.compile(r"deb(?:-src)?\s+(?:\[[^]]*\]\s+)?(\S+)\s+\S+\s+main\b")
HINT = (
    f"set {VARIABLE} to the address of any Debian mirror, such as http://MIRROR/debian, or to a folder with its files"
)


def debian_mirrors() -> tuple[str, ...]:
    """Return mirror URLs or folders in order of preference; empty when none is known.

    They come from $EDGETOOL_DEBIAN_MIRROR (separated by spaces), else from this machine's apt configuration.
    """
    if named := os.environ.get(VARIABLE, "").split():
        return tuple(named)
    return tuple(dict.fromkeys(_expanded(_indexed_by_apt() or _listed_for_apt(APT))))


def known_mirrors() -> tuple[str, ...]:
    """Return the Debian mirrors. Raises ConfigError when none is known."""
    if mirrors := debian_mirrors():
        return mirrors
    raise ConfigError("no Debian mirror is known: none is configured for this machine's apt", hint=HINT)


def _indexed_by_apt() -> list[str]:
    """Return the mirrors whose signed index apt has downloaded."""
    try:
        targets = run_process(["apt-get", "indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)"], timeout_s=60)
    except (FileNotFoundError, PermissionError):
        return []
    rows = (line.split(" ", 2) for line in targets.stdout.decode(errors="replace").splitlines())
    return [row[2].strip() for row in rows if row[:2] == ["Debian", "Debian"] and len(row) == 3]


def _listed_for_apt(folder: Path) -> list[str]:
    """Return the Debian mirrors in apt's configuration, recognized by their path.

    For machines whose apt has no index or denies access to it.
    """
    found: list[str] = []
    for path in sorted([*folder.glob("sources.list"), *folder.glob("sources.list.d/*")]):
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        plain = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
        found += LIST_LINE.findall(plain) if path.suffix == ".list" else _stanzas(plain)
    return [address for address in found if re.search(r"/debian(\.list)?/?$", address)]


def _stanzas(text: str) -> Iterable[str]:
    for stanza in re.split(r"\n\s*\n", text):
        fields = {name.lower(): words for name, words in re.findall(r"^([\w-]+):[ \t]*(.*)$", stanza, re.MULTILINE)}
        if "main" in fields.get("components", "").split():
            yield from fields.get("uris", "").split()


def _expanded(addresses: Iterable[str]) -> Iterable[str]:
    """Normalize URLs and expand apt's `mirror+file:`, a file that lists several mirrors."""
    for address in addresses:
        scheme, _, rest = address.partition(":")
        if scheme == "mirror+file":
            try:
                lines = Path("/" + rest.lstrip("/")).read_text(errors="replace").splitlines()
            except OSError:
                continue
            yield from (words[0].rstrip("/") for line in lines if (words := line.split()) and words[0][0] != "#")
        elif scheme in ("http", "https"):
            yield address.rstrip("/")
        elif scheme in ("file", "copy"):
            yield "/" + rest.lstrip("/").rstrip("/")


def apt_proxies() -> Mapping[str, str]:
    """Return the proxies configured for apt by scheme."""
    command = ["apt-config", "dump", "--format", "%F %v%n", "Acquire::http::Proxy", "Acquire::https::Proxy"]
    try:
        dump = run_process(command, timeout_s=60).stdout.decode(errors="replace")
    except (FileNotFoundError, PermissionError):
        return {}
    rows = re.findall(r"^Acquire::(https?)::Proxy (\S+)$", dump, re.MULTILINE)
    return {scheme: proxy for scheme, proxy in rows if proxy != "DIRECT"}
