"""Functions that go into a library in place of a newer glibc's: compared with that glibc's own on this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgetool.platform.elf import read_elf
from edgetool.platform.process import run_process
from edgetool.runtimes.onnxruntime.sources import recipe_folder

SOURCES = sorted((recipe_folder() / "older_glibc").glob("*.c"))
FLAGS = (
    "-std=gnu17",
    "-O1",
    "-g",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-fsanitize=address,undefined",
    "-fvisibility=hidden",
)
# As ORT's project compiles C.
COMPILE = ("-std=gnu99", "-O3", "-fPIC", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden")
NUMBERS = """
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

long __isoc23_strtol(const char*, char**, int);
long long __isoc23_strtoll(const char*, char**, int);
unsigned long __isoc23_strtoul(const char*, char**, int);
unsigned long long __isoc23_strtoull(const char*, char**, int);

int main(int count, char** words) {
  for (int i = 1; i < count; ++i) {
    char *end[4];
    long a = __isoc23_strtol(words[i], &end[0], 10);
    long long b = __isoc23_strtoll(words[i], &end[1], 16);
    unsigned long c = __isoc23_strtoul(words[i], &end[2], 0);
    errno = 0;
    unsigned long long d = __isoc23_strtoull(words[i], &end[3], 10);
    printf("%ld %lld %lu %llu %d %s|%s|%s|%s\\n", a, b, c, d, errno == ERANGE, end[0], end[1], end[2], end[3]);
  }
}
"""
# Its own is hidden from the dynamic loader, which therefore finds glibc's.
PLACES = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int main(void) {
#ifndef DLFO_STRUCT_HAS_EH_DBASE
  return 77;
#else
  typedef int Find(void*, struct dl_find_object*);
  Find* glibcs = (Find*)dlsym(RTLD_DEFAULT, "_dl_find_object");
  if (glibcs == NULL || glibcs == _dl_find_object) {
    return 77;
  }
  int local = 0;
  double (*cosine)(double) = cos;
  void* places[] = {(void*)main, (void*)malloc, (void*)cosine, (void*)dlsym, (void*)_dl_find_object, &local, NULL};
  for (unsigned i = 0; i < sizeof places / sizeof *places; ++i) {
    struct dl_find_object ours = {0}, theirs = {0};
    int found = _dl_find_object(places[i], &ours);
    if (found != glibcs(places[i], &theirs)) {
      return 1;
    }
    if (found == 0 && (ours.dlfo_eh_frame != theirs.dlfo_eh_frame || places[i] < ours.dlfo_map_start
                       || places[i] >= ours.dlfo_map_end)) {
      return 2;
    }
    printf("%d", found);
  }
  return 0;
#endif
}
"""


@pytest.fixture
def compiler() -> str:
    found = shutil.which("cc")
    if found is None:
        pytest.skip("no C compiler with its own glibc is installed")
    return found


def compiled(compiler: str, source: str, folder: Path) -> Path:
    (folder / "main.c").write_text(source)
    done = run_process([compiler, *FLAGS, "-o", folder / "main", folder / "main.c", *SOURCES, "-lm"], timeout_s=120)
    assert done.exit_code == 0, done.stderr.decode()
    return folder / "main"


def test_numbers_are_read_as_ever(compiler: str, tmp_path: Path) -> None:
    program = compiled(compiler, NUMBERS, tmp_path)
    done = run_process([program, "-42rest", "0x1fz", "99999999999999999999"], timeout_s=60)
    assert done.exit_code == 0, done.stderr.decode()
    assert done.stdout.decode().splitlines() == [
        f"-42 -66 {2**64 - 42} {2**64 - 42} 0 rest|rest|rest|rest",
        "0 31 31 0 0 x1fz|z|z|x1fz",
        f"{2**63 - 1} {2**63 - 1} {2**64 - 1} {2**64 - 1} 1 |||",
    ]


def test_the_file_of_an_address_is_the_one_that_glibc_finds(compiler: str, tmp_path: Path) -> None:
    done = run_process([compiled(compiler, PLACES, tmp_path)], timeout_s=60)
    if done.exit_code == 77:
        pytest.skip("this machine's glibc has none to compare with")
    assert (done.exit_code, done.stdout) == (0, b"00000-1-1"), done.stderr.decode()


def test_an_exception_passes_in_a_library_that_asks_no_newer_glibc(tmp_path: Path) -> None:
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no C++ compiler with its own glibc is installed")
    objects = [tmp_path / f"{source.stem}.o" for source in SOURCES]
    for source, made in zip(SOURCES, objects, strict=True):
        done = run_process(["cc", "-c", *COMPILE, "-o", made, source], timeout_s=120)
        assert done.exit_code == 0, done.stderr.decode()
    (tmp_path / "a.cpp").write_text(
        "#include <string>\n"
        'extern "C" int number(const char* text) { try { return std::stoi(text); } catch (...) { return -1; } }\n'
    )
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\nint number(const char*);\nint main(void) { printf("%d %d", number("7"), number("x")); }\n'
    )
    library, program = tmp_path / "liba.so", tmp_path / "main"
    # As ORT links: without what nobody calls.
    link = ["-shared", "-static-libstdc++", "-static-libgcc", "-Wl,--gc-sections", "-Wl,--exclude-libs,ALL"]
    commands: list[list[str | Path]] = [
        [compiler, "-O2", "-fPIC", *link, "-o", library, tmp_path / "a.cpp", *objects],
        ["cc", "-o", program, tmp_path / "main.c", library, f"-Wl,-rpath,{tmp_path}"],
    ]
    for command in commands:
        done = run_process(command, timeout_s=120)
        assert done.exit_code == 0, done.stderr.decode()
    assert run_process([program], timeout_s=60).stdout == b"7 -1"
    needed = read_elf(library).glibc
    assert needed is not None
    assert [int(part) for part in needed.split(".")] <= [2, 34]
