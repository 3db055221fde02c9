"""JSON Schemas of the documents: generated from the types and kept beside them as golden files, but for `trust`."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from calibgit.errors import UsageError
from calibgit.model.audit import AuditReport
from calibgit.model.base import Document
from calibgit.model.checks import CheckReport
from calibgit.model.config import ScoringConfig
from calibgit.model.doctor import DoctorReport
from calibgit.model.history import History
from calibgit.model.proposal import ChangeSummary
from calibgit.model.report import CalibrationReport
from calibgit.model.rollback import RollbackReport
from calibgit.model.settings import Settings
from calibgit.model.snapshot import ExactSnapshot, MetricsSnapshot

DOCUMENTS: dict[str, type[Document]] = {
    "audit": AuditReport,
    "calibration-report": CalibrationReport,
    "history": History,
    "change-summary": ChangeSummary,
    "check-report": CheckReport,
    "doctor": DoctorReport,
    "exact-snapshot": ExactSnapshot,
    "metrics-snapshot": MetricsSnapshot,
    "rollback-report": RollbackReport,
    "scoring-config": ScoringConfig,
    "settings": Settings,
}
# What `model.policy` reads is shaped by its schema alone: verification loads no other library for it.
SHIPPED = (*DOCUMENTS, "trust")


def generate(name: str) -> bytes:
    """The schema as the types say it now."""
    schema: dict[str, Any] = _closed(DOCUMENTS[name].model_json_schema(by_alias=True))
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"calibgit/{name}/1"}
    return (json.dumps({**head, **schema}, indent=2, ensure_ascii=False) + "\n").encode()


def _closed(node: Any) -> Any:
    """Refuse keys outside the pattern of a mapping's names, as the types do."""
    if isinstance(node, dict):
        found = {key: _closed(item) for key, item in node.items()}
        return {"additionalProperties": False, **found} if "patternProperties" in found else found
    return [_closed(item) for item in node] if isinstance(node, list) else node


def schema_bytes(name: str) -> bytes:
    """The shipped schema.

    Raises:
        UsageError: UNKNOWN_SCHEMA.
    """
    if name not in SHIPPED:
        raise UsageError(
            "UNKNOWN_SCHEMA",
            f"there is no schema {name!r}",
            why=f"Known: {', '.join(SHIPPED)}.",
            fix="calibgit schema scoring-config",
        )
    return (files("calibgit.model") / "schema" / f"{name}.schema.json").read_bytes()
