"""PostgreSQL with fsync and Valkey for a bench run, and what PostgreSQL counts.

Hides the settings that make a window measurable and the harness's own share in the counters.
Callers: the production benches. Invariant: both servers end with the block.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import redis
from tests.support.servers import DURABLE, PostgresServer, RedisServer, migrated

SETTINGS: Mapping[str, str] = {
    **DURABLE,
    "synchronous_commit": "on",
    "shared_buffers": "256MB",
    "max_connections": "200",
    # No checkpoint inside a window: the full pages after it would be counted as the tasks' own log.
    "checkpoint_timeout": "1h",
    "max_wal_size": "16GB",
}
SHOWN = (
    "server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers",
    "max_connections", "checkpoint_timeout", "autovacuum",
)  # fmt: skip
REPORTED_S = 11.0
"""A backend reports what it counted when it has been idle for ten seconds, if not before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What PostgreSQL had counted at one moment."""

    transactions: int
    checkpoints: int


@dataclass(slots=True)
class Servers:
    """Both servers, running."""

    postgres: PostgresServer
    redis: RedisServer
    _asked: dict[str, int] = field(default_factory=dict)
    _open: "dict[str, psycopg.Connection[tuple[Any, ...]]]" = field(default_factory=dict)

    def query(self, database: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """One statement and one transaction, on a connection that is kept; counted as our own."""
        connection = self._open.get(database)
        if connection is None:
            connection = self._open[database] = self.postgres.connect(database)
            connection.prepare_threshold = 0
        self._asked[database] = self._asked.get(database, 0) + 1
        cursor = connection.execute(statement.encode(), values or None)
        return cursor.fetchall() if cursor.description else []

    def database(self, *, is_migrated: bool) -> str:
        """A new database; its name."""
        return self.postgres.create_database(migrated if is_migrated else None)

    def checkpoint(self) -> None:
        """Write everything out now, so that the server does not do it in a window."""
        self.query("postgres", "CHECKPOINT")

    def wal_bytes(self) -> int:
        """The position in the log, exact at any moment."""
        asked = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"
        return int(self.query("postgres", asked)[0][0])

    def counters(self, database: str) -> Counters:
        """The counters, without what this harness asked itself; waits until all have reported."""
        time.sleep(REPORTED_S)
        statistics = (
            "(SELECT num_timed + num_requested FROM pg_stat_checkpointer)"
            if self.postgres_major() >= 17
            else "(SELECT checkpoints_timed + checkpoints_req FROM pg_stat_bgwriter)"
        )
        [(transactions, checkpoints)] = self.query(
            "postgres",
            f"SELECT (SELECT xact_commit FROM pg_stat_database WHERE datname = %s), {statistics}",
            database,
        )
        return Counters(transactions=transactions - self._asked.get(database, 0), checkpoints=checkpoints)

    def postgres_major(self) -> int:
        return int(self.query("postgres", "SHOW server_version_num")[0][0]) // 10_000

    def describe(self) -> dict[str, str]:
        """Versions and the settings that the figures depend on."""
        with redis.Redis(host=self.redis.host, port=self.redis.port) as client:
            info: Any = client.info("server")
        shown = {f"postgresql.{name}": str(self.query("postgres", f"SHOW {name}")[0][0]) for name in SHOWN}
        return {**shown, "redis": str(info.get("valkey_version") or info["redis_version"])}

    def close(self) -> None:
        for connection in self._open.values():
            connection.close()
        self._open.clear()


@contextmanager
def servers() -> Iterator[Servers]:
    """Both servers around the block."""
    with PostgresServer(SETTINGS) as postgres, RedisServer() as cache:
        running = Servers(postgres, cache)
        try:
            yield running
        finally:
            running.close()
