"""Cases: one model in one precision and runtime on one target, and its result."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from annotated_types import Len

from edgetool.errors import EdgetoolError
from edgetool.models.spec import Precision
from edgetool.platform.values import FileName, Name, Positive, Text, plain_name, value

Key = Annotated[str, Len(16, 16)]  # hash of all inputs of a record
OWN_RUNTIME = "auto"  # the runtime that the target's file names
REASON_LIMIT = 200  # characters; fits on a line


@value
class Case:
    """One cell of a plan."""

    model: FileName
    precision: Precision
    target: Name
    threads: Positive
    runtime: Name = OWN_RUNTIME

    @property
    def title(self) -> str:
        """Describe the case among the others of its target."""
        runtime = "" if self.runtime == OWN_RUNTIME else f" in {self.runtime}"
        return f"{self.model} {self.precision}{runtime}, {self.threads} thread{'s' * (self.threads > 1)}"

    @property
    def stem(self) -> str:
        """The file name of its record, without suffix."""
        runtime = "" if self.runtime == OWN_RUNTIME else f"-{self.runtime}"
        threads = "" if self.threads == 1 else f"-{self.threads}t"
        return plain_name(f"{self.target}-{self.model}-{self.precision}{runtime}{threads}")


def deployed(cases: Collection[Case]) -> frozenset[Case]:
    """Return the cases in the runtime that their model is deployed with on their target.

    That is the target's own, or the first named where the target's own isn't among the cases.
    """
    names: dict[tuple[str, str], str] = {}
    for case in cases:
        place = case.model, case.target
        names[place] = OWN_RUNTIME if case.runtime == OWN_RUNTIME else names.get(place, case.runtime)
    return frozenset(case for case in cases if case.runtime == names[case.model, case.target])


@value
class CaseFailure:
    """The reason why a case has no record."""

    error: Name  # the class of the error
    message: Text
    hint: Text | None = None

    @property
    def reason(self) -> str:
        """The error and the first line of its message."""
        return f"{self.error}: {(self.message.splitlines() or [''])[0][:REASON_LIMIT]}"

    @classmethod
    def of(cls, error: EdgetoolError) -> CaseFailure:
        return cls(error=type(error).__name__, message=error.message[:4096], hint=error.hint)


@value
class CaseResult:
    """The result of a case: either `record`, a path relative to the run's folder, or `failure`."""

    case: Case
    record: Name | None = None
    kept: bool = False  # measured by an earlier run of the same plan
    failure: CaseFailure | None = None


@value
class Fallback:
    """A request that the target couldn't fulfil, and what was done instead."""

    asked: Text
    reason: Text
    instead: Text
