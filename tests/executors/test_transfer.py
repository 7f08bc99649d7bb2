"""What is sent over a link and what is not: contents that are there, files cut off halfway, links that are lost."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path, PurePosixPath

import pytest

from edgetool.errors import ConnectError, ExecutorError, LinkLost, TransferError
from edgetool.targets.registry import open_executor
from tests.executors.servers import BOUND_S, Server, dropbear, linked, openssh
from tests.hostile.board import Liar, lying_openssh
from tests.support.denied import LINK, SYMLINK, denied
from tests.support.waiting import await_true, within


def random_file(path: Path, size_bytes: int) -> Path:
    path.write_bytes(os.urandom(size_bytes))
    return path


def test_what_the_board_has_is_not_sent_again(server: Server, tmp_path: Path) -> None:
    file = random_file(tmp_path / "model", 3_000_000)
    with linked(server, tmp_path / "link") as (behind, link):
        for name in ("one", "two"):
            before = link.passed_bytes
            with open_executor(behind.target(folder=str(server.folder / "there"))) as executor:
                executor.put(file, PurePosixPath(name))
                executor.get(PurePosixPath(name), tmp_path / "back")
            assert (tmp_path / "back").read_bytes() == file.read_bytes()
            sent = link.passed_bytes - before
            assert sent > 3_000_000 if name == "one" else sent < 100_000


def test_a_content_that_was_changed_on_the_board_is_sent_again(server: Server, tmp_path: Path) -> None:
    file = random_file(tmp_path / "model", 2_000_000)
    target = server.target(folder=str(tmp_path / "there"))
    with open_executor(target) as executor:
        executor.put(file, PurePosixPath("model"))
    (kept,) = (tmp_path / "there" / "content").iterdir()
    kept.write_bytes(b"x" * 2_000_000)
    with open_executor(target) as executor:
        executor.put(file, PurePosixPath("model"))
        executor.get(PurePosixPath("model"), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == file.read_bytes()


def test_an_upload_that_was_cut_off_goes_on_where_it_ended(server: Server, tmp_path: Path) -> None:
    file = random_file(tmp_path / "model", 20_000_000)
    with linked(server, tmp_path / "link") as (behind, link):

        def cut() -> None:
            await_true(lambda: link.passed_bytes > 12_000_000, "it was not sent")
            link.cut()

        thread = threading.Thread(target=cut)
        thread.start()
        with open_executor(behind.target(folder=str(tmp_path / "there"))) as executor, within(BOUND_S):
            executor.put(file, PurePosixPath("model"))
            executor.get(PurePosixPath("model"), tmp_path / "back")
        thread.join()
        assert link.passed_bytes < 30_000_000
    assert (tmp_path / "back").read_bytes() == file.read_bytes()


def test_a_part_that_is_of_something_else_is_sent_anew(server: Server, tmp_path: Path) -> None:
    file = random_file(tmp_path / "model", 20_000_000)
    with linked(server, tmp_path / "link") as (behind, link):
        link.break_after(passed_bytes=5_000_000, for_good=True)
        with (
            pytest.raises(LinkLost),
            open_executor(behind.target(folder=str(tmp_path / "there"), lease_s=1)) as executor,
        ):
            executor.put(file, PurePosixPath("model"))
    (part,) = (tmp_path / "there" / "content").iterdir()
    size = part.stat().st_size
    assert 0 < size < 20_000_000
    part.write_bytes(b"x" * size)
    with open_executor(server.target(folder=str(tmp_path / "there"), wait_s=BOUND_S)) as executor:
        executor.put(file, PurePosixPath("model"))
        executor.get(PurePosixPath("model"), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == file.read_bytes()


def test_a_file_that_changes_while_it_is_sent_is_an_error(server: Server, tmp_path: Path) -> None:
    file = random_file(tmp_path / "model", 20_000_000)
    with linked(server, tmp_path / "link") as (behind, link):

        def change() -> None:
            await_true(lambda: link.passed_bytes > 1_000_000, "it was not sent")
            with file.open("r+b") as opened:
                opened.write(b"changed")

        thread = threading.Thread(target=change)
        thread.start()
        with (
            open_executor(behind.target(folder=str(tmp_path / "there"))) as executor,
            pytest.raises(TransferError, match="changed while it was sent"),
        ):
            executor.put(file, PurePosixPath("model"))
        thread.join()


def test_many_files_go_over_a_slow_link_at_the_first_try(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(10):
        random_file(folder / str(number), 1000)
    with linked(server, tmp_path / "link") as (behind, link):
        link.delay_s = 0.05
        with open_executor(behind.target(folder=str(tmp_path / "there"))) as executor:
            before = link.connections
            executor.put(folder, PurePosixPath("folder"))
            assert link.connections == before, "the link was lost and made again"


def test_a_file_that_is_longer_on_its_way_than_a_board_may_be_silent_arrives(server: Server, tmp_path: Path) -> None:
    """The buffers on the way take all of it at once, and pass on 100 kB a second."""
    file = random_file(tmp_path / "model", 700_000)
    with linked(server, tmp_path / "link") as (behind, link):
        target = behind.target(folder=str(tmp_path / "there"), connect_timeout_s=3.0, lease_s=30.0)
        with open_executor(target) as executor, within(BOUND_S):
            link.piece_bytes, link.delay_s = 4096, 0.04
            before = link.connections
            executor.put(file, PurePosixPath("model"))
            assert link.connections == before, "the link was lost and made again"
            link.piece_bytes, link.delay_s = 65536, 0.0
            executor.get(PurePosixPath("model"), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == file.read_bytes()


def test_a_board_that_tells_of_what_it_took_in_large_steps_gets_it_all(tmp_path: Path) -> None:
    file = random_file(tmp_path / "model", 20_000_000)
    (tmp_path / "server").mkdir()
    with (
        dropbear(tmp_path / "server", "-W", "1048576") as server,  # it tells of a third of its window at a time
        open_executor(server.target(folder=str(tmp_path / "there"))) as executor,
        within(60),
    ):
        executor.put(file, PurePosixPath("model"))
        executor.get(PurePosixPath("model"), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == file.read_bytes()


def test_a_board_that_is_slow_with_each_of_many_files_gets_them_all(tmp_path: Path) -> None:
    """All of them take it longer than it may be silent."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(12):
        random_file(folder / str(number), 1000)
    slowly = "".join(f'{name}() {{ sleep 0.4; command {name} "$@"; }}\n' for name in ("cat", "cp"))
    with lying_openssh(tmp_path / "sshd") as server, within(BOUND_S):
        Liar(server=server).says(slowly)
        with open_executor(server.target(folder=str(tmp_path / "there"), connect_timeout_s=3.0)) as executor:
            executor.put(folder, PurePosixPath("folder"))
            arrived = {path.name: path.read_bytes() for path in tmp_path.glob("there/work/*/files/folder/*")}
    assert arrived == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_of_one_content_lie_there_once(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    random_file(folder / "one", 2_000_000)
    (folder / "two").symlink_to("one")
    (folder / "three").write_bytes((folder / "one").read_bytes())
    with open_executor(server.target(folder=str(tmp_path / "there"))) as executor:
        executor.put(folder, PurePosixPath("folder"))
        executor.get(PurePosixPath("folder"), tmp_path / "back")
    assert {path.name: path.read_bytes() for path in (tmp_path / "back").iterdir()} == {
        name: (folder / "one").read_bytes() for name in ("one", "two", "three")
    }
    assert len(list((tmp_path / "there" / "content").iterdir())) == 1


def test_what_is_kept_on_the_board_has_a_cap(server: Server, tmp_path: Path) -> None:
    target = server.target(folder=str(tmp_path / "there"), cache_mib=3)
    with open_executor(target) as executor:
        for name in ("a", "b", "c"):
            executor.put(random_file(tmp_path / name, 2_000_000), PurePosixPath(name))
        executor.get(PurePosixPath("a"), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "a").read_bytes()
    assert len(list((tmp_path / "there" / "content").iterdir())) == 1


def test_a_link_lost_while_a_file_comes_back_leaves_no_half_of_it(server: Server, tmp_path: Path) -> None:
    file = random_file(tmp_path / "model", 8_000_000)
    with linked(server, tmp_path / "link") as (behind, link):
        (tmp_path / "here").mkdir()

        def get_on_and_on() -> None:
            with open_executor(behind.target(lease_s=1.0)) as executor:
                executor.put(file, PurePosixPath("model"))
                link.limit_bytes = link.passed_bytes + 2_000  # a shell's script passes, what follows does not
                for number in range(1000):
                    executor.get(PurePosixPath("model"), tmp_path / "here" / str(number))

        with within(BOUND_S), pytest.raises(ConnectError):
            get_on_and_on()
        whole = [path.stat().st_size for path in (tmp_path / "here").iterdir()]
        assert set(whole) <= {8_000_000}


def test_a_board_without_hard_links_will_do(tmp_path: Path) -> None:
    """Contents of megabytes are linked where that can be done; FAT and some network file systems can't."""
    file = random_file(tmp_path / "model", 3_000_000)
    with (
        openssh(tmp_path / "sshd", before=denied(errno.EPERM, LINK)) as server,
        open_executor(server.target()) as executor,
    ):
        executor.put(file, PurePosixPath("model"))
        assert executor.run(["sh", "-c", "ln model again || wc -c <model"], timeout_s=60).stdout == b"3000000\n"
        executor.get(PurePosixPath("model"), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == file.read_bytes()


def test_a_board_without_symbolic_links_is_an_error_that_says_so(tmp_path: Path) -> None:
    with (
        openssh(tmp_path / "sshd", before=denied(errno.EPERM, LINK, SYMLINK)) as server,
        pytest.raises(ExecutorError, match="symbolic link") as caught,
    ):
        open_executor(server.target()).__enter__()
    assert "FAT" in str(caught.value.hint)
