"""Instructions of any program for riscv64, or of a few lines of assembler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from edgetool.errors import ConfigError
from edgetool.estimates.caches import CacheModel
from edgetool.harness.counts import fetch_counts, open_counting
from edgetool.harness.instructions import InstructionMix
from edgetool.platform.process import run_tool
from edgetool.platform.store import Store
from edgetool.runtimes.compilers import find_compiler
from edgetool.runtimes.emulator import CountingEmulator
from edgetool.runtimes.toolchains import load_toolchain
from edgetool.targets.registry import load_target
from edgetool.targets.spec import Target

EMULATED = "qemu-riscv64"  # the target whose processor is varied
PROGRAM = PurePosixPath("program")
ASSEMBLER = (".s", ".S")
TIMEOUT_S = 600.0
MARKS = "slti x0, x0, 0x5e1", "slti x0, x0, 0x5e2"  # toolchain/harness/mark.h
# Every register that may hold an address points into zeros; the lines run once as they would in a loop's middle.
POINTERS = tuple(f"{kind}{i}" for kind, count in (("a", 8), ("s", 12), ("t", 7)) for i in range(count))
FRAME = """
.globl _start
_start:
  la t0, around + 1048576
{registers}
{body}
  li a0, 0
  li a7, 93
  ecall
.bss
.balign 4096
around: .space 2097152
"""


def processor(vlen_bits: int) -> Target:
    """The emulated target with vectors of this length, 0 for none."""
    vectors = f"v=true,vlen={vlen_bits},elen=64,vext_spec=v1.0,zvfh=true" if vlen_bits else "v=false"
    target = load_target(EMULATED)
    return replace(target, executor={**target.executor, "cpu": f"rv64,{vectors}"})


def count_program(
    counting: CountingEmulator, program: Path, *, vlen_bits: int, caches: Sequence[CacheModel] = ()
) -> InstructionMix:
    """What a static program executes between all pairs of its marks (toolchain/harness/mark.h).

    Raises ConfigError for a program without marks, CommandFailed when it ends with an error.
    """
    with open_counting(processor(vlen_bits), counting, caches=caches) as executor:
        executor.put(program, PROGRAM)
        executor.run([PurePosixPath(".") / PROGRAM], timeout_s=TIMEOUT_S).check()
        counts = fetch_counts(executor, program.name)
    if not counts.inferences:
        raise ConfigError(
            f"{program} marks nothing that could be counted",
            hint="put MARK_START() and MARK_END() of toolchain/harness/mark.h around what is to be counted",
        )
    return InstructionMix.sum(counts.inferences)


def assemble(source: Path, folder: Path, store: Store) -> Path:
    """A program of lines of assembler, marked around all of them when they hold no marks of their own.

    Raises ConfigError without a compiler, BuildError with the assembler's words.
    """
    try:
        lines = source.read_text(errors="replace")
    except OSError as error:
        raise ConfigError(f"cannot read {source}: {error.strerror}") from error
    registers = "\n".join(f"  mv {name}, t0" for name in POINTERS if name != "t0")
    body = lines if any(mark in lines for mark in MARKS) else "\n".join([MARKS[0], lines, MARKS[1]])
    framed, program = folder / "framed.S", folder / PROGRAM.name
    framed.write_text(FRAME.format(registers=registers, body=body))
    compiler = find_compiler("zig", load_toolchain("riscv64-linux-gnu"))
    flags = ("-mcpu=baseline_rv64+v+zvfh+zba+zbb", "-nostdlib", "-static")
    log = store.root / "logs" / "assemble.log"
    run_tool([*compiler.programs["cc"], *flags, "-o", program, framed], log=log, timeout_s=120)
    return program
