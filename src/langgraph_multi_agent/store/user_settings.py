"""Units of work on a person's settings, one row for each that was ever set.

Callers: `service.preferences`, `service.transfer`. Invariant: names and values were checked before.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select

from langgraph_multi_agent.domain.task import DEFAULT_TENANT
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.sets import insert_rows

_TABLE = schema.user_settings


def read(store: Store) -> dict[str, Any]:
    """What the actor has set, by name."""
    query = select(_TABLE.c.name, _TABLE.c.value).where(
        _TABLE.c.tenant == (store.scope.tenant or DEFAULT_TENANT), _TABLE.c.actor == store.scope.actor
    )
    return {name: value for name, value in store.connection.execute(query.order_by(_TABLE.c.name))}


@unit
def change(store: Store, values: Mapping[str, Any]) -> dict[str, Any]:
    """Set some, leave the others; None takes one back. Gives all that are set now."""
    tenant, actor = store.scope.tenant or DEFAULT_TENANT, store.scope.actor
    # In one order, so that two changes at once cannot wait for each other.
    names = sorted(values)
    rows = [
        {"tenant": tenant, "actor": actor, "name": name, "value": values[name], "updated_at": store.now}
        for name in names
        if values[name] is not None
    ]
    insert_rows(store, _TABLE, rows, replacing=("value", "updated_at"))
    gone = [name for name in names if values[name] is None]
    if gone:
        own = (_TABLE.c.tenant == tenant, _TABLE.c.actor == actor, _TABLE.c.name.in_(gone))
        store.connection.execute(delete(_TABLE).where(*own))
    return read(store)
