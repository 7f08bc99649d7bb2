"""All errors that edgetool raises deliberately, with their exit codes.

EdgetoolError(message, *, hint)       caught only in cli.main(), which prints "error: …" and "hint: …" and exits with
                                      the code; an OSError such as a full disk exits with 1, Ctrl-C with 130
├─ ConfigError           [2]   unknown target, invalid TOML, invalid image set, missing extra
├─ ModelError            [3]
│  ├─ ExportError              PyTorch → ONNX failed, or the result differs from PyTorch
│  ├─ QuantizeError            calibration or quantization failed
│  └─ UnsupportedOperator      the runtime has no kernel for a node: names node, operator, runtime
├─ BuildError            [4]   a build tool failed: names the log and its last lines
│  ├─ WrongMachine             "libonnxruntime.so is x86-64, the target wants RISC-V"
│  └─ FetchError               a pinned file can't be fetched, or a mirror has a different one
│     └─ FileGone                 no mirror has the file any more: archives keep only current versions
├─ ExecutorError         [5]
│  ├─ ConnectError             a board can't be reached, or refuses the login
│  │  └─ LinkLost              the link to a board was lost and didn't come back
│  ├─ BoardBusy                another user is measuring on the board: names the user
│  ├─ JobLost                  a job on a board no longer exists: the board rebooted, or its shell was killed
│  ├─ HostKeyError             a board's SSH host key is unknown or has changed
│  ├─ TransferError            a file couldn't be copied to or from the target
│  ├─ CommandFailed            a command on the target ended with a non-zero exit code
│  ├─ CommandTimeout           a command on the target exceeded its time limit
│  └─ IllegalInstruction       the target's CPU lacks an instruction of the bundle
├─ HarnessError          [6]   result file missing or malformed, unknown schema
│  └─ SelfTestFailed           the runtime computes wrong numbers on the target
├─ CompareError          [7]   the records have different models or inputs
├─ RunIncomplete         [8]   some cases of a run failed, and the others were measured
└─ GateNotPassed         [9]   a goal isn't met, or can't be decided
"""

from __future__ import annotations

from typing import ClassVar

EXIT_CODES = {
    0: "success",
    1: "unexpected",
    2: "configuration",
    3: "model",
    4: "build or download",
    5: "target",
    6: "harness",
    7: "comparison",
    8: "some cases failed",
    9: "gate not passed",
    130: "interrupted",
}


class EdgetoolError(Exception):
    """An error that names what happened and what to do next, in lower case without a full stop."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(EdgetoolError):
    exit_code = 2


class ModelError(EdgetoolError):
    exit_code = 3


class ExportError(ModelError):
    pass


class QuantizeError(ModelError):
    pass


class UnsupportedOperator(ModelError):
    """A runtime has no kernel for one of the model's nodes."""

    def __init__(self, *, model: str, operator: str, node: str, runtime: str, hint: str | None = None) -> None:
        where = f" (node {node!r})" if node else ""
        super().__init__(f"{model}: {runtime} has no kernel for {operator}{where}", hint=hint)
        self.model = model
        self.operator = operator
        self.node = node
        self.runtime = runtime


class BuildError(EdgetoolError):
    exit_code = 4


class WrongMachine(BuildError):
    pass


class FetchError(BuildError):
    pass


class FileGone(FetchError):
    pass


class ExecutorError(EdgetoolError):
    exit_code = 5


class ConnectError(ExecutorError):
    pass


class LinkLost(ConnectError):
    pass


class BoardBusy(ExecutorError):
    pass


class JobLost(ExecutorError):
    pass


class HostKeyError(ExecutorError):
    pass


class TransferError(ExecutorError):
    pass


class CommandFailed(ExecutorError):
    pass


class CommandTimeout(ExecutorError):
    pass


class IllegalInstruction(ExecutorError):
    pass


class HarnessError(EdgetoolError):
    exit_code = 6


class SelfTestFailed(HarnessError):
    pass


class CompareError(EdgetoolError):
    exit_code = 7


class RunIncomplete(EdgetoolError):
    exit_code = 8


class GateNotPassed(EdgetoolError):
    exit_code = 9
