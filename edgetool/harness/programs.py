"""Count the instructions of any riscv64 program, or of a few lines of assembly."""

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
# All registers that may hold an address point into zeros. The lines run once, as if inside a loop.
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
    """Return the emulated target with the given vector length in bits; 0 for none."""
    vectors = f"v=true,vlen={vlen_bits},elen=64,vext_spec=v1.0,zvfh=true" if vlen_bits else "v=false"
    target = load_target(EMULATED)
    return replace(target, executor={**target.executor, "cpu": f"rv64,{vectors}"})


def count_program(
    counting: CountingEmulator, program: Path, *, vlen_bits: int, caches: Sequence[CacheModel] = ()
) -> InstructionMix:
    """Count what a static program executes between all pairs of marks (toolchain/harness/mark.h).

    Raises ConfigError for a program without marks, CommandFailed when it ends with an error.
    """
    with open_counting(processor(vlen_bits), counting, caches=caches) as executor:
        executor.put(program, PROGRAM)
        executor.run([PurePosixPath(".") / PROGRAM], timeout_s=TIMEOUT_S).check()
        counts = fetch_counts(executor, program.name)
    if not counts.inferences:
        raise ConfigError(
            f"{program} has no marks around the code to count",
            hint="put MARK_START() and MARK_END() of toolchain/harness/mark.h around the code to count",
        )
    return InstructionMix.sum(counts.inferences)


def assemble(source: Path, folder: Path, store: Store) -> Path:
    """Build a program from lines of assembly. Without marks of their own, all lines are counted.

    Raises ConfigError when the file can't be read or no compiler is installed, BuildError with the assembler's message.
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
