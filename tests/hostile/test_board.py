"""What a board may say instead of the truth: each lie ends in bounded time, in an error or in the truth found out."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

from edgetool.boards.probe import probe_board
from edgetool.errors import BoardBusy, EdgetoolError, ExecutorError
from edgetool.executors.base import Executor
from edgetool.executors.ssh import SshExecutor
from edgetool.targets.registry import open_executor
from tests.hostile.board import LIARS, Liar
from tests.support.waiting import within

pytestmark = pytest.mark.skipif(
    "EDGETOOL_TEST_HOSTILE" not in os.environ,
    reason="`make test-hostile` runs it, eight rows at a time: most of it is waiting",
)

HERE = Path(__file__)
PATIENCE_S = 1.0  # how long a board may be silent; all bounds follow from it
MEMORY_BYTES = 256 * 2**20  # that one lie may cost us

SILENT = "sleep 1000"
FLOODS = "cat /dev/zero"
BABBLES = "while :; do echo nonsense; done"
NO_LINE_END = "yes | tr -d '\\n'"
TO_STDERR = "cat /dev/zero >&2"
TO_BOTH = "cat /dev/zero >&2 & cat /dev/zero"


@dataclass(frozen=True, kw_only=True)
class Lie:
    name: str
    says: str
    act: Callable[[Executor, Path], object]
    ends: type[EdgetoolError] | None = ExecutorError  # None: it may also be found out to be harmless
    patience_s: float = PATIENCE_S
    silences: int = 3  # how often it may be waited for the board


def nothing(executor: Executor, folder: Path) -> None:
    del executor, folder


def put(executor: Executor, folder: Path) -> None:
    del folder
    executor.put(HERE, PurePosixPath("there"))


def get(executor: Executor, folder: Path) -> None:
    put(executor, folder)
    executor.get(PurePosixPath("there"), folder / "back", limit_bytes=2**20)


def get_folder(executor: Executor, folder: Path) -> None:
    executor.put(HERE, PurePosixPath("folder/there"))
    executor.get(PurePosixPath("folder"), folder / "back", limit_bytes=2**20)
    assert not list(folder.parent.glob("outside*")), "a board wrote outside the folder it was given"


def run(executor: Executor, folder: Path) -> None:
    del folder
    executor.run(["true"], timeout_s=PATIENCE_S)


def probe(executor: Executor, folder: Path) -> None:
    del folder
    assert probe_board(executor).machine.isprintable()


def jobs(executor: Executor, folder: Path) -> None:
    del folder
    assert isinstance(executor, SshExecutor)
    assert all(job.command.isprintable() and job.holder.isprintable() for job in executor.jobs())


def said(*parts: str) -> str:
    return "printf '" + "".join(f"{part}\\000" for part in ("edgetool", *parts)) + "'"


GREETINGS = {
    "silent": SILENT,
    "flooding": FLOODS,
    "babbling": BABBLES,
    "endless line": NO_LINE_END,
    "flooding stderr": TO_STDERR,
    "flooding both": TO_BOTH,
    "a quiet end": "exit 0",
    "a loud end": "echo no shell for you >&2; exit 3",
    "killed": "kill -KILL $$",
    "an echo": "exec cat",
    "random bytes": "exec cat /dev/urandom",
    "half an answer": f"printf 'edgetool\\000ready\\000/tmp'; {SILENT}",
    "an unknown word": f"{said('surprise', '', '')}; {SILENT}",
    "an empty word": f"{said('', '', '')}; {SILENT}",
    "a refusal with escapes": f"{said('failed', chr(27) + '[2Jall is well', '')}; {SILENT}",
    "a refusal of a megabyte": f"printf 'edgetool\\000failed\\000'; head -c 1000000 /dev/zero | tr '\\000' x; {SILENT}",
    "gone": f"{said('gone', '', '')}; {SILENT}",
    "drips": "while :; do printf x; sleep 0.2; done",
    "closed stdout": f"exec >&-; {SILENT}",
    "closed stdin": f"exec <&-; {SILENT}",
}

# in place of a program → what it does instead
TOOLS = {
    "silent": SILENT,
    "floods": "command cat /dev/zero",
    "floods stderr": "command cat /dev/zero >&2",
    "nonsense": "echo nonsense",
    "random": "head -c 300 /dev/urandom",
    "drips": "while :; do printf .; sleep 0.2; done",
    "nothing": ":",
    "fails": "return 1",
    "a huge number": "echo 99999999999999999999999999",
    "the end of its shell": "exit 7",
    "killed": "kill -KILL $$",
}
USED_BY = {
    put: ("ls", "mkdir", "mv", "chmod", "wc", "cat", "sha256sum"),
    get: ("cat",),
    get_folder: ("find",),
    run: ("readlink", "cat", "mkdir", "ln"),
    jobs: ("readlink", "head"),
}


def lies() -> Iterator[Lie]:
    for name, says in GREETINGS.items():
        yield Lie(name=f"greeting, {name}", says=says, act=nothing)
    yield Lie(
        name="busy for ever",
        says=f"while :; do {said('busy', 'me', '')}; sleep 0.1; done",
        act=nothing,
        ends=BoardBusy,
        patience_s=30.0,
    )
    flood = f"while :; do {said('busy', 'me', '')}; done"
    yield Lie(name="busy in a flood", says=flood, act=nothing, ends=BoardBusy, patience_s=30.0)
    silent = f"{said('busy', '', '')}; {SILENT}"
    yield Lie(name="busy and then silent", says=silent, act=nothing, ends=BoardBusy, patience_s=30.0)
    for root in (
        "relative",
        "../..",
        "/",
        "",
        "/proc/1",
        "/nowhere",
        "\\n# a heading",
        "-rf",
        "$(touch x)",
        "/dev/null",
    ):
        yield Lie(name=f"root {root!r}", says=f"{said('ready', root, 'yes')}; . /dev/stdin", act=put, silences=6)
    for act, tools in USED_BY.items():
        for tool in tools:
            for name, says in TOOLS.items():
                yield Lie(
                    name=f"{act.__name__}, {tool} {name}",
                    says=f"{tool}() {{ {says}; }}",
                    act=act,
                    ends=None,
                    silences=8,
                )
    for name, path in {
        "above": "../../outside",
        "absolute": "/tmp/outside",
        "a zero": "a\\000b",
        "deep": "d/" * 2000,
        "long": "x" * 5000,
        "a control character": "a\\033[2J",
    }.items():
        yield Lie(
            name=f"find names {name}",
            says=f"find() {{ printf 'f{path}\\000'; }}",
            act=get_folder,
            ends=ExecutorError,
            silences=6,
        )
    yield Lie(
        name="find names 10001 files", says="find() { yes f./there | head -10001 | tr '\\n' '\\000'; }", act=get_folder
    )


ROWS = tuple(lies())


@pytest.fixture
def liar(lying: Liar) -> Iterator[Liar]:
    yield lying
    lying.end()


@pytest.fixture(scope="module", params=LIARS)
def lying(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Liar]:
    with LIARS[request.param](tmp_path_factory.mktemp(f"lying-{request.param}")) as server:
        yield Liar(server=server)


def resident_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("lie", ROWS, ids=lambda lie: lie.name)
def test_a_lie_ends_in_bounded_time_and_memory(lie: Lie, liar: Liar, tmp_path: Path) -> None:
    liar.says(f"{lie.says}\n")
    before = resident_bytes()
    with within(15 + lie.silences * PATIENCE_S):
        ended = None
        try:
            with open_executor(liar.target(tmp_path / "there", patience_s=lie.patience_s)) as executor:
                lie.act(executor, tmp_path / "here")
        except EdgetoolError as error:
            ended = error
    if ended is None:
        assert lie.ends is None, "a lie was believed"
    else:
        assert lie.ends is None or isinstance(ended, lie.ends)
        assert ended.exit_code == 5
        assert ended.message.isprintable()
        assert len(ended.message) < 1000
    assert resident_bytes() - before < MEMORY_BYTES
