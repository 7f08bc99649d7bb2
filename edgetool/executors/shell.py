"""What is said to a board's POSIX shell: every script and all quoting.

A script goes to a shell's stdin, so neither its length nor the login shell's own rules matter. All of it is one
compound command: a shell reads it whole before it does any of it, and what follows on stdin is the script's own.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

from edgetool.errors import ExecutorError
from edgetool.platform.values import value

SHELL = "exec /bin/sh"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MARK = "EDGETOOL_RUN"  # in the environment of all we start, by which it is found and ended
LINK_FROM_BYTES = 2**20  # smaller files are copied: a copy may be written to without harm to the kept one

# The marked processes, wherever they went: a group or session of their own does not hide them. Few greps read entries
# that end in a zero byte without being told to, and not all can be told.
END_MARKED = f"""
marked() {{
  if printf 'a\\0b\\0' | grep -qz '^b$' 2>/dev/null; then
    grep -lsFz "{MARK}=$1" /proc/[0-9]*/environ 2>/dev/null
    return
  fi
  for each in /proc/[0-9]*/environ; do
    if {{ tr '\\0' '\\n' <"$each" | grep -qF "{MARK}=$1"; }} 2>/dev/null; then echo "$each"; fi
  done
}}
end_marked() {{
  for signal in TERM KILL KILL KILL KILL; do
    found=$(marked "$1")
    [ -n "$found" ] || return 0
    for each in $found; do
      each=${{each#/proc/}}
      kill -"$signal" "${{each%/environ}}" 2>/dev/null
    done
    sleep 1
  done
}}
"""


@value
class Placement:
    """A file of the content folder and where it goes."""

    sha256: str
    size_bytes: int
    path: str
    executable: bool


def quote(word: str) -> str:
    if "\0" in word:
        raise ExecutorError(f"{word!r} cannot be said to a shell: it holds a zero byte")
    return shlex.quote(word)


def inside(path: str) -> str:
    """A relative path that no program takes for an option."""
    return quote(f"./{path}")


def _compound(*lines: str) -> bytes:
    return ("{\n" + "\n".join(lines) + "\n}\n").encode("utf-8", "surrogateescape")


def keep_script(identity: str, folder: str | None) -> bytes:
    """Make a work folder and keep it until "bye" or the end of stdin; then end all that is marked and remove it.

    So a lost link leaves nothing behind: the board itself cleans up. Says, each followed by a zero byte:
    `edgetool`, `ready`, the root, whether it has sha256sum; or `edgetool`, `failed`, why, nothing.
    """
    return _compound(
        "trap '' HUP PIPE",
        "umask 077",
        END_MARKED,
        "refuse() { printf 'edgetool\\0failed\\0%s\\0\\0' \"$1\"; exit 1; }",
        f"asked={quote(folder or '')}",
        "root=${asked:-${XDG_CACHE_HOME:-$HOME/.cache}/edgetool}",
        'said=$(mkdir -p "$root/content" "$root/work" 2>&1 && : 2>&1 >"$root/work/.try" && rm -f "$root/work/.try")',
        "if [ $? -ne 0 ]; then",
        '  [ -z "$asked" ] || refuse "$said"',
        # no home, or one that can't be written: a folder that nobody else made, gone afterwards
        f"  temporary=${{TMPDIR:-/tmp}}/edgetool-{identity}; root=$temporary",
        '  said=$(mkdir "$root" 2>&1 && mkdir "$root/content" "$root/work" 2>&1) || refuse "$said"',
        "fi",
        # what others left whose shell is gone, as after a reboot
        'for keeper in "$root"/work/*.keeper; do',
        '  [ -f "$keeper" ] || continue',
        '  pid=; read -r pid <"$keeper"',
        '  kill -0 "$pid" 2>/dev/null || rm -rf "${keeper%.keeper}" "$keeper"',
        "done",
        f"work=$root/work/{identity}",
        'said=$( { echo $$ >"$work.keeper"; } 2>&1 && mkdir "$work" 2>&1) || refuse "$said"',
        "if command -v sha256sum >/dev/null 2>&1; then hashes=yes; else hashes=no; fi",
        "printf 'edgetool\\0ready\\0%s\\0%s\\0' \"$root\" $hashes",
        "while read -r word; do case $word in bye) break ;; esac; done",
        f"end_marked {identity}.",
        'cd / && rm -rf "$work" "$work.keeper" ${temporary:+"$temporary"}',
    )


def run_script(work: str, mark: str, argv: Sequence[str], env: Mapping[str, str]) -> bytes:
    """Run a program in the work folder as the leader of a process group of its own where there is a setsid."""
    for name in env:
        if not NAME.fullmatch(name):
            raise ExecutorError(f"{name!r} is not an environment variable's name")
    words = " ".join(quote(word) for word in argv)
    return _compound(
        f"cd {quote(work)} || exit 125",
        "if command -v setsid >/dev/null 2>&1; then leader='setsid'; else leader=; fi",
        "(",
        f"  export {MARK}={quote(mark)}",
        *(f"  export {name}={quote(text)}" for name, text in env.items()),
        f"  exec $leader {words} </dev/null",
        ") &",
        "pid=$!",
        'wait "$pid"; code=$?',
        'kill -KILL -"$pid" 2>/dev/null',
        'exit "$code"',
    )


def end_script(mark: str) -> bytes:
    """End everything that carries the mark."""
    return _compound(END_MARKED, f"end_marked {quote(mark)}")


def inventory_script(content: str, hashes: Iterable[str], *, can_hash: bool) -> bytes:
    """Which contents the board has, judged by hashing them there.

    Says `have HASH` or, for one whose upload was cut off, `part HASH BYTES`. What does not fit its name is removed.
    """
    sound = 'sum=$(sha256sum <"$1") && [ "${sum%% *}" = "$1" ] && touch "$1"' if can_hash else "false"
    return _compound(
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


CUT_OFF, NOT_SOUND = 4, 3


def store_command(content: str, sha256: str, size_bytes: int, *, append: bool, can_hash: bool) -> str:
    """The command that takes a content from its stdin; CUT_OFF and NOT_SOUND are among its exit codes."""
    part = f"{sha256}.part"
    # What came whole over this link is what was sent: the link says so. What was there before has to show it.
    check = f"sum=$(sha256sum <{part})" if append and can_hash else f"sum={sha256}"
    script = (
        f"umask 077; cd {quote(content)} || exit 1; "
        # a disk that is full stays so unless what filled it goes
        f"cat {'>>' if append else '>'}{part} || {{ rm -f {part}; exit 1; }}; "
        f"size=$(wc -c <{part}); [ $size -ge {size_bytes} ] || exit {CUT_OFF}; {check}; "
        f'{{ [ $size -eq {size_bytes} ] && [ "${{sum%% *}}" = {sha256} ]; }} || {{ rm -f {part}; exit {NOT_SOUND}; }}; '
        f"chmod 700 {part} && mv -f {part} {sha256}"
    )
    return f"exec /bin/sh -c {quote(script)}"


def place_script(work: str, content: str, folders: Iterable[str], files: Iterable[Placement], *, cap_kib: int) -> bytes:
    """Put contents in their places in the work folder, then trim the content folder to its cap, oldest first."""
    return _compound(
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
    """Remove all that is kept on the board, but for the work of who is there now. Says how many KiB that was."""
    return _compound(
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
    return _compound(
        f"cd {quote(work)} || exit 1",
        f"if [ -d {inside(path)} ]; then exit {IS_FOLDER}; fi",
        f"if [ -f {inside(path)} ]; then cat {inside(path)}; exit; fi",
        f"exit {IS_MISSING}",
    )


def list_script(work: str, path: str) -> bytes:
    """What a folder holds, without links: `d` or `f`, the path relative to it, a zero byte."""
    return _compound(
        f"cd {quote(work)} && cd {inside(path)} || exit 1",
        """find . -type d -exec sh -c 'for n; do printf "d%s\\0" "$n"; done' sh {} +""",
        """find . -type f -exec sh -c 'for n; do printf "f%s\\0" "$n"; done' sh {} +""",
    )
