"""Sessions in the database, for servers without Redis.

Callers: bootstrap picks it; the identity service sees `ports.Sessions`. Invariant: only hashes of
tokens come here, and an expired session is nobody's.
"""

from datetime import timedelta

from sqlalchemy import delete, select, update

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.domain.errors import DependencyUnavailable
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import Database, Store, single_statement, unit
from langgraph_multi_agent.store.sets import insert_rows

_TABLE = schema.sessions


class StoredSessions:
    """`ports.Sessions` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, token_hash: str, value: bytes, *, ttl_s: float) -> bool:
        try:
            return await self._database.write(SYSTEM_SCOPE, add, token_hash, value, ttl_s=ttl_s)
        except DependencyUnavailable:
            return False

    async def get(self, token_hash: str) -> bytes | None:
        return await self._database.read(SYSTEM_SCOPE, find, token_hash)

    async def touch(self, token_hash: str, *, ttl_s: float) -> bool:
        try:
            return await self._database.write(SYSTEM_SCOPE, prolong, token_hash, ttl_s=ttl_s)
        except DependencyUnavailable:
            return False

    async def delete(self, token_hash: str) -> bool:
        try:
            await self._database.write(SYSTEM_SCOPE, end, token_hash)
        except DependencyUnavailable:
            return False
        return True

    async def ping(self) -> bool:
        return True


@unit
def add(store: Store, token_hash: str, value: bytes, *, ttl_s: float) -> bool:
    """Keep one; what has expired goes at the same time."""
    store.connection.execute(delete(_TABLE).where(_TABLE.c.expires_at <= store.now))
    row = {"token_hash": token_hash, "value": value, "expires_at": store.now + timedelta(seconds=ttl_s)}
    insert_rows(store, _TABLE, [row], ignoring=True)
    return find(store, token_hash) == value


@single_statement
def find(store: Store, token_hash: str) -> bytes | None:
    row = store.connection.execute(
        select(_TABLE.c.value, _TABLE.c.expires_at).where(_TABLE.c.token_hash == token_hash)
    ).first()
    return bytes(row.value) if row is not None and row.expires_at > store.now else None


@unit
def prolong(store: Store, token_hash: str, *, ttl_s: float) -> bool:
    alive = (_TABLE.c.token_hash == token_hash, _TABLE.c.expires_at > store.now)
    until = store.now + timedelta(seconds=ttl_s)
    return store.connection.execute(update(_TABLE).where(*alive).values(expires_at=until)).rowcount > 0


@unit
def end(store: Store, token_hash: str) -> None:
    store.connection.execute(delete(_TABLE).where(_TABLE.c.token_hash == token_hash))
