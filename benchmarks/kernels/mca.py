"""Hot blocks in llvm-mca's model of a processor: a second opinion on counts, and no silicon either."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kernels.rows import Modelled, ModelledLoop
from edgetool.bench.counts import Block, CountsFile
from edgetool.errors import BuildError
from edgetool.platform.documents import read_plain
from edgetool.platform.process import run_process

PROCESSOR = "spacemit-x60"  # two instructions a cycle in order, vectors of 256 bits
VLEN_BITS = 256
RELEASES = range(30, 20, -1)  # of LLVM; those before 21 have no model of it
ITERATIONS = 200
# What vtype's fields mean, in the words of llvm-mca's comments.
VLMUL = ("M1", "M2", "M4", "M8", "M1", "MF8", "MF4", "MF2")
VSEW_SHIFT, VSEW = 3, ("E8", "E16", "E32", "E64")


@dataclass(frozen=True, kw_only=True)
class Llvm:
    """The two programs of one release."""

    disassembler: str
    analyser: str


def find_llvm() -> Llvm | None:
    """The newest that is installed and knows the processor; None where there is none."""
    for release in RELEASES:
        programs = [shutil.which(f"{name}-{release}") for name in ("llvm-mc", "llvm-mca")]
        if programs[0] is not None and programs[1] is not None:
            return Llvm(disassembler=programs[0], analyser=programs[1])
    return None


def model_blocks(llvm: Llvm, counts: CountsFile) -> Modelled:
    """Each of the hottest blocks as a loop; one that the model does not know is left out of the share.

    A block's cycles are those of one trip among many: what a trip costs once its loop runs, without misses of caches or
    branches.
    """
    inferences = len(counts.inferences)
    executed = sum(inference.raw for inference in counts.inferences)
    loops = []
    for block in counts.blocks:
        lines = disassemble(llvm, block)
        cycles = None if lines is None else cycles_of(llvm, block, lines)
        if lines is not None and cycles is not None:
            loops.append(
                ModelledLoop(
                    address=block.address,
                    share=block.runs * block.instructions / executed,
                    instructions=block.instructions,
                    trips=block.runs // inferences,
                    cycles=cycles,
                    text=tuple(lines),
                )
            )
    return Modelled(
        processor=PROCESSOR,
        share=sum(loop.share for loop in loops),
        cycles=round(sum(loop.trips * loop.cycles for loop in loops)),
        loops=tuple(loops[:3]),
    )


def disassemble(llvm: Llvm, block: Block) -> list[str] | None:
    """A block's instructions in the assembler's words."""
    words = (word for word in block.words.split())
    text = "\n".join(" ".join(f"0x{word[i : i + 2]}" for i in range(0, len(word), 2)) for word in words)
    with tempfile.TemporaryDirectory(prefix="edgetool-") as scratch:
        (Path(scratch) / "words").write_text(text)
        options = ["--disassemble", "-triple=riscv64", f"-mcpu={PROCESSOR}"]
        done = run_process([llvm.disassembler, *options, Path(scratch) / "words"], timeout_s=60)
    lines = [" ".join(line.split()) for line in done.stdout.decode().splitlines() if line.startswith("\t")]
    return lines if done.exit_code == 0 and len(lines) == block.instructions else None


def cycles_of(llvm: Llvm, block: Block, lines: list[str]) -> float | None:
    """Of one trip; None for what the model does not know."""
    state = [f"# LLVM-MCA-RISCV-LMUL {VLMUL[block.vtype & 7]}"]
    if (sew := block.vtype >> VSEW_SHIFT & 7) < len(VSEW):
        state.append(f"# LLVM-MCA-RISCV-SEW {VSEW[sew]}")
    with tempfile.TemporaryDirectory(prefix="edgetool-") as scratch:
        source, found = Path(scratch) / "block.s", Path(scratch) / "found.json"
        source.write_text("\n".join(["# LLVM-MCA-BEGIN", *state, *lines, "# LLVM-MCA-END", ""]))
        options: list[str | Path] = [
            "-mtriple=riscv64",
            f"-mcpu={PROCESSOR}",
            f"-iterations={ITERATIONS}",
            "--json",
            "-o",
            found,
        ]
        done = run_process([llvm.analyser, *options, source], timeout_s=60)
        if done.exit_code != 0:
            return None
        total = read_plain(found, error=BuildError)["CodeRegions"][0]["SummaryView"]["TotalCycles"]
    return float(total) / ITERATIONS
