"""Units of work on conversations: a message with its answer, and reading them back.

Hides that the task of an answer is accepted in the same transaction. Callers: `service.chat`,
`service.transfer`. Invariant: a message is never without its answer, unless it was imported so, and an
answer that speaks of a task stands if and only if the task was accepted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Row, Select, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from langgraph_multi_agent.domain.errors import DataRefused
from langgraph_multi_agent.domain.task import DEFAULT_TENANT, Task, TaskDraft
from langgraph_multi_agent.store import schema, submissions
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.sets import insert_rows

KEY_PREFIX = "chat:"
BODY_HASH = "chat"
"""The key alone says what the task is: the words stand in the message that it names."""
ANSWER_FOLLOWS = timedelta(microseconds=1)
_TABLE = schema.chat_messages
_INSERT: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """One message of a person's conversation, or the answer to it.

    Attributes:
        data: of an answer `{"intent", "citations", "links", …}`; of a person's message `{"answer_id"}`.
    """

    id: str
    actor: str
    type: Literal["user", "ai"]
    content: str
    sender: str
    task_id: str | None
    data: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerWords:
    """What is answered: the text, and the `data` of the answer."""

    content: str
    data: Mapping[str, Any]
    sender: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """The task that an answer makes.

    Attributes:
        request_id: the message that asked for it; whoever confirms it twice gets the same task.
        queue_size: as at any submission.
    """

    request_id: str
    draft: TaskDraft
    queue_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A message and its answer. `task` is the one it made, `is_replay` that it stood here before."""

    message: ChatMessage
    answer: ChatMessage
    task: Task | None = None
    is_new_task: bool = False
    is_replay: bool = False


@unit
def exchange(
    store: Store,
    message_id: str,
    *,
    content: str,
    words: Callable[[Task | None, bool], AnswerWords],
    new_task: NewTask | None = None,
) -> Exchange:
    """Store a message with its answer and, if there is one, the task that it asks for.

    Args:
        message_id: a second exchange of the same id gives back the first one.
        words: the answer, once the task is known, and whether it is new.

    Raises:
        QueueFull, QuotaExceeded, DataRefused: nothing was stored.
    """
    actor, tenant, now = store.scope.actor, store.scope.tenant or DEFAULT_TENANT, store.now
    answer_id = store.new_id()
    row = {
        "id": message_id,
        "tenant": tenant,
        "actor": actor,
        "type": "user",
        "content": content,
        "sender": actor,
        "task_id": None,
        "data": {"answer_id": answer_id},
        "created_at": now,
    }
    insert = _INSERT[store.connection.dialect.name](_TABLE).values(row).on_conflict_do_nothing()
    if store.connection.execute(insert.returning(_TABLE.c.id)).first() is None:
        known = find(store, message_id)
        if known is not None:
            return known
        if not _is_left_open(store, message_id, answer_id):
            raise DataRefused(reason="id")  # it is somebody else's, whom this one learns nothing of
    task, is_known = None, True
    if new_task is not None:
        task, is_known = submissions.submit(
            store,
            store.new_id(),
            new_task.draft,
            queue_size=new_task.queue_size,
            idempotency_key=KEY_PREFIX + new_task.request_id,
            body_hash=BODY_HASH,
        )
    said = words(task, not is_known)
    answer = row | {
        "id": answer_id,
        "type": "ai",
        "content": said.content,
        "sender": said.sender,
        "task_id": task.id if task is not None else None,
        "data": dict(said.data),
        "created_at": now + ANSWER_FOLLOWS,
    }
    insert_rows(store, _TABLE, [answer])
    return Exchange(
        message=_get(store, message_id),
        answer=_get(store, answer_id),
        task=task,
        is_new_task=task is not None and not is_known,
    )


def history(store: Store, *, limit: int, offset: int) -> tuple[list[ChatMessage], int]:
    """A page of the actor's conversation and how many messages there are.

    Offset 0 is the page with the newest messages; within a page the oldest comes first.
    """
    query = _own(store, select(_TABLE)).order_by(_TABLE.c.created_at.desc(), _TABLE.c.id.desc())
    rows = store.connection.execute(query.limit(limit).offset(offset)).all()
    total = store.connection.scalar(_own(store, select(func.count()).select_from(_TABLE))) or 0
    return [_message_of(row) for row in reversed(rows)], total


def find(store: Store, message_id: str) -> Exchange | None:
    """The exchange that a message of the actor's began; None too where it came here without its answer."""
    message = _own_message(store, message_id)
    if message is None or message.type != "user":
        return None
    answer = _own_message(store, str(message.data.get("answer_id")))
    return None if answer is None else Exchange(message=message, answer=answer, is_replay=True)


def _is_left_open(store: Store, message_id: str, answer_id: str) -> bool:
    """Name the answer in a message of the actor's that was imported without one; False if there is none."""
    columns, tenant = _TABLE.c, store.scope.tenant or DEFAULT_TENANT
    own = (columns.id == message_id, columns.tenant == tenant, columns.actor == store.scope.actor)
    change = update(_TABLE).where(*own, columns.type == "user").values(data={"answer_id": answer_id})
    return bool(store.connection.execute(change).rowcount)


def _own_message(store: Store, message_id: str) -> ChatMessage | None:
    row = store.connection.execute(_own(store, select(_TABLE)).where(_TABLE.c.id == message_id)).first()
    return None if row is None else _message_of(row)


def _get(store: Store, message_id: str) -> ChatMessage:
    return _message_of(store.connection.execute(select(_TABLE).where(_TABLE.c.id == message_id)).one())


def _own(store: Store, query: Select[Any]) -> Select[Any]:
    tenant = store.scope.tenant or DEFAULT_TENANT
    return query.where(_TABLE.c.tenant == tenant, _TABLE.c.actor == store.scope.actor)


def _message_of(row: Row[Any]) -> ChatMessage:
    return ChatMessage(
        id=row.id,
        actor=row.actor,
        type=row.type,
        content=row.content,
        sender=row.sender,
        task_id=row.task_id,
        data=row.data,
        created_at=row.created_at,
    )
