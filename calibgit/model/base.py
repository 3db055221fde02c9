"""What every document shares: frozen, closed, readable from strict JSON."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from calibgit.errors import DocumentError
from calibgit.model.canonical import MAX_DOCUMENT_BYTES, canonical_json, pretty_json, read_json, sha256_hex


class Document(BaseModel):
    """A frozen value with named fields; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)

    def data(self) -> dict[str, Any]:
        """The document as JSON data, by its public names, without absent optional fields."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def pretty(self) -> bytes:
        """The bytes that people read."""
        return pretty_json(self.data())

    def digest(self) -> str:
        """SHA-256 of the RFC 8785 form, 64 hex digits."""
        return sha256_hex(canonical_json(self.data()))

    @classmethod
    def read(cls, data: bytes, name: str, *, limit: int = MAX_DOCUMENT_BYTES) -> Self:
        """Parse and validate the bytes of one document.

        Raises:
            DocumentError: TOO_LARGE, NOT_UTF8, NOT_JSON or SCHEMA.
        """
        return cls.of(read_json(data, name, limit=limit), name)

    @classmethod
    def of(cls, value: Any, name: str) -> Self:
        """Validate JSON data.

        Raises:
            DocumentError: SCHEMA, naming the first field that does not fit. Values are not repeated.
        """
        try:
            return cls.model_validate(value, by_alias=True, by_name=False)
        except ValidationError as error:
            raise schema_error(name, error) from error


def schema_error(name: str, error: ValidationError) -> DocumentError:
    """The named error for a document that does not keep its schema."""
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the document"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return DocumentError(
        "SCHEMA",
        f"{name}: {place}: {first['msg']}{more}",
        why="A document that does not keep its schema could mean anything.",
        fix=f"mend {place} in {name}",
    )
