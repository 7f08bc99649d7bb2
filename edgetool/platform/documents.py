"""Read and write values as JSON and TOML files.

Reading limits the size and checks the schema. Writing is atomic.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Hashable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from edgetool.errors import ConfigError, EdgetoolError
from edgetool.platform.files import is_regular, write_atomically

T = TypeVar("T")

SIZE_LIMIT_BYTES = 64 * 1024**2


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def parse_value(kind: type[T], data: bytes | str, *, where: str, error: type[EdgetoolError] = ConfigError) -> T:
    """Parse a value from JSON text. Raises `error`, naming `where` and the first key that doesn't fit."""
    try:
        parsed: T = _adapter(cast(Hashable, kind)).validate_json(data, strict=True)
    except ValidationError as invalid:
        _check_schema(kind, _peek(data), where, error)
        first = invalid.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "document"
        more = f" (and {invalid.error_count() - 1} more)" if invalid.error_count() > 1 else ""
        raise error(f"{where}: {key}: {_describe(first['type'], first['msg'])}{more}") from invalid
    _check_schema(kind, getattr(parsed, "schema", None), where, error)
    return parsed


def _check_schema(kind: Any, found: object, where: str, error: type[EdgetoolError]) -> None:
    """Raise `error` when a document's schema number isn't the SCHEMA that `kind` declares."""
    wanted = getattr(kind, "SCHEMA", None)
    if wanted is not None and found is not None and found != wanted:
        raise error(f"{where}: schema: {found!r}, this edgetool reads {wanted}")


def _peek(data: bytes | str) -> object:
    """Return the schema number in a JSON document, or None when it has none."""
    try:
        table = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return table.get("schema") if isinstance(table, dict) else None


def schema_of(path: Path, *, error: type[EdgetoolError]) -> object:
    """Return the schema number of a JSON document, for readers of several schemas.

    Raises `error` when it can't be read.
    """
    return _peek(read_limited(path, error))


def _describe(kind: str, message: str) -> str:
    """Translate pydantic's messages that speak of Python into the terms of a document."""
    return {
        "missing": "missing",
        "missing_keyword_only": "missing",
        "unexpected_keyword_argument": "unknown key",
        "extra_forbidden": "unknown key",
        "predicate_failed": "not a plain name",
    }.get(kind, message[:1].lower() + message[1:])


def check_table(
    kind: type[T], table: Mapping[str, object], *, where: str, error: type[EdgetoolError] = ConfigError
) -> T:
    """Parse a value from plain data, such as a TOML table. Raises `error` as `parse_value` does."""
    try:
        text = json.dumps(table, default=_foreign)
    except (ValueError, RecursionError) as unknown:
        raise error(f"{where}: {unknown}") from unknown
    return parse_value(kind, text, where=where, error=error)


def _foreign(value: object) -> dict[str, str]:
    """Convert a TOML date, which no value uses, to a table that fits no field, so that the error names its key."""
    return {type(value).__name__: str(value)}


def read_toml(path: Path) -> dict[str, Any]:
    """Return the contents of a TOML file. Raises ConfigError when it can't be read or parsed."""
    try:
        return tomllib.loads(read_limited(path, ConfigError).decode("utf-8-sig"))  # as Windows editors save
    except (ValueError, RecursionError) as error:  # not TOMLDecodeError: overlong numbers, deep nesting
        raise ConfigError(f"{path}: not TOML: {error}") from error


def read_document(path: Path, kind: type[T], *, error: type[EdgetoolError] = ConfigError) -> T:
    """Read a value from a .json or .toml file. Raises `error`, naming the file and the key."""
    if path.suffix == ".toml":
        return check_table(kind, read_toml(path), where=str(path), error=error)
    return parse_value(kind, read_limited(path, error), where=str(path), error=error)


def read_plain(path: Path, *, error: type[EdgetoolError]) -> Any:
    """Return the data of a JSON file whose schema another program defines.

    Raises `error` when it can't be read or parsed.
    """
    try:
        return json.loads(read_limited(path, error))
    except (ValueError, RecursionError) as invalid:
        raise error(f"{path}: not JSON: {invalid}") from invalid


def read_limited(path: Path, error: type[EdgetoolError]) -> bytes:
    try:
        if not is_regular(path):
            raise error(f"cannot read {path}: it is not a file")
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT_BYTES + 1)
    except OSError as unreadable:
        raise error(f"cannot read {path}: {unreadable.strerror}") from unreadable
    if len(data) > SIZE_LIMIT_BYTES:
        raise error(f"{path} is larger than {SIZE_LIMIT_BYTES >> 20} MiB")
    return data


def to_json(value: object) -> bytes:
    """Serialize a value, or plain data that contains values, as indented JSON."""
    try:
        return _adapter(cast(Hashable, type(value))).dump_json(value, indent=2) + b"\n"
    except PydanticSerializationError:  # of a file name that isn't UTF-8; its bytes become escapes such as \udcff
        return json.dumps(value, default=_as_plain, indent=2).encode() + b"\n"


def _as_plain(value: object) -> Any:
    return _adapter(cast(Hashable, type(value))).dump_python(value, mode="json")


def schema_document(kind: Any, *, title: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of what `to_json` writes for a value of this kind, without docstrings."""
    schema = _without_docstrings(_adapter(cast(Hashable, kind)).json_schema(mode="serialization"))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": title}


def _without_docstrings(schema: Any) -> Any:
    """Drop descriptions, which are a dataclass's docstring; a property of that name holds a schema and stays."""
    if isinstance(schema, list):
        return [_without_docstrings(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: each for key, each in schema.items() if key != "description" or not isinstance(each, str)}
    return {key: _without_docstrings(each) for key, each in kept.items()}


def to_plain(value: object) -> Any:
    """Convert a value to the plain data of its JSON form."""
    return json.loads(to_json(value))


def write_document(path: Path, value: object) -> None:
    """Write a value as JSON atomically. Raises ConfigError for a value that couldn't be read back."""
    data = to_json(value)
    write_atomically(path, to_json(parse_value(type(value), data, where=f"document for {path}")))
