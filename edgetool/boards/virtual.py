"""Emulated boards: a complete Linux under QEMU, reached over SSH like a real board."""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, ClassVar

from annotated_types import Ge, Le

from edgetool.boards.image import READY, BoardImage, board_image
from edgetool.boards.keys import KeyPair, make_key_pair
from edgetool.boards.machines import Machine, machine_for
from edgetool.errors import ConfigError, ExecutorError
from edgetool.executors.emulators import emulator_version
from edgetool.platform import cpio
from edgetool.platform.daemons import Daemon, end_daemon, identify, is_running
from edgetool.platform.documents import read_document, write_document
from edgetool.platform.files import write_atomically
from edgetool.platform.process import run_process
from edgetool.platform.store import Store
from edgetool.platform.values import Name, NonNegative, Text, plain_name, value

HOST = "board"  # in each board's own SSH configuration
LOOPBACK = "127.0.0.1"
BOOT_TIMEOUT_S = 180.0  # for a busy machine; an idle one takes a few seconds
START_TIMEOUT_S = 30.0
PORT_ATTEMPTS = 5
STATE = "board.json"
SSH_CONFIG = "ssh_config"
CONSOLE = "console.log"
PID = "pid"


@value
class BoardOptions:
    """The machine to emulate. A RISC-V machine without `vlen_bits` has no vectors, like boards before 2024."""

    triple: Name = "riscv64-linux-gnu"
    cores: Annotated[int, Ge(1), Le(16)] = 2
    memory_mib: Annotated[int, Ge(256), Le(1024 * 1024)] = 2048
    vlen_bits: Annotated[int, Ge(128), Le(1024)] | None = None

    @property
    def machine(self) -> Machine:
        """Return the machine. Raises ConfigError for a triple without an emulated machine."""
        return machine_for(self.triple)

    @property
    def cpu(self) -> str:
        """Return QEMU's -cpu. Raises ConfigError for an invalid combination of options.

        >>> BoardOptions().cpu, BoardOptions(triple="aarch64-linux-gnu").cpu
        ('rv64,v=false', 'cortex-a76')
        """
        if self.machine.name != "riscv64":
            if self.vlen_bits is not None:
                raise ConfigError(f"a vector length applies only to RISC-V, and the board is {self.machine.name}")
            return "cortex-a76"  # as in a Raspberry Pi 5
        if self.vlen_bits is None:
            return "rv64,v=false"
        if self.vlen_bits.bit_count() != 1:
            raise ConfigError(
                f"a vector length of {self.vlen_bits} bits is not a power of two", hint="use for example 256"
            )
        return f"rv64,v=true,vlen={self.vlen_bits},elen=64,vext_spec=v1.0"


@value
class BoardState:
    """A board that was started, stored as `board.json` in its folder."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    options: BoardOptions
    emulator: Text
    process: Daemon
    port: Annotated[int, Ge(1), Le(65535)]  # on loopback
    boot_ms: NonNegative  # from the emulator's start to the SSH server's banner

    @property
    def running(self) -> bool:
        return is_running(self.process)


def board_folder(store: Store, target: str) -> Path:
    """Return the state folder of the board that `edgetool board up` starts for a target."""
    return store.root / "boards" / plain_name(target)


def running_boards(store: Store) -> dict[str, BoardState]:
    """Return every running board by the name of its target."""
    folders = sorted(path.parent for path in (store.root / "boards").glob(f"*/{STATE}"))
    states = {folder.name: read_board(folder) for folder in folders}
    return {name: state for name, state in states.items() if state is not None and state.running}


def read_board(folder: Path) -> BoardState | None:
    """Return the board in a folder, running or not, or None when there is none."""
    return read_document(folder / STATE, BoardState) if (folder / STATE).is_file() else None


def check_emulator(machine: Machine) -> None:
    """Check that a machine's emulator is installed. Raises ConfigError when it isn't."""
    if shutil.which(machine.emulator) is None:
        raise ConfigError(
            f"{machine.emulator} is not installed", hint=f"as root: apt-get install {machine.emulator_package}"
        )


def start_board(folder: Path, options: BoardOptions, store: Store) -> BoardState:
    """Start a board that outlives this process, with its state in `folder`. A running board is left as it is.

    Raises ConfigError when the emulator isn't installed or the folder's board runs with other options. Raises
    ExecutorError when the board doesn't boot; nothing is left running then.
    """
    from filelock import FileLock

    machine, cpu = options.machine, options.cpu
    check_emulator(machine)
    image = board_image(machine, store)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        known = read_board(folder)
        if known is not None and known.running:
            if known.options != options:
                raise ConfigError(
                    f"the board {folder.name} is already running with other options",
                    hint=f"stop it first: edgetool board down --target {folder.name}",
                )
            return known
        host, user = make_key_pair(), make_key_pair()
        write_atomically(folder / "initramfs", image.initramfs.read_bytes() + cpio.archive(_keys(host, user)))
        write_atomically(folder / "id_ed25519", user.private_openssh)
        (folder / "id_ed25519").chmod(0o600)
        version = emulator_version(machine.emulator).rpartition(" ")[2]
        try:
            port, daemon, boot_s = _boot(folder, options, image)
            write_atomically(folder / "known_hosts", f"[{LOOPBACK}]:{port} {host.public_line}\n".encode())
            write_atomically(folder / SSH_CONFIG, _ssh_config(folder, port).encode())
            state = BoardState(
                schema=BoardState.SCHEMA,
                options=options,
                emulator=f"{machine.emulator} version {version}, -cpu {cpu}",
                process=daemon,
                port=port,
                boot_ms=round(boot_s * 1000),
            )
            write_document(folder / STATE, state)
        except BaseException:
            _end_by_pid_file(folder / PID, machine.emulator)
            raise
        return state


def stop_board(folder: Path) -> bool:
    """End the board and remove its folder with its keys. Return False when none was running."""
    state = read_board(folder)
    ended = state is not None and end_daemon(state.process)
    shutil.rmtree(folder, ignore_errors=True)
    return ended


def _keys(host: KeyPair, user: KeyPair) -> list[cpio.Member]:
    return [
        cpio.folder("root", 0o700),
        cpio.folder("root/.ssh", 0o700),
        cpio.file("root/.ssh/authorized_keys", f"{user.public_line}\n".encode(), 0o600),
        cpio.folder("etc/dropbear", 0o700),
        cpio.file("etc/dropbear/host_ed25519", host.private_dropbear, 0o600),
    ]


def _ssh_config(folder: Path, port: int) -> str:
    """Return the SSH client configuration, also usable with `ssh -F`."""
    lines = {
        "HostName": LOOPBACK,
        "Port": str(port),
        "User": "root",
        "IdentityFile": f'"{folder / "id_ed25519"}"',
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": f'"{folder / "known_hosts"}"',
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
    }
    return f"Host {HOST}\n" + "".join(f"  {key} {text}\n" for key, text in lines.items())


def _boot(folder: Path, options: BoardOptions, image: BoardImage) -> tuple[int, Daemon, float]:
    """Start the emulator and wait for its SSH server. Return its port, its process and the boot time in seconds."""
    for attempt in range(PORT_ATTEMPTS):
        port = _free_port()
        with _listening() as (listener, address):
            start = time.monotonic()
            (folder / PID).unlink(missing_ok=True)
            words = _command(folder, options, image, port, address)
            started = run_process(words, timeout_s=START_TIMEOUT_S, leaves_daemon=True)
            if started.exit_code != 0:
                said = started.stderr.decode(errors="replace").strip()
                if "host forwarding" in said and attempt + 1 < PORT_ATTEMPTS:
                    continue  # another process took the port in the meantime
                raise ExecutorError(f"{words[0]} did not start: {said or 'it took too long'}")
            _await_ready(listener, port, folder, deadline=start + BOOT_TIMEOUT_S)
            daemon = identify(int((folder / PID).read_text()))
            if daemon is None:
                raise ExecutorError(f"the emulated board ended right after booting{_last_words(folder)}")
            return port, daemon, time.monotonic() - start
    raise AssertionError("the last attempt returns or raises")


def _command(folder: Path, options: BoardOptions, image: BoardImage, port: int, ready: str) -> list[str]:
    machine = options.machine
    return [
        machine.emulator,
        *("-M", machine.board, "-cpu", options.cpu, "-smp", str(options.cores), "-m", f"{options.memory_mib}M"),
        *(
            "-kernel",
            str(image.kernel),
            "-initrd",
            str(folder / "initramfs"),
            "-append",
            f"console={machine.console} quiet",
        ),
        *("-nodefaults", "-no-user-config", "-display", "none", "-daemonize", "-pidfile", str(folder / PID)),
        # The console is logged to a file and sent to us until the board is ready.
        *("-chardev", f"socket,id=console,path={_escaped(ready)},logfile={_escaped(str(folder / CONSOLE))}"),
        *("-serial", "chardev:console"),
        # restrict: the board has no network access beyond the forwarded port.
        *("-netdev", f"user,id=net,restrict=on,hostfwd=tcp:{LOOPBACK}:{port}-:22"),
        *("-device", "virtio-net-device,netdev=net"),
    ]


def _escaped(text: str) -> str:
    """Escape a value for QEMU, where a comma separates options and a double comma is a literal one."""
    return text.replace(",", ",,")


@contextmanager
def _listening() -> Iterator[tuple[socket.socket, str]]:
    """Listen on a socket for the emulator's console. Its folder is short, since the path is limited to 107 bytes."""
    with (
        tempfile.TemporaryDirectory(prefix="edgetool-") as scratch,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        address = f"{scratch}/console"
        listener.bind(address)
        listener.listen(1)
        yield listener, address


def _await_ready(listener: socket.socket, port: int, folder: Path, *, deadline: float) -> None:
    """Read the console until the SSH server listens, then read that server's banner."""
    try:
        listener.settimeout(START_TIMEOUT_S)
        console, _ = listener.accept()
        with console:
            seen = b""
            while READY.encode() not in seen:
                console.settimeout(max(0.01, deadline - time.monotonic()))
                chunk = console.recv(65536)
                if not chunk:
                    raise ExecutorError(f"the emulated board ended while booting{_last_words(folder)}")
                seen = (seen + chunk)[-65536:]
        with socket.create_connection((LOOPBACK, port), timeout=max(0.01, deadline - time.monotonic())) as connection:
            banner = connection.recv(4)
    except TimeoutError as error:
        raise ExecutorError(
            f"the emulated board didn't boot within {BOOT_TIMEOUT_S:.0f} s{_last_words(folder)}",
            hint="give it fewer cores, or reduce the load on this machine",
        ) from error
    if banner != b"SSH-":
        raise ExecutorError(f"the emulated board runs no SSH server{_last_words(folder)}")


def _last_words(folder: Path) -> str:
    try:
        lines = (folder / CONSOLE).read_bytes()[-65536:].decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "".join(f"\n  {line[:300]}" for line in lines[-5:])


def _end_by_pid_file(pid_file: Path, emulator: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        daemon = identify(int(pid_file.read_text()))
        if daemon is not None and emulator in Path(f"/proc/{daemon.pid}/exe").readlink().name:
            end_daemon(daemon)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
