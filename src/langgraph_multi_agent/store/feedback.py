"""Units of work on what people say about the product.

Caller: `service.feedback`. Invariant: what was stored is shown to operators as it was written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, select

from langgraph_multi_agent.domain.task import DEFAULT_TENANT
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.sets import insert_rows

_TABLE = schema.feedback


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One message to the operators. `rating` is 1–5, `context` what the front end adds."""

    id: str
    actor: str
    type: str
    rating: int | None
    message: str
    context: Mapping[str, Any]
    created_at: datetime


@unit
def add(
    store: Store, feedback_id: str, *, kind: str, rating: int | None, message: str, context: Mapping[str, Any]
) -> Feedback:
    """Store one."""
    row = {
        "id": feedback_id,
        "tenant": store.scope.tenant or DEFAULT_TENANT,
        "actor": store.scope.actor,
        "type": kind,
        "rating": rating,
        "message": message,
        "context": dict(context),
        "created_at": store.now,
    }
    insert_rows(store, _TABLE, [row])
    return _feedback_of(store.connection.execute(select(_TABLE).where(_TABLE.c.id == feedback_id)).one())


def list_feedback(
    store: Store, *, limit: int, offset: int, kind: str | None = None
) -> tuple[list[Feedback], int]:
    """Newest first, and how many there are."""

    def of_kind(query: Select[Any]) -> Select[Any]:
        if store.scope.tenant is not None:
            query = query.where(_TABLE.c.tenant == store.scope.tenant)
        return query if kind is None else query.where(_TABLE.c.type == kind)

    query = of_kind(select(_TABLE)).order_by(_TABLE.c.created_at.desc(), _TABLE.c.id.desc())
    rows = store.connection.execute(query.limit(limit).offset(offset)).all()
    total = store.connection.scalar(of_kind(select(func.count()).select_from(_TABLE))) or 0
    return [_feedback_of(row) for row in rows], total


def _feedback_of(row: Row[Any]) -> Feedback:
    return Feedback(
        id=row.id,
        actor=row.actor,
        type=row.type,
        rating=row.rating,
        message=row.message,
        context=row.context,
        created_at=row.created_at,
    )
