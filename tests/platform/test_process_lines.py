"""A program's lines are seen while it runs."""

from __future__ import annotations

import sys
import threading

from edgetool.platform.process import run_process


def test_lines_come_while_the_program_still_runs() -> None:
    first = threading.Event()
    code = "import sys; print('one', flush=True); sys.stdin.read(); print('two')"
    lines: list[str] = []

    def note(line: str) -> None:
        lines.append(line)
        first.set()

    done = run_process([sys.executable, "-c", code], timeout_s=60, on_line=note)
    assert first.is_set()
    assert done.stdout == b"one\ntwo\n"
    assert lines == ["one", "two"]


def test_a_line_that_comes_in_pieces_is_one_line() -> None:
    code = "import os\nfor word in (b'[1/', b'2] a', b'\\n[2/2] b\\n'): os.write(1, word)"
    lines: list[str] = []
    run_process([sys.executable, "-c", code], timeout_s=60, on_line=lines.append)
    assert lines == ["[1/2] a", "[2/2] b"]
