"""Consumer contracts: JSON Schemas that a config must keep so that its readers go on working. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from calibgit.errors import DocumentError
from calibgit.model.canonical import read_json


def violations(schema_bytes: bytes, name: str, value: Any) -> list[str]:
    """What `value` breaks of a JSON Schema (2020-12), as `path: message`, sorted; empty when it is accepted.

    Raises:
        DocumentError: the schema is not JSON (see `read_json`), or CONTRACT_INVALID when it is no JSON Schema.
    """
    from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415  slow to import
    from referencing import Registry  # noqa: PLC0415
    from referencing.exceptions import Unresolvable  # noqa: PLC0415

    schema = read_json(schema_bytes, name)
    try:
        Draft202012Validator.check_schema(schema)
        errors = list(Draft202012Validator(schema, registry=Registry()).iter_errors(value))
    except (SchemaError, Unresolvable, RecursionError) as error:
        problem = "it refers to itself for ever" if isinstance(error, RecursionError) else str(error).partition("\n")[0]
        raise DocumentError(
            "CONTRACT_INVALID",
            f"{name} is not a JSON Schema that can be evaluated: {problem}",
            why="A contract that cannot be evaluated protects nobody.",
            fix=f"mend {name}; it may only refer to itself",
        ) from error
    return sorted(f"{'.'.join(str(p) for p in e.absolute_path) or 'the config'}: {_words(e)}" for e in errors)


def _words(error: Any) -> str:
    return str(error.message)[:200]


def broken(contracts: Mapping[str, bytes], value: Any) -> list[str]:
    """All violations of several contracts, each with its contract's name."""
    return [f"{name}: {problem}" for name in sorted(contracts) for problem in violations(contracts[name], name, value)]
