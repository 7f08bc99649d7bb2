"""Shell scripts that store files on a board by SHA-256 and copy them into work folders."""

from __future__ import annotations

from collections.abc import Iterable

from edgetool.executors.shell import SAY, compound, inside, quote
from edgetool.platform.values import value

IS_FOLDER, IS_MISSING = 71, 72
LINK_FROM_BYTES = 2**20  # smaller files are copied, so the program may modify them without damaging the stored content


@value
class Placement:
    """A stored file and its destination in the work folder."""

    sha256: str
    size_bytes: int
    path: str
    executable: bool


@value
class Stored:
    """An upload that is complete."""

    part: str
    sha256: str
    size_bytes: int
    whole: bool  # sent over a single link, without resumption


def listing_script(content: str) -> bytes:
    """List the content folder with `ls`: complete contents and partial uploads."""
    return compound(f"cd {quote(content)} && ls -ln")


def sound_script(content: str, hashes: Iterable[str], *, can_hash: bool) -> bytes:
    """Print the contents that are on the board, verified by hashing them there.

    Remove those that don't match their name, and print a dot for each.
    """
    sound = 'sum=$(sha256sum <"$1") && [ "${sum%% *}" = "$1" ] && touch "$1"' if can_hash else "false"
    return compound(
        f"cd {quote(content)} || exit 1",
        "look() {",
        '  [ -f "$1" ] || return 0',
        f'  if {sound}; then echo "$1"; else rm -f "$1"; echo .; fi',
        "}",
        *(f"look {quote(name)}" for name in hashes),
    )


def store_script(content: str, part: str, *, append: bool) -> bytes:
    """Store stdin as a content, after answering `go`.

    Answers `stored` at the end, or the reason why it failed.
    """
    return compound(
        SAY,
        "umask 077",
        f'said=$(cd {quote(content)} 2>&1) || {{ say "$said"; exit; }}',
        f"cd {quote(content)}",
        "say go",
        # remove the part: the disk stays full otherwise
        f'said=$(cat 2>&1 {">>" if append else ">"}{part}) && say stored || {{ rm -f {part}; say "$said"; }}',
        "exit",
    )


def keep_script(content: str, files: Iterable[Stored], *, can_hash: bool) -> bytes:
    """Rename finished uploads to their SHA-256, printing a dot. Remove and print those whose content is wrong.

    An upload over a single link is intact, since SSH guarantees it. A resumed one is hashed.
    """
    return compound(
        f"cd {quote(content)} || exit 1",
        "keep() {",  # PART SHA256 SIZE WHOLE
        '  if [ "$4" = yes ]; then sum=$2; else sum=$(sha256sum <"$1"); fi',
        '  if [ "$(wc -c <"$1")" -eq "$3" ] && [ "${sum%% *}" = "$2" ]; then',
        '    chmod 700 "$1" && mv -f "$1" "$2" && echo . || exit 1',
        '  else rm -f "$1"; echo "$1"; fi',
        "}",
        *(
            f"keep {file.part} {file.sha256} {file.size_bytes} {'yes' if file.whole or not can_hash else 'no'}"
            for file in files
        ),
    )


def place_script(work: str, content: str, folders: Iterable[str], files: Iterable[Placement], *, cap_kib: int) -> bytes:
    """Copy or link stored contents into the work folder, then remove the oldest contents beyond the cap.

    Prints a dot after each folder and each file. Starts few programs: one takes a busy emulated board a tenth of a
    second, and a bundle has dozens of files.
    """
    return compound(
        "umask 022",
        f"content={quote(content)}",
        f"cd {quote(work)} || exit 1",
        "place() {",  # HASH MODE PATH LINK
        '  [ ! -d "$3" ] || { echo "$3 is a folder there" >&2; exit 1; }',
        '  { [ ! -e "$3" ] && [ ! -L "$3" ]; } || rm -f "$3" || exit 1',
        '  if [ "$4" = copy ] || ! ln "$content/$1" "$3" 2>/dev/null; then',
        '    cat "$content/$1" >"$3" || exit 1',
        '    [ "$2" = 644 ] || chmod "$2" "$3" || exit 1',
        "  fi",
        "  printf .",
        "}",
        *(f"mkdir -p {inside(path)} && printf . || exit 1" for path in folders),
        *(
            f"place {file.sha256} {755 if file.executable else 644} {inside(file.path)} "
            + ("link" if file.size_bytes >= LINK_FROM_BYTES else "copy")
            for file in files
        ),
        'cd "$content" || exit 0',
        "total=0",
        "ls -lnt | while read -r mode links owner group size rest; do",
        '  case "$size" in "" | *[!0-9]*) continue ;; esac',
        "  total=$((total + (size + 1023) / 1024))",
        f'  [ "$total" -le {cap_kib} ] || rm -f "./${{rest##* }}"',
        "done",
        "exit 0",
    )


def clean_script(root: str) -> bytes:
    """Remove everything stored on the board, and results nobody has fetched, but not the work of current sessions."""
    return compound(
        f"for kept in {quote(root)}/work/*/kept; do",
        '  [ ! -e "$kept" ] || rm -rf "${kept%/kept}"',
        "done",
        f"cd {quote(root)}/content && rm -f ./*",
    )


def send_script(work: str, path: str) -> bytes:
    """Print a file to stdout. Exit with 71 for a folder and 72 when the path doesn't exist."""
    return compound(
        f"cd {quote(work)} || exit 1",
        f"if [ -d {inside(path)} ]; then exit {IS_FOLDER}; fi",
        f"if [ -f {inside(path)} ]; then cat {inside(path)}; exit; fi",
        f"exit {IS_MISSING}",
    )


def list_script(work: str, path: str) -> bytes:
    """List a folder without links. Each entry is `d` or `f`, the relative path and a zero byte."""
    return compound(
        f"cd {quote(work)} && cd {inside(path)} || exit 1",
        """find . -type d -exec sh -c 'for n; do printf "d%s\\0" "$n"; done' sh {} +""",
        """find . -type f -exec sh -c 'for n; do printf "f%s\\0" "$n"; done' sh {} +""",
    )
