"""Units of work of an import that arrives bit by bit, for SQLite, whose one writer all others wait for.

Hides that arriving rows belong to a tenant that nobody is. Callers: `service.transfer`, and
`bootstrap` at the start. Invariants: nobody sees a row before all have arrived; from then on, which is
one commit, an import is never taken back. Up to AT_ONCE rows are seen with that commit; more of them
follow it step by step, as one step would hold the writer for too long, and whatever was cut short is
brought to its end by `settle`. One process, one import at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, delete, select, update

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.domain.errors import DependencyUnavailable
from langgraph_multi_agent.domain.task import DEFAULT_TENANT
from langgraph_multi_agent.store import quotas, schema, transfer, user_settings
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.sets import insert_rows

DIALECT = "sqlite"
AT_ONCE = 3_000
"""A fifth of a second of the writer's time."""
STEP = 500
_TABLE = schema.imports


@unit
def begin(store: Store) -> str:
    """Make room for an import of the actor's; its id."""
    import_id = store.new_id()
    row = {
        "id": import_id,
        "tenant": store.scope.tenant or DEFAULT_TENANT,
        "actor": store.scope.actor,
        "is_complete": False,
        "settings": {},
        "created_at": store.now,
    }
    insert_rows(store, _TABLE, [row])
    return import_id


@unit
def stage_tasks(store: Store, import_id: str, page: Sequence[dict[str, Any]]) -> list[str]:
    """Put down those tasks that are not known yet; their ids. Raises DataRefused."""
    return transfer.insert_tasks(store, page, hidden=hidden_tenant(import_id))


@unit
def stage_messages(store: Store, import_id: str, page: Sequence[dict[str, Any]]) -> int:
    """Put down those messages that are not known yet; how many. Raises DataRefused."""
    return transfer.insert_messages(store, page, hidden=hidden_tenant(import_id))


@unit
def complete(store: Store, import_id: str, wanted: Mapping[str, Any], *, rows: int) -> int:
    """All has arrived: from this commit on the import stands.

    Args:
        wanted: settings by name.
        rows: how many were put down.

    Returns:
        How many settings are different now. What is not seen yet `settle` shows.

    Raises:
        DependencyUnavailable: another import took this one for dead.
        QuotaExceeded: the tenant would have more tasks that have not ended than it may.
    """
    arrived = transfer.hidden_unended(store, hidden_tenant(import_id))
    quotas.require_room(store, store.scope.tenant or DEFAULT_TENANT, arrived, hidden=arrived)
    changed = transfer.changed_settings(store, wanted)
    values = {"is_complete": True, "settings": changed}
    done = store.connection.execute(update(_TABLE).where(_TABLE.c.id == import_id).values(values))
    if not done.rowcount:
        raise DependencyUnavailable(dependency="database", reason="import cleared")
    if rows <= AT_ONCE:
        while _go_on(store, _by_id(store, import_id), AT_ONCE):
            pass
    return len(changed)


def is_unsettled(store: Store) -> bool:
    """True if there is an import that `settle` has to bring to its end."""
    return store.connection.execute(select(_TABLE.c.id).limit(1)).first() is not None


@unit
def settle(store: Store) -> bool:
    """One short step to the end of an import, the oldest first; False if there is none.

    Complete ones become seen, others go without a trace.
    """
    query = select(_TABLE).order_by(_TABLE.c.created_at, _TABLE.c.id).limit(1)
    row = store.connection.execute(query).first()
    if row is None:
        return False
    _go_on(store, row, STEP)
    return True


def _by_id(store: Store, import_id: str) -> Row[Any]:
    return store.connection.execute(select(_TABLE).where(_TABLE.c.id == import_id)).one()


def _go_on(store: Store, row: Row[Any], limit: int) -> bool:
    """Move at most `limit` rows; False once the import is over."""
    mine, hidden = replace(store, scope=Scope(tenant=row.tenant, actor=row.actor)), hidden_tenant(row.id)
    if row.is_complete:
        moved = transfer.show_tasks(mine, hidden, limit) or transfer.show_messages(mine, hidden, limit)
    else:
        moved = transfer.drop_hidden(mine, hidden, limit)
    if moved:
        return True
    if row.settings:
        user_settings.change(mine, row.settings)
    store.connection.execute(delete(_TABLE).where(_TABLE.c.id == row.id))
    return False


def hidden_tenant(import_id: str) -> str:
    """Whose the rows of an import are until it is complete: nobody's; no tenant has a colon."""
    return f"import:{import_id}"
