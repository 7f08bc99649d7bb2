"""Emulated programs write nothing but their work folder and open no socket, by bubblewrap and by Landlock alone."""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath

import pytest

from edgetool.executors import confine, confinement
from edgetool.platform.process import Completed, run_process
from edgetool.platform.python import PYTHON
from edgetool.targets.registry import load_target, open_executor

GUEST = r"""
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv) {
  printf("inside %d\n", open("mine", O_CREAT | O_WRONLY, 0600) >= 0);
  printf("outside %d\n", open(argv[1], O_CREAT | O_WRONLY, 0600) >= 0);
  printf("removed %d\n", unlink(argv[2]) == 0);
  printf("link %d\n", symlink("/etc/passwd", "link") == 0);
  printf("internet %d\n", socket(AF_INET, SOCK_STREAM, 0) >= 0);
  printf("local %d\n", socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
  return argc - 3;
}
"""


pytestmark = pytest.mark.usefixtures("by")


@pytest.fixture(params=["bubblewrap", "Landlock"])
def by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "Landlock":
        monkeypatch.setattr(confinement, "_bubblewrap", lambda: None)
        if confine.landlock_version() == 0:
            pytest.skip("needs a kernel with Landlock")
    elif confinement.confinement() != "bubblewrap":
        pytest.skip("needs bubblewrap, and to be allowed namespaces")


def shell(folder: Path, script: str) -> Completed:
    return run_process([*confinement.confined(folder), "sh", "-c", script], cwd=folder, timeout_s=60)


def test_only_the_work_folder_is_written(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "mine").write_text("kept")
    done = shell(
        tmp_path / "work",
        f"echo x >a && mkdir b && mv a b/a && ln -s b c && echo >/dev/null && cat {tmp_path}/mine || exit 9\n"
        f"for file in {tmp_path}/new {tmp_path}/mine /etc/hosts /tmp/edgetool-new; do\n"
        f"  echo x >>$file && exit 8; rm -f $file && [ ! -e $file ] && [ $file = {tmp_path}/mine ] && exit 7\n"
        "done\nexit 0",
    )
    assert (done.exit_code, done.stdout) == (0, b"kept"), done.stderr
    assert (tmp_path / "work/b/a").read_text() == "x\n"
    assert (tmp_path / "mine").read_text() == "kept"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"])
def test_no_socket_is_opened(family: str, tmp_path: Path) -> None:
    opens = f"import socket\ntry: socket.socket(socket.{family})\nexcept PermissionError: print('refused')"
    done = run_process([*confinement.confined(tmp_path), sys.executable, "-c", opens], cwd=tmp_path, timeout_s=60)
    assert done.stdout == b"refused\n", done.stderr


def test_a_signal_that_ends_it_is_told(tmp_path: Path) -> None:
    assert shell(tmp_path, "kill -ILL $$").exit_code in (-4, 132)


def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    done = run_process([*confinement.confined(tmp_path), "/absent"], timeout_s=60)
    assert done.exit_code == 1
    assert b"cannot run /absent: No such file or directory" in done.stderr


def test_what_it_starts_ends_with_its_time(tmp_path: Path) -> None:
    words = [*confinement.confined(tmp_path), "sh", "-c", "setsid sleep 1000 & sleep 1000"]
    assert run_process(words, timeout_s=1).timed_out


def test_an_emulated_program_is_kept_in(tmp_path: Path) -> None:
    (tmp_path / "guest.c").write_text(GUEST)
    (tmp_path / "kept").touch()
    compile_words = [*PYTHON, "-m", "ziglang", "cc", "-target", "riscv64-linux-musl", "-static", "-o"]
    built = run_process([*compile_words, tmp_path / "guest", tmp_path / "guest.c"], timeout_s=300)
    assert built.exit_code == 0, built.stderr.decode()
    with open_executor(load_target("qemu-riscv64")) as executor:
        executor.put(tmp_path / "guest", PurePosixPath("out/guest"))
        done = executor.run([PurePosixPath("out/guest"), f"{tmp_path}/new", f"{tmp_path}/kept"], timeout_s=120)
        assert done.stdout.decode().split("\n")[:-1] == [
            "inside 1",
            "outside 0",
            "removed 0",
            "link 1",
            "internet 0",
            "local 0",
        ], done.stderr
        executor.get(PurePosixPath("."), tmp_path / "back")
    assert (tmp_path / "back/mine").is_file()
    assert not (tmp_path / "back/link").is_symlink()
