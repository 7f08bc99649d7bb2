"""Scripts for files on a board: contents kept by their sha256, and the places they go to."""

from __future__ import annotations

from collections.abc import Iterable

from edgetool.executors.shell import SAY, compound, inside, quote
from edgetool.platform.values import value

IS_FOLDER, IS_MISSING = 71, 72
LINK_FROM_BYTES = 2**20  # smaller files are copied: a copy may be written to without harm to the kept one


@value
class Placement:
    """A file of the content folder and where it goes."""

    sha256: str
    size_bytes: int
    path: str
    executable: bool


@value
class Stored:
    """A part that is all there."""

    part: str
    sha256: str
    size_bytes: int
    whole: bool  # it came over one link


def listing_script(content: str) -> bytes:
    """What the content folder holds, as `ls` says it: whole contents, and parts of those whose upload was cut off."""
    return compound(f"cd {quote(content)} && ls -ln")


def sound_script(content: str, hashes: Iterable[str], *, can_hash: bool) -> bytes:
    """Says which contents are there, judged by hashing them there; what does not fit its name is removed."""
    sound = 'sum=$(sha256sum <"$1") && [ "${sum%% *}" = "$1" ] && touch "$1"' if can_hash else "false"
    return compound(
        f"cd {quote(content)} || exit 1",
        "look() {",
        '  [ -f "$1" ] || return 0',
        f'  if {sound}; then echo "$1"; else rm -f "$1"; fi',
        "}",
        *(f"look {quote(name)}" for name in hashes),
    )


def store_script(content: str, part: str, *, append: bool) -> bytes:
    """Take a content from stdin, from the answer `go` to its end.

    Then answers `stored`, or why it could not be kept.
    """
    return compound(
        SAY,
        "umask 077",
        f'said=$(cd {quote(content)} 2>&1) || {{ say "$said"; exit; }}',
        f"cd {quote(content)}",
        "say go",
        # a disk that is full stays so unless what filled it goes
        f'said=$(cat 2>&1 {">>" if append else ">"}{part}) && say stored || {{ rm -f {part}; say "$said"; }}',
        "exit",
    )


def keep_script(content: str, files: Iterable[Stored], *, can_hash: bool) -> bytes:
    """Give what was stored the names that it is found by; says the parts that are something else, and removes them.

    What came whole over one link is what was sent: the link says so. What was there before has to show it.
    """
    return compound(
        f"cd {quote(content)} || exit 1",
        "keep() {",  # PART SHA256 SIZE WHOLE
        '  if [ "$4" = yes ]; then sum=$2; else sum=$(sha256sum <"$1"); fi',
        '  if [ "$(wc -c <"$1")" -eq "$3" ] && [ "${sum%% *}" = "$2" ]; then',
        '    chmod 700 "$1" && mv -f "$1" "$2" || exit 1',
        '  else rm -f "$1"; echo "$1"; fi',
        "}",
        *(
            f"keep {file.part} {file.sha256} {file.size_bytes} {'yes' if file.whole or not can_hash else 'no'}"
            for file in files
        ),
    )


def place_script(work: str, content: str, folders: Iterable[str], files: Iterable[Placement], *, cap_kib: int) -> bytes:
    """Put contents in their places in the work folder, then trim the content folder to its cap, oldest first."""
    return compound(
        "umask 022",
        f"content={quote(content)}",
        f"cd {quote(work)} || exit 1",
        "place() {",  # HASH MODE PATH LINK
        '  [ ! -d "$3" ] || { echo "$3 is a folder there" >&2; exit 1; }',
        '  rm -f "$3" || exit 1',
        '  if [ "$4" = link ] && ln "$content/$1" "$3" 2>/dev/null; then return; fi',
        '  cp "$content/$1" "$3" && chmod "$2" "$3" || exit 1',
        "}",
        *(f"mkdir -p {inside(path)} || exit 1" for path in folders),
        *(
            f"place {file.sha256} {755 if file.executable else 644} {inside(file.path)} "
            + ("link" if file.size_bytes >= LINK_FROM_BYTES else "copy")
            for file in files
        ),
        'cd "$content" || exit 0',
        "total=0",
        "for name in $(ls -t); do",
        '  total=$((total + ($(wc -c <"$name") + 1023) / 1024))',
        f'  [ "$total" -le {cap_kib} ] || rm -f "$name"',
        "done",
        "exit 0",
    )


def clean_script(root: str) -> bytes:
    """Remove all that is kept on the board, unheard results too, but for the work of who is there now.

    Says how many KiB of contents that was.
    """
    return compound(
        f"for kept in {quote(root)}/work/*/kept; do",
        '  [ ! -e "$kept" ] || rm -rf "${kept%/kept}"',
        "done",
        f"cd {quote(root)}/content || exit 1",
        "total=0",
        "for name in *; do",
        '  [ -f "$name" ] || continue',
        '  total=$((total + ($(wc -c <"$name") + 1023) / 1024)); rm -f "$name"',
        "done",
        'echo "$total"',
    )


def send_script(work: str, path: str) -> bytes:
    """A file's content on stdout; exit code 71 for a folder, 72 when there is nothing."""
    return compound(
        f"cd {quote(work)} || exit 1",
        f"if [ -d {inside(path)} ]; then exit {IS_FOLDER}; fi",
        f"if [ -f {inside(path)} ]; then cat {inside(path)}; exit; fi",
        f"exit {IS_MISSING}",
    )


def list_script(work: str, path: str) -> bytes:
    """What a folder holds, without links: `d` or `f`, the path relative to it, a zero byte."""
    return compound(
        f"cd {quote(work)} && cd {inside(path)} || exit 1",
        """find . -type d -exec sh -c 'for n; do printf "d%s\\0" "$n"; done' sh {} +""",
        """find . -type f -exec sh -c 'for n; do printf "f%s\\0" "$n"; done' sh {} +""",
    )
