"""Read the signed index of an archive with apt, using a separate configuration that leaves the machine's own alone."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgetool.errors import BuildError
from edgetool.platform.debian.pins import Package
from edgetool.platform.process import run_tool

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
Stanza = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Index:
    """The packages of one architecture of a release."""

    stanzas: Mapping[str, Stanza]  # by package name
    as_of: str | None  # date on which the release was signed

    def resolve(self, names: Sequence[str], *, without: Collection[str] = ()) -> tuple[Package, ...]:
        """Return the named packages and all their dependencies sorted by name, leaving out `without`.

        Raises BuildError when a package isn't in the index.
        """
        providers = self._providers()
        found: dict[str, Package] = {}
        todo = list(names)
        while todo:
            name = todo.pop()
            if name in found:
                continue
            if name not in self.stanzas:
                raise BuildError(f"the signed index has no package {name}")
            found[name] = _package(self.stanzas[name])
            needs = []
            for choices in _dependencies(self.stanzas[name]):
                known = [real for choice in choices if (real := providers.get(choice))]
                if not known:
                    raise BuildError(f"the signed index has none of {' | '.join(choices)}, which {name} needs")
                if not set(choices) & set(without) and known[0] not in without:
                    needs.append(known[0])
            found[name] = replace(found[name], needs=tuple(sorted(set(needs))))
            todo += needs
        return tuple(found[name] for name in sorted(found))

    def _providers(self) -> Mapping[str, str]:
        """Map every name that can be depended on to the package that provides it; real packages take precedence."""
        virtual = {
            provided.split(" ", 1)[0]: name
            for name, stanza in sorted(self.stanzas.items())
            for provided in _listed(stanza.get("Provides", ""))
        }
        return {**virtual, **{name: name for name in self.stanzas}}


def signed_index(suite: str, architecture: str, mirror: str, *, log: Path) -> Index:
    """Fetch an index from a mirror and verify it against Debian's keys. Raises BuildError when either fails."""
    with tempfile.TemporaryDirectory(prefix="edgetool-apt-") as scratch:
        folder = Path(scratch)
        for name in ("lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        address = mirror if "://" in mirror else f"file:{mirror}"
        (folder / "sources.list").write_text(f"deb [signed-by={KEYRING}] {address} {suite} main\n")
        settings = {
            "Dir::State::lists": folder / "lists",
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder / "cache",
            "Dir::Etc::SourceList": folder / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::Etc::PreferencesParts": "/dev/null",
            "APT::Architecture": architecture,
            "APT::Architectures": architecture,
            "APT::Sandbox::User": "root",
            "APT::Update::Error-Mode": "any",
            "Acquire::Languages": "none",
            "Acquire::GzipIndexes": "false",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
            "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled": "false",
        }
        apt = ["apt-get", *(word for name, setting in settings.items() for word in ("-o", f"{name}={setting}"))]
        run_tool([*apt, "update"], log=log, timeout_s=600)
        listed = run_tool(
            [*apt, "indextargets", "--format", "$(FILENAME)", "Created-By: Packages"], log=log, timeout_s=60
        )
        path = Path(listed.stdout.decode().strip())
        if not path.is_file():
            raise BuildError(f"{mirror} has no index of {suite} for {architecture}; apt's log is {log}")
        with path.open(encoding="utf-8", errors="replace") as file:
            stanzas = {stanza["Package"]: stanza for stanza in read_stanzas(file)}
        return Index(stanzas=stanzas, as_of=_date(folder / "lists"))


def read_stanzas(lines: Iterator[str]) -> Iterator[Stanza]:
    """Yield the stanzas of an index, keeping only single-line fields: those needed to fetch a package."""
    stanza: dict[str, str] = {}
    for line in lines:
        name, colon, text = line.rstrip("\n").partition(":")
        if not line.strip():
            if stanza:
                yield stanza
            stanza = {}
        elif colon and not line[0].isspace():
            stanza[name] = text.strip()
    if stanza:
        yield stanza


def _package(stanza: Stanza) -> Package:
    return Package(
        name=stanza["Package"],
        version=stanza["Version"],
        path=stanza["Filename"],
        size_bytes=int(stanza["Size"]),
        sha256=stanza["SHA256"],
    )


def _dependencies(stanza: Stanza) -> Iterator[tuple[str, ...]]:
    """Yield the alternatives of each dependency without versions, since a release is consistent."""
    for field in ("Pre-Depends", "Depends"):
        for dependency in _listed(stanza.get(field, "")):
            yield tuple(re.split(r"[\s:(\[]", choice.strip(), maxsplit=1)[0] for choice in dependency.split("|"))


def _listed(text: str) -> list[str]:
    return [word for item in text.split(",") if (word := item.strip())]


def _date(lists: Path) -> str | None:
    """Return the date of a Release file as 2026-11-21, from "Date: Sat, 21 Nov 2026 09:15:44 UTC"."""
    from email.utils import parsedate_to_datetime

    for path in lists.glob("*Release"):
        if found := re.search(r"^Date: (.+)$", path.read_text(errors="replace"), re.MULTILINE):
            return parsedate_to_datetime(found[1].replace("UTC", "+0000")).date().isoformat()
    return None
