"""What a board is: asked before a target's file is written for it, and before anything runs on it."""

from __future__ import annotations

from pathlib import PurePosixPath

from edgetool.bench.record import BoardFacts
from edgetool.boards.facts import read_facts
from edgetool.errors import ConfigError, ExecutorError, WrongMachine
from edgetool.executors.base import Executor, Target
from edgetool.platform.values import Name, NonNegative, value

# uname -m → triple
TRIPLES = {"riscv64": "riscv64-linux-gnu", "aarch64": "aarch64-linux-gnu", "x86_64": "x86_64-linux-gnu"}
SCRIPT = r"""
echo "machine=$(uname -m)"
echo "kernel=$(uname -r)"
echo "cores=$(grep -c '^processor' /proc/cpuinfo)"
echo "free_kib=$(df -Pk . | sed -n '2s/^[^ ]* *[0-9]* *[0-9]* *\([0-9]*\).*/\1/p')"
"""
TIMEOUT_S = 60.0


@value
class Probe:
    machine: Name
    kernel: Name | None
    cores: NonNegative | None
    free_bytes: NonNegative | None  # where the work folder lies
    facts: BoardFacts

    @property
    def triple(self) -> str:
        """Raises ConfigError for a machine that no toolchain is for."""
        if self.machine not in TRIPLES:
            raise ConfigError(
                f"the board's machine is {self.machine}", hint=f"edgetool knows {', '.join(sorted(TRIPLES))}"
            )
        return TRIPLES[self.machine]

    @property
    def vectors(self) -> str | None:
        """What a RISC-V board says of its vector instructions; None on others."""
        if self.machine != "riscv64" or self.facts.isa is None:
            return None
        return "vectors (V 1.0)" if has_vectors(self.facts.isa) else "no vectors"


def probe_board(executor: Executor) -> Probe:
    """Raises ExecutorError when the place has no shell of its own or does not answer sensibly."""
    facts = read_facts(executor)
    if facts is None:
        raise ExecutorError("this target's programs are not those of a board with a shell")
    said = executor.run([PurePosixPath("/bin/sh"), "-c", SCRIPT], timeout_s=TIMEOUT_S).check()
    lines = dict(line.split("=", 1) for line in said.stdout.decode(errors="replace").splitlines()[:20] if "=" in line)
    machine = lines.get("machine", "").strip()[:64]
    if not machine:
        raise ExecutorError("the board does not say what machine it is")
    free_kib = _natural(lines.get("free_kib", ""))
    return Probe(
        machine=machine,
        kernel=lines.get("kernel", "").strip()[:256] or None,
        cores=_natural(lines.get("cores", "")),
        free_bytes=None if free_kib is None else free_kib * 1024,
        facts=facts,
    )


def _natural(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) < 16 else None


def check_machine_of(target: Target, probe: Probe) -> None:
    """Raises WrongMachine when the target's file is for another machine than the board is."""
    if target.triple != "native" and target.triple != probe.triple:
        raise WrongMachine(
            f"{target.name} is {probe.machine}, its target file says {target.triple}",
            hint=f'is it the right host? triple = "{probe.triple}" would fit',
        )


def has_vectors(isa: str) -> bool:
    """Whether an ISA string names V. A kernel names the ratified one only; vendors' kernels with 0.7.1 may too.

    >>> has_vectors("rv64imafdcv_zicsr"), has_vectors("rv64imafdc_zve32x"), has_vectors("rv64gc")
    (True, False, False)
    """
    single = isa.lower().removeprefix("rv64").removeprefix("rv32").partition("_")[0]
    return "v" in single
