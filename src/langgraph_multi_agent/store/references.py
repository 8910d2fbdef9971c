"""References to stored contents: the digests that some row still needs.

Hides where a digest is named. Callers: retention and privacy, which delete what nothing needs, and
`bootstrap`. Invariant: what a step produced is named in the journal before it becomes an artifact, so the
journal is read first: nothing passes between the two unseen.
"""

from sqlalchemy import select, tuple_

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import Database, Store

AT_ONCE = 10_000
"""Rows of one page."""
Cursor = tuple[str, str, str]
"""Where the next page of digests begins: the table, a task and a key or name in it."""
FIRST: Cursor = ("journal", "", "")
_DIGESTS = {
    "journal": (schema.journal.c.task_id, schema.journal.c.key, schema.journal.c.result_digest),
    "artifacts": (schema.artifacts.c.task_id, schema.artifacts.c.name, schema.artifacts.c.digest),
}


def digests(store: Store, cursor: Cursor, *, limit: int) -> tuple[set[str], Cursor | None]:
    """Digests that the next `limit` rows need, over all tenants, and the cursor after them.

    Args:
        cursor: FIRST, or what the page before gave; None of it means that all are read.
    """
    table, *place = cursor
    task_id, name, digest = _DIGESTS[table]
    window = tuple_(task_id, name) > tuple_(*place)
    query = select(task_id, name).where(window).order_by(task_id, name)
    last = store.connection.execute(query.offset(limit - 1).limit(1)).first()
    if last is not None:
        window &= tuple_(task_id, name) <= tuple_(*last)
    found = set(store.connection.scalars(select(digest).where(window, digest.is_not(None))))
    if last is not None:
        return found, (table, last[0], last[1])
    return found, ("artifacts", "", "") if table == "journal" else None


async def needed(database: Database) -> set[str]:
    """Digests that some row still needs, over all tenants; each page is a short read of its own.

    Raises:
        DependencyUnavailable.
    """
    found: set[str] = set()
    cursor: Cursor | None = FIRST
    while cursor is not None:
        page, cursor = await database.read(SYSTEM_SCOPE, digests, cursor, limit=AT_ONCE)
        found |= page
    return found
