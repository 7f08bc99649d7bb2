"""Hot loops in llvm-mca's model of a processor: a second opinion on estimates, and no silicon either."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kernels.rows import Modelled, ModelledLoop
from edgetool.errors import BuildError
from edgetool.estimates.cores import Core, load_core
from edgetool.harness.counts import Block, CountsFile
from edgetool.harness.instructions import Cell
from edgetool.harness.ops import Op
from edgetool.platform.documents import read_plain
from edgetool.platform.process import run_process

CORE = "x60"
PROCESSOR = "spacemit-x60"  # two instructions a cycle in order, vectors of 256 bits
VLEN_BITS = 256
RELEASES = range(30, 20, -1)  # of LLVM; those before 21 have no model of it
ITERATIONS = 200
# What vtype's fields mean, in the words of llvm-mca's comments.
VLMUL = ("M1", "M2", "M4", "M8", "M1", "MF8", "MF4", "MF2")
VSEW_SHIFT, VSEW = 3, ("E8", "E16", "E32", "E64")
LMULS = (1.0, 2.0, 4.0, 8.0, 1.0, 0.125, 0.25, 0.5)
SAME_RUNS = 0.02  # blocks of a loop may differ by so much in how often they ran
MULTIPLICATIONS: Mapping[str, Op] = {
    **dict.fromkeys(("vmul", "vmulh", "vmulhu", "vmulhsu"), "vmul"),
    **dict.fromkeys(("vmacc", "vnmsac", "vmadd", "vnmsub"), "vmacc"),
}


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


@dataclass(frozen=True, kw_only=True)
class Loop:
    """Blocks that run one after the other as often as each other: a trip of a loop, or a part of one."""

    blocks: tuple[Block, ...]

    @property
    def runs(self) -> int:
        return max(block.runs for block in self.blocks)

    @property
    def instructions(self) -> int:
        return sum(block.instructions for block in self.blocks)

    @property
    def executed(self) -> int:
        return sum(block.runs * block.instructions for block in self.blocks)


def join_blocks(blocks: Iterable[Block]) -> list[Loop]:
    """Loops by falling instructions. The emulator ends a block at each vset* and page, a processor does not.

    A block is joined to the one that ends where it begins when both ran as often, give or take what entered or left
    the loop between them.
    """
    loops: list[list[Block]] = []
    for block in sorted(blocks, key=lambda block: block.address):
        last = loops[-1][-1] if loops else None
        if last is not None and _end(last) == block.address and _alike(last.runs, block.runs):
            loops[-1].append(block)
        else:
            loops.append([block])
    return sorted((Loop(blocks=tuple(parts)) for parts in loops), key=lambda loop: -loop.executed)


def _end(block: Block) -> int:
    """The address behind a block's last instruction."""
    return block.address + sum(len(word) // 2 for word in block.words.split())


def _alike(runs: int, other: int) -> bool:
    return abs(runs - other) <= SAME_RUNS * max(runs, other)


def model_blocks(llvm: Llvm, counts: CountsFile) -> Modelled:
    """The loops that the hottest blocks make up; one that the model does not know is left out of the share.

    A loop's cycles are those of one trip among many: what a trip costs once it runs, without misses of caches or
    branches.
    """
    inferences = len(counts.inferences)
    executed = sum(inference.raw for inference in counts.inferences)
    core = load_core(CORE)
    modelled = []
    for loop in join_blocks(counts.blocks):
        parts = [disassemble(llvm, block) for block in loop.blocks]
        known = [lines for lines in parts if lines is not None]
        cycles = None if len(known) < len(parts) else cycles_of(llvm, loop, known, core)
        if cycles is not None:
            modelled.append(
                ModelledLoop(
                    address=loop.blocks[0].address,
                    share=loop.executed / executed,
                    instructions=loop.instructions,
                    trips=loop.runs // inferences,
                    cycles=cycles,
                    text=tuple(line for lines in known for line in lines),
                )
            )
    return Modelled(
        processor=PROCESSOR,
        share=sum(loop.share for loop in modelled),
        cycles=round(sum(loop.trips * loop.cycles for loop in modelled)),
        loops=tuple(modelled[:3]),
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


def cycles_of(llvm: Llvm, loop: Loop, parts: Sequence[Sequence[str]], core: Core) -> float | None:
    """Of one trip; None for what the model does not know. `parts` are the lines of each block.

    LLVM charges multiplications of 64-bit elements like those of 32. What they take longer on silicon, by the core's
    file, is added: the core has one pipeline for them, so that nothing else fills it meanwhile.
    """
    text = ["# LLVM-MCA-BEGIN"]
    for block, lines in zip(loop.blocks, parts, strict=True):
        text += [*_state(block), *lines]
    with tempfile.TemporaryDirectory(prefix="edgetool-") as scratch:
        source, found = Path(scratch) / "loop.s", Path(scratch) / "found.json"
        source.write_text("\n".join([*text, "# LLVM-MCA-END", ""]))
        options = ["-mtriple=riscv64", f"-mcpu={PROCESSOR}", f"-iterations={ITERATIONS}", "--json"]
        done = run_process([llvm.analyser, *options, "-o", found, source], timeout_s=60)
        if done.exit_code != 0:
            return None
        region = read_plain(found, error=BuildError)["CodeRegions"][0]
    charged = [float(entry["RThroughput"]) for entry in region["InstructionInfoView"]["InstructionList"]]
    late = sum(
        max(0.0, core.cycles(cell) - charge)
        for cell, charge in zip(_cells(loop, parts), charged, strict=True)
        if cell is not None
    )
    total = float(region["SummaryView"]["TotalCycles"])
    return total / ITERATIONS + late


def _state(block: Block) -> Iterator[str]:
    """What llvm-mca must be told of a block's vtype, unless the block sets its own."""
    yield f"# LLVM-MCA-RISCV-LMUL {VLMUL[block.vtype & 7]}"
    if (sew := block.vtype >> VSEW_SHIFT & 7) < len(VSEW):
        yield f"# LLVM-MCA-RISCV-SEW {VSEW[sew]}"


def _cells(loop: Loop, parts: Sequence[Sequence[str]]) -> Iterator[Cell | None]:
    """Each instruction that multiplies elements of 64 bits, None for the others; a block has one vtype."""
    for block, lines in zip(loop.blocks, parts, strict=True):
        wide = block.vtype >> VSEW_SHIFT & 7 == VSEW.index("E64")
        for line in lines:
            op = MULTIPLICATIONS.get(line.partition(".")[0]) if wide else None
            yield None if op is None else Cell(op=op, sew=64, registers=LMULS[block.vtype & 7], count=1, weight=1)
