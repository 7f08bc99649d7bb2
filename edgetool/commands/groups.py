"""Groups of options: a command takes one as a value, its user sees the options."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any, get_type_hints


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Spread each parameter that is a dataclass into an option for each of its fields, as Typer reads signatures.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Pace:
    ...     threads: int = 1
    ...     wait: bool = False
    >>> @with_groups
    ... def bench(*, target: str, pace: Pace) -> None:
    ...     print(target, pace)
    >>> bench(target="desk", threads=4, wait=True)
    desk Pace(threads=4, wait=True)
    >>> str(signature(bench))
    '(*, target: str, threads: int = 1, wait: bool = False) -> None'
    """
    taken = signature(command, eval_str=True)
    groups: dict[str, Any] = {
        name: each.annotation for name, each in taken.parameters.items() if is_dataclass(each.annotation)
    }

    def spread() -> Iterator[Parameter]:
        for name, parameter in taken.parameters.items():
            if name in groups:
                hints = get_type_hints(groups[name], include_extras=True)
                for field in fields(groups[name]):
                    yield Parameter(
                        field.name, Parameter.KEYWORD_ONLY, default=_default(field), annotation=hints[field.name]
                    )
            else:
                yield parameter.replace(kind=Parameter.KEYWORD_ONLY)

    @wraps(command)
    def run(**given: Any) -> None:
        made = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**given, **made)

    # where inspect.signature looks first
    vars(run)["__signature__"] = Signature(list(spread()), return_annotation=taken.return_annotation)
    return run


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return Parameter.empty if field.default is MISSING else field.default
