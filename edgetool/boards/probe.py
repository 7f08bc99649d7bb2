"""Probe a board before writing its target file or running anything on it."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import PurePosixPath

from edgetool.boards.facts import BoardFacts, read_facts
from edgetool.bundles import Bundle
from edgetool.errors import ConfigError, ExecutorError, IllegalInstruction, WrongMachine
from edgetool.executors.base import Executor
from edgetool.platform.elf import is_elf, read_elf
from edgetool.platform.foreign import one_line
from edgetool.platform.values import Name, NonNegative, value
from edgetool.runtimes.inspection import extensions
from edgetool.targets.spec import Target

# uname -m → triple
TRIPLES = {"riscv64": "riscv64-linux-gnu", "aarch64": "aarch64-linux-gnu", "x86_64": "x86_64-linux-gnu"}
SCRIPT = r"""
echo "machine=$(uname -m)"
echo "kernel=$(uname -r)"
echo "cores=$(grep -c '^processor' /proc/cpuinfo)"
echo "free_kib=$(df -Pk . | sed -n '2s/^[^ ]* *[0-9]* *[0-9]* *\([0-9]*\).*/\1/p')"
"""
TIMEOUT_S = 60.0
DRAFT_CORES = re.compile(r"\bc9(06|10|20)")


class Vectors(StrEnum):
    RATIFIED = "vectors (V 1.0)"
    DRAFT = "vectors of the draft 0.7.1 only"
    NONE = "no vectors"


@value
class Probe:
    machine: Name
    kernel: Name | None
    cores: NonNegative | None
    free_bytes: NonNegative | None  # on the work folder's file system
    facts: BoardFacts

    @property
    def triple(self) -> str:
        """Return the toolchain triple. Raises ConfigError when there is no toolchain for the machine."""
        if self.machine not in TRIPLES:
            raise ConfigError(
                f"the board's machine is {self.machine}", hint=f"edgetool knows {', '.join(sorted(TRIPLES))}"
            )
        return TRIPLES[self.machine]

    @property
    def vectors(self) -> Vectors | None:
        """Return the board's vector support, or None when it isn't RISC-V or doesn't report its ISA."""
        return vectors_of(self.facts) if self.machine == "riscv64" else None


def probe_board(executor: Executor) -> Probe:
    """Probe a board. Raises ExecutorError when the target has no shell of its own or gives no valid answer."""
    facts = read_facts(executor)
    if facts is None:
        raise ExecutorError("this target is not a board with a shell")
    said = executor.run([PurePosixPath("/bin/sh"), "-c", SCRIPT], timeout_s=TIMEOUT_S).check()
    lines = dict(line.split("=", 1) for line in said.stdout.decode(errors="replace").splitlines()[:20] if "=" in line)
    machine = one_line(lines.get("machine", ""), 64)
    if not machine:
        raise ExecutorError("the board doesn't report its machine")
    free_kib = _natural(lines.get("free_kib", ""))
    return Probe(
        machine=machine,
        kernel=one_line(lines.get("kernel", ""), 256) or None,
        cores=_natural(lines.get("cores", "")),
        free_bytes=None if free_kib is None else free_kib * 1024,
        facts=facts,
    )


def _natural(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) < 16 else None


def check_machine_of(target: Target, probe: Probe) -> None:
    """Check that the target's triple matches the board. Raises WrongMachine when it doesn't."""
    if target.triple != "native" and target.triple != probe.triple:
        raise WrongMachine(
            f"{target.name} is {probe.machine}, its target file says {target.triple}",
            hint=f'check the host, or set triple = "{probe.triple}"',
        )


def check_instructions_of(bundle: Bundle, facts: BoardFacts | None) -> None:
    """Check that the board has the vectors the bundle's files need. Raises IllegalInstruction when it doesn't."""
    vectors = None if facts is None else vectors_of(facts)
    if vectors in (None, Vectors.RATIFIED):
        return
    runtime = bundle.manifest.runtime
    for entry in bundle.manifest.files:
        if runtime.chooses_kernels and entry.path == runtime.library:
            continue
        path = bundle.root / entry.path
        isa = read_elf(path).isa if is_elf(path) else None
        if isa is not None and "v" in extensions(isa):
            raise IllegalInstruction(
                f"{entry.path} was built for {isa}, but the board has {vectors}",
                hint="package with a runtime built without vectors, such as Debian's",
            )


def vectors_of(facts: BoardFacts) -> Vectors | None:
    """Return the vector support that a RISC-V kernel's /proc/cpuinfo reports.

    Vendor kernels for T-Head's C906, C910 and C920 report "v" for the draft 0.7.1, whose instructions have different
    encodings; mainline Linux reports "xtheadvector".

    >>> str(vectors_of(BoardFacts(isa="rv64imafdcv_zicsr"))), str(vectors_of(BoardFacts(isa="rv64imafdc_zve32x")))
    ('vectors (V 1.0)', 'no vectors')
    >>> str(vectors_of(BoardFacts(isa="rv64imafdcvsu", cpu="thead,c910")))
    'vectors of the draft 0.7.1 only'
    """
    if facts.isa is None or not facts.isa.lower().startswith("rv"):
        return None
    single, _, longer = facts.isa.lower().partition("_")
    named = "v" in single.removeprefix("rv")
    if "xtheadvector" in longer or (named and DRAFT_CORES.search((facts.cpu or "").lower())):
        return Vectors.DRAFT
    return Vectors.RATIFIED if named else Vectors.NONE
