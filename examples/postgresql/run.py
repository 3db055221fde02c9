"""Count a table where it is, in PostgreSQL, and find the same numbers that DuckDB finds in the same rows.

python examples/postgresql/run.py postgresql://USER@HOST/DATABASE [DIRECTORY]
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from calibgit.cli.demo.world import DemoWorld
from calibgit.engine.table import write_results
from calibgit.simulate.population import simulate

AS_OF = "2024-01-31"
ROWS = 3000
SCHEMA = "calibgit_example"
CONFIG = Path(__file__).parents[2] / "calibgit/jobs/templates/scoring_config.json"
KINDS = {
    "id": "bigint",
    "subject": "text",
    "created_at": "timestamptz",
    "logic_version": "text",
    "overall_score": "numeric(5, 2)",
    "category": "text",
    "category_scores": "jsonb",
    "confidence_score": "numeric(5, 4)",
    "red_flags": "jsonb",
    "data_sufficiency": "boolean",
    "conflict_density": "double precision",
    "escalation_reason": "text",
    "tier": "text",
    "outcome": "smallint",
    "feedback": "smallint",
    "cohort": "text",
}


def main(url: str, directory: Path) -> Path:
    """Run the example below `directory` and return its root. Raises AssertionError where a step surprises."""
    url = without_password(url)
    world = DemoWorld.build(directory)
    world.git("alice", "commit", "--quiet", "--allow-empty", "-m", "First commit")
    rows = list(simulate(json.loads(CONFIG.read_bytes()), rows=ROWS, seed=11, start=dt.date(2024, 1, 1), days=30))
    with table_of(url, rows) as table:
        world.must("alice", "init", "--solo", "--from-source", url, "--table", table)
        collect(world, "server", url)
    parquet = world.root / "results.parquet"
    write_results(parquet, rows)
    collect(world, "file", str(parquet))
    for kind in ("exact", "metrics_snapshot"):
        if (world.root / f"{kind}_server.json").read_bytes() != (world.root / f"{kind}_file.json").read_bytes():
            raise AssertionError(f"{kind}: PostgreSQL and DuckDB count differently")
    print(f"\n{ROWS} rows counted by PostgreSQL and by DuckDB: the same bytes.")
    return world.root


def collect(world: DemoWorld, name: str, source: str) -> None:
    """One collection; the exact counts and the published ones."""
    world.must(
        "alice", "collect", "--source", source, "--as-of", AS_OF, "--config", "1.0.0",
        "--private", str(world.root / f"exact_{name}.json"), "-o", str(world.root / f"metrics_snapshot_{name}.json"),
    )  # fmt: skip


def without_password(url: str) -> str:
    """The address; a password in it goes where the driver looks for one, and is shown nowhere."""
    parsed = sa.make_url(url)
    if parsed.password is not None:
        os.environ["PGPASSWORD"] = str(parsed.password)
    plain = sa.URL.create(
        parsed.drivername, parsed.username, None, parsed.host, parsed.port, parsed.database, parsed.query
    )
    return plain.render_as_string(hide_password=False)


@contextmanager
def table_of(url: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A results table in a schema of its own, which must not exist and is dropped again; the table's name."""
    fields = ", ".join(f"{name} {kind}" for name, kind in KINDS.items())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        try:
            connection.execute(f"CREATE TABLE {SCHEMA}.scan_results ({fields})".encode())
            with connection.cursor().copy(
                f"COPY {SCHEMA}.scan_results ({', '.join(KINDS)}) FROM STDIN".encode()
            ) as copy:
                for row in rows:
                    copy.write_row([_plain(row.get(name)) for name in KINDS])
            yield f"{SCHEMA}.scan_results"
        finally:
            connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


def _plain(value: object) -> object:
    return json.dumps(value) if isinstance(value, (dict, list)) else value


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2] if len(sys.argv) > 2 else "postgresql-world"))
