"""Threads in step: programs whose elapsed instructions are known, although the host runs their threads as it likes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from edgetool.harness.counts import RESULT, Stepped, open_counting, read_counts
from edgetool.platform.catalog import data_folder
from edgetool.runtimes.emulator import CountingEmulator
from edgetool.targets.registry import load_target
from tests.support.commands import run_checked

WORK = 400_000  # instructions of a loop's trips
# Threads wait for the marked work, do it, and the last one wakes the first.
PROGRAM = """
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "mark.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t begun = PTHREAD_COND_INITIALIZER, ended = PTHREAD_COND_INITIALIZER;
static int started, running, form;
static atomic_int next;

/* Two instructions a trip. */
static void work(long instructions) {
  long trips = instructions / 2;
  __asm__ volatile("1: addi %0, %0, -1\\n bnez %0, 1b" : "+r"(trips));
}

static void share(long index) {
  switch (form) {
  case 0: /* as much for each */
    work(WORK);
    break;
  case 1: /* twice as much for one */
    work(index == 1 ? 2 * WORK : WORK);
    break;
  default: /* whoever is free takes the next of 64 */
    while (atomic_fetch_add(&next, 1) < 64) {
      work(WORK / 16);
    }
  }
}

static void *thread(void *index) {
  pthread_mutex_lock(&lock);
  while (!started) {
    pthread_cond_wait(&begun, &lock);
  }
  pthread_mutex_unlock(&lock);
  share((long)index);
  pthread_mutex_lock(&lock);
  if (--running == 0) {
    pthread_cond_signal(&ended);
  }
  pthread_mutex_unlock(&lock);
  return NULL;
}

int main(int argc, char **argv) {
  int threads = atoi(argv[argc - 2]);
  pthread_t others[8];
  form = atoi(argv[argc - 1]);
  running = threads - 1;
  for (long i = 1; i < threads; i++) {
    pthread_create(&others[i], NULL, thread, (void *)i);
  }
  MARK_START();
  pthread_mutex_lock(&lock);
  started = 1;
  pthread_cond_broadcast(&begun);
  pthread_mutex_unlock(&lock);
  share(0);
  pthread_mutex_lock(&lock);
  while (running > 0) {
    pthread_cond_wait(&ended, &lock);
  }
  pthread_mutex_unlock(&lock);
  MARK_END();
  for (int i = 1; i < threads; i++) {
    pthread_join(others[i], NULL);
  }
  return 0;
}
"""
EVEN, UNEVEN, SHARED = 0, 1, 2

Run = Callable[[int, int], Stepped]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("steps")
    (folder / "steps.c").write_text(PROGRAM)
    marks = data_folder("toolchain") / "harness"
    flags = ["-target", "riscv64-linux-musl", "-static", "-O1", f"-DWORK={WORK}", f"-I{marks}", "-pthread"]
    run_checked([sys.executable, "-m", "ziglang", "cc", *flags, "-o", folder / "steps", folder / "steps.c"])
    return folder / "steps"


@pytest.fixture
def run(program: Path, counting: CountingEmulator, tmp_path: Path) -> Run:
    def count(threads: int, form: int) -> Stepped:
        with open_counting(load_target("qemu-riscv64"), counting, steps=True) as executor:
            executor.put(program, PurePosixPath("program"))
            ended = executor.run([PurePosixPath("./program"), str(threads), str(form)], timeout_s=120)
            assert ended.exit_code == 0
            executor.get(RESULT, tmp_path / "counts.json")
        (found,) = read_counts(tmp_path / "counts.json", "program").stepped
        return found

    return count


def weights(found: Stepped) -> list[int]:
    return sorted(mix.weighted for mix in found.threads if mix.weighted > WORK / 100)


@pytest.mark.parametrize("threads", [1, 2, 4, 8])
def test_equal_work_takes_as_long_as_one_threads(run: Run, threads: int) -> None:
    found = run(threads, EVEN)
    assert found.elapsed == pytest.approx(WORK, rel=0.03)
    assert weights(found) == pytest.approx([WORK] * threads, rel=0.03)


def test_the_slowest_thread_is_waited_for(run: Run) -> None:
    found = run(4, UNEVEN)
    assert found.elapsed == pytest.approx(2 * WORK, rel=0.03)
    assert weights(found) == pytest.approx([WORK, WORK, WORK, 2 * WORK], rel=0.03)


@pytest.mark.parametrize("threads", [2, 4, 8])
def test_work_that_is_handed_out_goes_to_every_thread(run: Run, threads: int) -> None:
    found = run(threads, SHARED)
    assert found.elapsed == pytest.approx(4 * WORK / threads, rel=0.1)
    assert weights(found) == pytest.approx([4 * WORK / threads] * threads, rel=0.15)
