"""Scripts for files on a board: contents kept by their sha256, and the places they go to."""

from __future__ import annotations

from collections.abc import Iterable

from edgetool.executors.shell import SAY, compound, inside, quote
from edgetool.platform.values import value

LINK_FROM_BYTES = 2**20  # smaller files are copied: a copy may be written to without harm to the kept one


@value
class Placement:
    """A file of the content folder and where it goes."""

    sha256: str
    size_bytes: int
    path: str
    executable: bool


def inventory_script(content: str, hashes: Iterable[str], *, can_hash: bool) -> bytes:
    """Which contents the board has, judged by hashing them there.

    Says `have HASH` or, for one whose upload was cut off, `part HASH BYTES`. What does not fit its name is removed.
    """
    sound = 'sum=$(sha256sum <"$1") && [ "${sum%% *}" = "$1" ] && touch "$1"' if can_hash else "false"
    return compound(
        f"cd {quote(content)} || exit 1",
        "look() {",
        '  if [ -f "$1" ]; then',
        f'    if {sound}; then echo "have $1"; return; fi',
        '    rm -f "$1"',
        "  fi",
        '  [ ! -f "$1.part" ] || echo "part $1 $(wc -c <"$1.part")"',
        "}",
        *(f"look {quote(name)}" for name in hashes),
    )


def store_script(content: str, sha256: str, size_bytes: int, *, append: bool, can_hash: bool) -> bytes:
    """Take a content from stdin, from the answer `go` to its end.

    Then answers `whole`, `short` when there is less than was announced, `other` when it is not what it should be, or
    why it could not be kept.
    """
    part = f"{sha256}.part"
    # What came whole over this link is what was sent: the link says so. What was there before has to show it.
    check = f"sum=$(sha256sum <{part})" if append and can_hash else f"sum={sha256}"
    return compound(
        SAY,
        "umask 077",
        f'said=$(cd {quote(content)} 2>&1) || {{ say "$said"; exit; }}',
        f"cd {quote(content)}",
        "say go",
        # a disk that is full stays so unless what filled it goes
        f'said=$(cat 2>&1 {">>" if append else ">"}{part}) || {{ rm -f {part}; say "$said"; exit; }}',
        f"size=$(wc -c <{part})",
        f"[ $size -ge {size_bytes} ] || {{ say short; exit; }}",
        check,
        f'if [ $size -ne {size_bytes} ] || [ "${{sum%% *}}" != {sha256} ]; then rm -f {part}; say other; exit; fi',
        f'said=$(chmod 700 {part} 2>&1 && mv -f {part} {sha256} 2>&1) && say whole || say "$said"',
        "exit",
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


IS_FOLDER, IS_MISSING = 71, 72


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
