"""A whole emulated board: it boots, runs a bundle through SSH, and leaves nothing when it ends."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from edgetool.boards.emulated import EmulatedBoardExecutor, board_options
from edgetool.boards.probe import probe_board
from edgetool.boards.virtual import (
    HOST,
    SSH_CONFIG,
    STATE,
    BoardOptions,
    BoardState,
    board_folder,
    read_board,
    start_board,
    stop_board,
)
from edgetool.errors import BoardBusy, ConfigError, ConnectError, JobLost, LinkLost, WrongMachine
from edgetool.executors.ssh import SshExecutor
from edgetool.harness.bench import open_bench
from edgetool.models.spec import ModelArtifact
from edgetool.platform.context import StepContext
from edgetool.platform.daemons import Daemon, end_daemon, identify
from edgetool.platform.documents import write_document
from edgetool.platform.store import Store
from edgetool.records.caveats import Caveat, caveats_of
from edgetool.records.measure import measure
from edgetool.targets.registry import load_target
from tests.conftest import bundle_for, kit_for
from tests.support.waiting import within

SMALL = BoardOptions(cores=2, memory_mib=1024, vlen_bits=256)
NAME = "virt-riscv64"

pytestmark = [
    pytest.mark.skipif(shutil.which(SMALL.machine.emulator) is None, reason="needs qemu-system-misc"),
    pytest.mark.xdist_group("virtual-board"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("boards") / "a long name, with a comma" / NAME


@pytest.fixture(scope="module")
def board(folder: Path, store: Store) -> Iterator[BoardState]:
    yield start_board(folder, SMALL, store)
    stop_board(folder)


def executor_of(folder: Path, *, lease_s: float = 5.0, exclusive: bool = True) -> SshExecutor:
    settings = SshExecutor.Settings(kind="ssh", host=HOST, config=str(folder / SSH_CONFIG), lease_s=lease_s)
    return SshExecutor(settings, exclusive=exclusive)


def test_a_board_is_a_riscv_linux_that_ssh_reaches(board: BoardState, folder: Path) -> None:
    with executor_of(folder) as executor:
        probe = probe_board(executor)
    assert board.running
    assert (probe.machine, probe.cores, probe.vectors) == ("riscv64", 2, "vectors (V 1.0)")


def test_a_board_that_runs_is_found_again(board: BoardState, folder: Path, store: Store) -> None:
    assert start_board(folder, SMALL, store) == board == read_board(folder)
    with pytest.raises(ConfigError, match="with other options"):
        start_board(folder, replace(SMALL, cores=1), store)


def test_only_its_own_key_opens_it_and_only_on_loopback(board: BoardState, folder: Path) -> None:
    assert (folder / "id_ed25519").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if " 0A " in line]
    assert f"0100007F:{board.port:04X}" in listening
    assert f"00000000:{board.port:04X}" not in listening


@pytest.mark.usefixtures("board")
def test_files_and_commands_go_through_a_dropbear_without_sftp(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a'b\nc").write_bytes(b"\0text")
    with executor_of(folder) as executor, within(300):
        executor.put(tmp_path / "a'b\nc", PurePosixPath("there") / "a'b\nc")
        executor.get(PurePosixPath("there"), tmp_path / "back")
        assert executor.run(["sh", "-c", "exit 7"], timeout_s=60).exit_code == 7
        assert executor.run(["sleep", "1000"], timeout_s=1).timed_out
        assert b"sleep 1000" not in executor.run(["ps"], timeout_s=60).stdout
    assert (tmp_path / "back" / "a'b\nc").read_bytes() == b"\0text"


@pytest.mark.usefixtures("board")
def test_a_program_of_another_machine_is_refused_before_it_runs(folder: Path) -> None:
    from edgetool.boards.probe import check_machine_of

    with executor_of(folder) as executor, pytest.raises(WrongMachine, match=r"raspberry-pi is riscv64"):
        check_machine_of(load_target("raspberry-pi"), probe_board(executor))


@pytest.mark.parametrize(("name", "machine", "vlen_bits"), [(NAME, "riscv64", 256), ("virt-aarch64", "aarch64", 0)])
def test_a_bundle_runs_on_a_board_of_its_own_and_its_times_are_marked(
    name: str, machine: str, vlen_bits: int, tiny: ModelArtifact, images_path: Path, context: StepContext
) -> None:
    kit = kit_for(name, context)
    kit = replace(kit, target=replace(kit.target, benchmark=replace(kit.target.benchmark, timeout_s=600.0)))
    emulator = board_options(kit.target).machine.emulator
    if shutil.which(emulator) is None:
        pytest.skip(f"needs {emulator}")
    bundle = bundle_for(kit, [tiny], images_path, context)
    with open_bench(bundle, kit.target, context) as bench:
        record = measure(bench, bundle.manifest.models[0]).record
    assert record.emulated
    assert Caveat.EMULATED in caveats_of(record)
    assert emulator in str(record.environment.emulator)
    assert record.environment.board is not None
    assert record.environment.process.machine == machine
    assert record.environment.process.vector_length_bits == vlen_bits
    assert record.accuracy is not None
    assert record.accuracy.labels == record.accuracy.predictions
    assert not list((context.store.root / "boards").glob(f"{name}-*"))


def test_a_board_has_the_options_of_its_target(store: Store) -> None:
    small = load_target("virt-aarch64")
    assert board_options(small).triple == "aarch64-linux-gnu"
    with pytest.raises(ConfigError, match="a vector length applies only to RISC-V"):
        start_board(
            store.root / "none", board_options(replace(small, executor={"kind": "virtual", "vlen_bits": 256})), store
        )
    with pytest.raises(ConfigError, match="host is not an emulated board"):
        board_options(load_target("host"))


def test_a_board_that_was_up_and_runs_no_more_is_not_replaced_by_another(store: Store) -> None:
    target = replace(load_target(NAME), name="dead")
    gone = Daemon(pid=2**22, started_ticks=1)  # above every PID there can be
    state = BoardState(schema=1, options=SMALL, emulator="none", process=gone, port=1, boot_ms=1)
    write_document(board_folder(store, "dead") / STATE, state)
    try:
        with (
            pytest.raises(ConnectError, match="dead was started but is no longer running"),
            EmulatedBoardExecutor.open(target),
        ):
            pass
    finally:
        assert not stop_board(board_folder(store, "dead"))


@pytest.mark.usefixtures("board")
def test_a_clock_that_jumps_ends_nothing(folder: Path) -> None:
    """Neither the job, nor the lease, nor the lock: by a year back, then by one on."""
    with executor_of(folder, lease_s=2.0) as executor, within(200):

        def jump() -> None:
            with executor_of(folder, exclusive=False) as other:
                other.run(["date", "-s", "2020-01-01 00:00:00"], timeout_s=60).check()

        jump()
        ended = executor.run(["sh", "-c", "sleep 3; date -s '2031-01-01 00:00:00'; sleep 3; exit 7"], timeout_s=100)
        assert (ended.exit_code, ended.timed_out) == (7, False)
        with pytest.raises(BoardBusy):
            executor_of(folder).__enter__()
        assert executor.run(["sleep", "1000"], timeout_s=1).timed_out


def test_a_board_that_is_restarted_says_so_and_works_again(tmp_path: Path, store: Store) -> None:
    folder = tmp_path / NAME
    start_board(folder, replace(SMALL, vlen_bits=None), store)
    try:
        with within(300):
            with pytest.raises(JobLost, match="rebooted"), executor_of(folder, lease_s=120.0) as executor:  # noqa: PT012
                assert probe_board(executor).vectors == "no vectors"
                executor.run(["sh", "-c", "sleep 1; reboot -f; sleep 1000"], timeout_s=900)
            with executor_of(folder) as executor:
                assert executor.run(["echo", "again"], timeout_s=60).stdout == b"again\n"
    finally:
        stop_board(folder)


def test_a_board_without_vectors_that_loses_its_power_is_a_lost_link(tmp_path: Path, store: Store) -> None:
    folder = tmp_path / NAME
    state = start_board(folder, replace(SMALL, vlen_bits=None), store)
    try:
        with within(120), pytest.raises(LinkLost, match="was lost"), executor_of(folder) as executor:  # noqa: PT012
            assert probe_board(executor).vectors == "no vectors"
            power = threading.Timer(1.0, end_daemon, [state.process])
            power.start()
            executor.run(["sleep", "1000"], timeout_s=900)
        power.join()
        after = read_board(folder)
        assert after is not None
        assert not after.running
    finally:
        stop_board(folder)


def test_a_stopped_board_leaves_nothing(board: BoardState, folder: Path) -> None:
    """Stands last: no other test can use the board afterwards."""
    stop_board(folder)
    assert identify(board.process.pid) is None
    assert not folder.exists()
