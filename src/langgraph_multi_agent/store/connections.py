"""How many database connections each process of a replica may open.

Hides the arithmetic between the pool's settings, the processes that share them and what the server
allows. Callers: `bootstrap`, which opens the lanes of the database within `per_process`, and
`doctor`. Invariant: the processes of one replica together never ask for more than the settings
name, nor for more than the server has to give; a process that starts has at least `LEAST`.
"""

import asyncio
from dataclasses import dataclass

import psycopg

from langgraph_multi_agent.domain.errors import DependencyUnavailable, SettingsUnsafe
from langgraph_multi_agent.settings import SettingWarning
from langgraph_multi_agent.telemetry.redaction import Redactor

LEAST = 4
"""A process needs one connection each to write, to read, for the heartbeat and for checkpoints."""


def processes_of(workers: int) -> int:
    """Processes that `workers` of them can be: each may have one beside it in which suspects run alone."""
    return 2 * workers


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionBudget:
    """Connections of one process; `warning` when the settings asked for more than there is."""

    per_process: int
    warning: SettingWarning | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """What a PostgreSQL server says of itself: major version, and connections in all and kept back."""

    version: int
    max_connections: int
    reserved: int


async def server_limits(libpq_url: str, *, deadline_s: float) -> ServerLimits:
    """Ask a PostgreSQL server over a connection of its own; works through pgbouncer too.

    Args:
        libpq_url: `postgresql://…`.
        deadline_s: seconds for everything, name look-up included.

    Raises:
        DependencyUnavailable: it does not answer in time, or refuses; `reason` in its words.
    """
    try:
        async with asyncio.timeout(deadline_s):
            async with await psycopg.AsyncConnection.connect(libpq_url, prepare_threshold=None) as connection:
                cursor = await connection.execute(_LIMITS)
                row = await cursor.fetchone()
                version = connection.info.server_version // 10_000
    except (psycopg.Error, OSError) as error:
        # OSError holds TimeoutError, which says nothing of its own.
        words = str(error).strip().partition("\n")[0]
        reason = Redactor().text(words) or f"no answer within {deadline_s:g} s"
        raise DependencyUnavailable(dependency="postgresql", reason=reason) from error
    assert row is not None
    return ServerLimits(version=version, max_connections=int(row[0]), reserved=int(row[1]))


_LIMITS = """
SELECT current_setting('max_connections')::int,
       current_setting('superuser_reserved_connections')::int
       + coalesce(current_setting('reserved_connections', true)::int, 0)
"""


def connection_budget(
    *, pool_size: int, max_overflow: int, processes: int, max_connections: int, reserved: int
) -> ConnectionBudget:
    """Divide `pool_size + max_overflow` connections of a replica over its processes, rounded down.

    Args:
        pool_size, max_overflow: DATABASE_POOL_SIZE and DATABASE_MAX_OVERFLOW, for the whole replica.
        processes: those of this replica that open the database, at least 1.
        max_connections: what the server allows in all; behind a pooler, what the pooler allows.
        reserved: connections left to others, such as `superuser_reserved_connections`.

    Raises:
        SettingsUnsafe: DATABASE_POOL_SIZE, reason `too_few_connections`: below `LEAST` a process.
    """
    wanted, available = pool_size + max_overflow, max(0, max_connections - reserved)
    granted = min(wanted, available)
    per_process = granted // processes
    if per_process < LEAST:
        detail = (
            f"pool {pool_size} + {max_overflow}, processes {processes},"
            f" max_connections {max_connections}, reserved {reserved}"
        )
        raise SettingsUnsafe(
            setting="DATABASE_POOL_SIZE",
            reason="too_few_connections",
            value=per_process,
            needed=LEAST,
            detail=detail,
        )
    if granted == wanted:
        return ConnectionBudget(per_process=per_process)
    params = {
        "wanted": wanted,
        "available": available,
        "granted": granted,
        "per_process": per_process,
        "max_connections": max_connections,
        "reserved": reserved,
    }
    warning = SettingWarning(setting="DATABASE_POOL_SIZE", code="connections_clamped", params=params)
    return ConnectionBudget(per_process=per_process, warning=warning)
