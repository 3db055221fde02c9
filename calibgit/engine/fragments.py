"""SQL as text: files of named sections, quoted names and escaped literals."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources

from calibgit.engine.base import Column

_SECTION = re.compile(r"^-- (@[a-z_]+(?:, @[a-z_]+)*).*$", re.MULTILINE)
_BRACE = "\0"  # a name's own brace, until the statement is whole; no name holds NUL
_PLACE = re.compile(r"\{([a-z_]+)(?::([a-z_]+))?\}")


def identifier(name: str, quote: str = '"') -> str:
    """`name` as a quoted SQL identifier."""
    return quote + name.replace(quote, quote * 2) + quote


def dotted(name: str, quote: str = '"') -> str:
    """The name of a table with a schema before it, or none, each part as a quoted SQL identifier."""
    return ".".join(identifier(part, quote) for part in name.split("."))


def undotted(names: Iterable[tuple[str, str]]) -> list[str]:
    """Schema, or an empty text, and name of tables as `dotted` takes them; those with a dot of their own left out."""
    return [f"{schema}.{name}" if schema else name for schema, name in names if "." not in schema + name]


def shielded(sql: str) -> str:
    """Quoted names as text in which no template sees a place; `unshielded` gives the names back."""
    return sql.replace("{", _BRACE)


def unshielded(sql: str) -> str:
    """A whole statement, with the braces of its names."""
    return sql.replace(_BRACE, "{")


def literal(text: str) -> str:
    """`text` as a SQL string literal. What would look like a place of a template is cut in two."""
    parts = text.replace("'", "''").split("{")
    return "'" + "{' || '".join(parts) + "'" if _PLACE.search(text) else "'" + "{".join(parts) + "'"


@cache
def sections(folder: str, name: str) -> Mapping[str, str]:
    """The named sections of one SQL file. A head `-- @one, @other: words` names one or several sections alike."""
    text = resources.files("calibgit.engine").joinpath("sql", folder, f"{name}.sql").read_text(encoding="utf-8")
    parts = _SECTION.split(text)
    heads = zip(parts[1::2], parts[2::2], strict=True)
    return {name.strip("@"): body.strip() for names, body in heads for name in names.split(", ")}


def fill(text: str, places: Mapping[str, str], values: Mapping[str, str], columns: Mapping[str, Column]) -> str:
    """Replace the places of a template until none is left.

    Args:
        text: the template. `{name}` is a place; `{name:role}` is the value section `name` read from a role's column.
        places: texts for `{name}`; they may hold places themselves.
        values: the value sections of the dialect, with `{x}` where the value goes. A section `<name>_<kind>` takes
            the place of the section `<name>` for columns of that kind.
        columns: role to column; a role that is not mapped is NULL.

    Raises:
        KeyError: a place that nothing fills; a bug in a template.
    """

    def once(match: re.Match[str]) -> str:
        name, role = match.groups()
        if role is None:
            return fill(places[name] if name in places else values[name], places, values, columns)
        return _value(name, columns.get(role), places, values, columns)

    return _PLACE.sub(once, text)


def _value(
    name: str,
    column: Column | None,
    places: Mapping[str, str],
    values: Mapping[str, str],
    columns: Mapping[str, Column],
) -> str:
    if column is None:
        return values["no_number" if name in {"number", "measure"} else "no_word"]
    own = {key: values.get(f"{key}_{column.kind}", body) for key, body in values.items()}
    bound = {key: body.replace("{x}", column.sql) for key, body in own.items()}
    return fill(bound[name], {**places, **bound}, values, columns)


def fill_words(text: str, **words: str) -> str:
    """Replace `{word}` places by texts that may hold places themselves; others stay."""
    for name, word in words.items():
        text = text.replace("{" + name + "}", word)
    return text
