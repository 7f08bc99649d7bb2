"""A board's lock against other accounts: what they plant is not believed, what is ours they cannot take away."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgetool.errors import BoardBusy, ExecutorError
from edgetool.executors.supervision import enter_script
from edgetool.platform.process import run_process
from edgetool.targets.registry import open_executor
from tests.executors.servers import BOUND_S, Server, openssh
from tests.support.waiting import within

OTHER = 65534  # an account that is not ours
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may act as another account")


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with openssh(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.mark.parametrize("claim", ["1.0:aaaa:init", "x", "", "../../etc.1:a:b", "4194304.1:a:nobody"])
def test_a_claim_that_nobody_stands_behind_holds_nothing(board: Server, tmp_path: Path, claim: str) -> None:
    (tmp_path / "there").mkdir()
    for name in ("lock", "lock.0", "lock.4711"):
        (tmp_path / "there" / name).symlink_to(claim or "-")
    with within(BOUND_S), open_executor(board.target(folder=str(tmp_path / "there"))):
        pass


@as_root
def test_a_claim_by_another_accounts_process_is_not_believed(board: Server, tmp_path: Path) -> None:
    """It names a process that is alive, ours, but the link is another's."""
    there = tmp_path / "there"
    there.mkdir()
    start = Path(f"/proc/{os.getpid()}/stat").read_text().rpartition(")")[2].split()[19]
    (there / "lock").symlink_to(f"{os.getpid()}.{start}:aaaa:somebody")
    os.chown(there / "lock", OTHER, OTHER, follow_symlinks=False)
    with within(BOUND_S), open_executor(board.target(folder=str(there))):
        pass


@pytest.mark.parametrize("make", ["ln -s /etc/passwd", "mkdir", "mkfifo"])
def test_what_is_no_file_is_not_locked(board: Server, tmp_path: Path, make: str) -> None:
    (tmp_path / "there").mkdir()
    run_process(["sh", "-c", f"{make} {tmp_path}/there/lock.file"], timeout_s=30)
    with pytest.raises(ExecutorError, match="not a usable lock file"), within(BOUND_S):
        open_executor(board.target(folder=str(tmp_path / "there"))).__enter__()


def test_the_second_is_told_who_has_it_and_the_third_comes_in(board: Server, tmp_path: Path) -> None:
    target = board.target(folder=str(tmp_path / "there"))
    for _ in range(2):
        with open_executor(target), pytest.raises(BoardBusy, match=r"in use by \S+@"), within(BOUND_S):
            open_executor(target).__enter__()


@pytest.mark.parametrize(("folder", "there"), [("~/x y", "home/x y"), ("rel", "home/rel"), ("~/~", "home/~")])
def test_a_folder_is_where_scp_would_put_it(board: Server, folder: str, there: str) -> None:
    with open_executor(board.target(folder=folder)):
        assert (board.folder / there / "work").is_dir()


@as_root
def test_the_lock_of_all_accounts_lies_where_only_its_owner_can_remove_it(tmp_path: Path) -> None:
    """The script alone, in a mount namespace whose /run/lock is ours to look at."""
    (tmp_path / "script").write_bytes(enter_script("01234567", None, lease_s=1, holder="me", exclusive=True))
    (tmp_path / "lock").mkdir()
    shutil.copymode("/tmp", tmp_path / "lock")
    inside = (
        f"mount --bind {tmp_path}/lock /run/lock && (sleep 1; echo bye) | sh {tmp_path}/script >/dev/null & "
        f"sleep 0.8; ls -l {tmp_path}/lock; "
        f"setpriv --reuid={OTHER} --clear-groups rm -f {tmp_path}/lock/edgetool.file {tmp_path}/lock/edgetool.0; "
        f"ls {tmp_path}/lock; wait"
    )
    env = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": ""}
    done = run_process(["unshare", "--mount", "sh", "-c", inside], env=env, timeout_s=BOUND_S)
    if b"permission" in done.stderr.lower() and not done.stdout:
        pytest.skip("no mount namespace")
    assert done.stdout.split()[-2:] == [b"edgetool.0", b"edgetool.file"], done.stderr
