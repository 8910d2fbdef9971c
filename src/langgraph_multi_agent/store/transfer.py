"""Units of work of export and import.

Hides keyset pages, and which id a row gets where another tenant has its own. Callers:
`service.transfer`, and `staging`, whose rows stay hidden until all have arrived. Invariants: a task,
message or setting that is known stays as it is, so a second import changes nothing; the same document
gives the same ids; no imported task runs by itself.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Select, Table, delete, func, select, tuple_, update

from langgraph_multi_agent.domain.errors import ImportUnderWay
from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import (
    DEFAULT_TENANT,
    IMPORTED,
    PROTOCOL_VERSION,
    TERMINAL,
    Task,
    TaskStatus,
)
from langgraph_multi_agent.store import quotas, schema, user_settings
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.limits import check_rows
from langgraph_multi_agent.store.rows import add_events, scoped, task_of
from langgraph_multi_agent.store.sets import POSTGRESQL, among, insert_rows

DEADLINE_S = 300.0
"""For a whole export or import; a single statement has the database's own limit."""
PAGE = 500
MAX_SAMPLE = 100
_NAMESPACE = UUID("7b0f5f0e-3c52-5a55-9d3a-6d6c67610004")
_LOCK_KEY = 0x6C67_6D61_0311
_TASK_TIMES = ("deadline", "created_at", "updated_at", "started_at", "completed_at")
_SAID = ("title", "team", "priority", "files", "status", "error_message")
"""What the events and inputs of a task are made of."""
_ENDINGS = {
    TaskStatus.COMPLETED.value: EventType.TASK_COMPLETED,
    TaskStatus.FAILED.value: EventType.TASK_FAILED,
    TaskStatus.CANCELLED.value: EventType.TASK_CANCELLED,
    TaskStatus.PAUSED.value: EventType.TASK_PAUSED,
}

_ENDED = frozenset(status.value for status in TERMINAL)

Rows = Callable[[str], Iterable[dict[str, Any]]]
"""Gives the checked rows of one kind (`task`, `message`, `setting`) from the start, each time it is called.

Times are ISO-8601; `is_valid` says whether the row may have the id that it names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """How much was new.

    Attributes:
        sample: some of the new tasks, to wake who follows them.
        ignored: places of the document that mean nothing here, such as `user_settings.font`.
    """

    tasks: int
    messages: int
    settings: int
    sample: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


def tasks(store: Store) -> Iterator[list[Task]]:
    """All tasks in scope, oldest first, page by page."""
    columns = schema.tasks.c
    query = scoped(store, select(schema.tasks)).order_by(columns.created_at, columns.id).limit(PAGE)
    after: tuple[datetime, str] | None = None
    while True:
        page = query if after is None else query.where(tuple_(columns.created_at, columns.id) > tuple_(*after))
        rows = store.connection.execute(page).all()
        if rows:
            yield [task_of(row) for row in rows]
        if len(rows) < PAGE:
            return
        after = (rows[-1].created_at, rows[-1].id)


def messages(store: Store) -> Iterator[list[dict[str, Any]]]:
    """The actor's conversation as the contract shows it, oldest first, page by page."""
    table = schema.chat_messages
    columns, (tenant, actor) = table.c, _owner(store)
    query = (
        select(table)
        .where(columns.tenant == tenant, columns.actor == actor)
        .order_by(columns.created_at, columns.id)
        .limit(PAGE)
    )
    after: tuple[datetime, str] | None = None
    while True:
        page = query if after is None else query.where(tuple_(columns.created_at, columns.id) > tuple_(*after))
        rows = store.connection.execute(page).all()
        if rows:
            yield [
                {
                    "id": row.id,
                    "type": row.type,
                    "content": row.content,
                    "sender": row.sender,
                    "timestamp": row.created_at,
                    "task_id": row.task_id,
                    "data": row.data,
                }
                for row in rows
            ]
        if len(rows) < PAGE:
            return
        after = (rows[-1].created_at, rows[-1].id)


def settings(store: Store) -> dict[str, Any]:
    """What the actor has set."""
    return user_settings.read(store)


@unit
def take_over(store: Store, rows: Rows) -> Imported:
    """Insert what is not known yet, and set what differs, in this one transaction.

    Raises:
        DataRefused: a value breaks a rule of the schema; nothing was written.
        ImportUnderWay: another process is at one; nothing was written.
        QuotaExceeded: the tenant would have more tasks that have not ended than it may; nothing was written.
    """
    # Two imports at once would not see each other's rows.
    if store.dialect == POSTGRESQL and not store.connection.scalar(select(func.pg_try_advisory_xact_lock(_LOCK_KEY))):
        raise ImportUnderWay
    sample: list[str] = []
    new_tasks = new_messages = unended = 0
    for page in pages(rows("task")):
        ids = insert_tasks(store, page)
        new = set(ids)
        unended += sum(row["id"] in new and row["status"] not in _ENDED for row in page)
        new_tasks += len(ids)
        sample += ids[: MAX_SAMPLE - len(sample)]
    for page in pages(rows("message")):
        new_messages += insert_messages(store, page)
    quotas.require_room(store, _owner(store)[0], unended)
    changed = changed_settings(store, {row["name"]: row["value"] for row in rows("setting")})
    if changed:
        user_settings.change(store, changed)
    return Imported(tasks=new_tasks, messages=new_messages, settings=len(changed), sample=tuple(sample))


take_over.__dict__["deadline_s"] = DEADLINE_S


def changed_settings(store: Store, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Those that the actor has not set so yet."""
    known = user_settings.read(store)
    return {name: value for name, value in wanted.items() if known.get(name) != value}


def _owner(store: Store) -> tuple[str, str]:
    return store.scope.tenant or DEFAULT_TENANT, store.scope.actor


def pages(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The rows in lists of at most PAGE."""
    left = iter(rows)
    while page := list(islice(left, PAGE)):
        yield page


class _Names:
    """Which id a row gets: its own, or one made from it where it is no UUID or belongs to somebody else."""

    def __init__(self, kind: str, owner: Any, owners: Mapping[str, Any]) -> None:
        self._kind, self._owner, self._owners = kind, owner, owners

    @staticmethod
    def derived(kind: str, owner: Any, identity: str) -> str:
        return str(uuid5(_NAMESPACE, f"{kind}/{owner}/{identity}"))

    def of(self, identity: str, *, is_valid: bool = True) -> str:
        own = self.derived(self._kind, self._owner, identity)
        if not is_valid or self.is_known(own):
            return own
        return own if identity in self._owners and not self.is_known(identity) else identity

    def is_known(self, identity: str) -> bool:
        return bool(self._owners.get(identity) == self._owner)

    def is_foreign(self, identity: str) -> bool:
        return identity in self._owners and not self.is_known(identity)


def _task_names(store: Store, identities: Iterable[str], hidden: str | None) -> _Names:
    tenant, _ = _owner(store)
    ids = {*identities}
    ids |= {_Names.derived("task", tenant, identity) for identity in ids}
    columns, events = schema.tasks.c, schema.agent_messages.c
    query = select(columns.id, columns.tenant).where(among(columns.id, "ids"))
    rows = store.connection.execute(query, {"ids": sorted(ids)})
    owners = {row.id: tenant if row.tenant == hidden else row.tenant for row in rows}
    # What another tenant deleted has still its last event, and stays another's.
    gone = select(events.task_id, events.tenant).where(among(events.task_id, "ids"), events.tenant != tenant).distinct()
    owners |= {row.task_id: row.tenant for row in store.connection.execute(gone, {"ids": sorted(ids)})}
    return _Names("task", tenant, owners)


def _message_names(store: Store, identities: Iterable[str], hidden: str | None) -> _Names:
    tenant, _ = owner = _owner(store)
    ids = {*identities}
    ids |= {_Names.derived("message", owner, identity) for identity in ids}
    columns = schema.chat_messages.c
    query = select(columns.id, columns.tenant, columns.actor).where(among(columns.id, "ids"))
    rows = store.connection.execute(query, {"ids": sorted(ids)})
    owners = {row.id: (tenant if row.tenant == hidden else row.tenant, row.actor) for row in rows}
    return _Names("message", owner, owners)


def insert_tasks(store: Store, page: Sequence[dict[str, Any]], *, hidden: str | None = None) -> list[str]:
    """Insert those tasks of a page that are not known.

    Args:
        hidden: the tenant that has them until `show_tasks`; None inserts them with their events, to be seen.

    Returns:
        The ids of the new ones.
    """
    tenant, actor = _owner(store)
    names = _task_names(store, (row["id"] for row in page), hidden)
    rows: dict[str, dict[str, Any]] = {}
    for row in page:
        is_valid = row.pop("is_valid")
        row["id"] = names.of(row["id"], is_valid=is_valid)
        if not names.is_known(row["id"]):
            rows.setdefault(row["id"], row)
    if not rows:
        return []
    for row in rows.values():
        row |= {name: _moment(row[name]) for name in _TASK_TIMES}
        row |= {
            "tenant": hidden or tenant,
            "error_message": row["error"]["code"] if row["error"] else None,
            "run_at": row["created_at"],
            "protocol_version": PROTOCOL_VERSION,
            "created_by": actor,
            "last_seq": 2,
        }
    _insert_many(store, schema.tasks, list(rows.values()))
    if hidden is None:
        _announce(store, list(rows.values()))
    return list(rows)


def hidden_unended(store: Store, hidden: str) -> int:
    """How many of the hidden tenant's tasks have not ended."""
    columns = schema.tasks.c
    found = select(func.count()).where(columns.tenant == hidden, columns.status.not_in(_ENDED))
    return int(store.connection.scalar(found) or 0)


def show_tasks(store: Store, hidden: str, limit: int) -> int:
    """Give the oldest tasks of the hidden tenant to the scope's, with their events; how many."""
    columns = schema.tasks.c
    page = select(columns.id, *(columns[name] for name in _SAID)).where(columns.tenant == hidden)
    found = store.connection.execute(page.order_by(columns.created_at, columns.id).limit(limit))
    rows = [dict(row._mapping) for row in found]
    if rows:
        change = update(schema.tasks).where(among(columns.id, "ids")).values(tenant=_owner(store)[0])
        store.connection.execute(change, {"ids": [row["id"] for row in rows]})
        _announce(store, rows)
    return len(rows)


def _announce(store: Store, rows: Sequence[Mapping[str, Any]]) -> None:
    """Tell of tasks that are seen from now on. Their events come last: followers read on from the newest."""
    # A task of the same id may have been deleted here: its last event must not count as one of this.
    logged = schema.agent_messages.c.task_id
    ids = sorted(row["id"] for row in rows)
    store.connection.execute(delete(schema.agent_messages).where(among(logged, "ids")), {"ids": ids})
    events = [event for row in rows for event in _events(store, row)]
    _insert_many(store, schema.agent_messages, events[:-1])
    add_events(store, events[-1:])
    _insert_inputs(store, rows)


def _events(store: Store, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Two that tell a follower where the task stands; what happened elsewhere is not told again."""
    tenant, actor = _owner(store)
    said = {"by": actor, IMPORTED: True}
    first = {
        "title": row["title"][:200],
        "team": row["team"],
        "priority": row["priority"],
        "files": [item["name"] for item in row["files"]][:20],
    }
    last = {"error": {"code": row["error_message"], "params": {}}} if row["error_message"] else {}
    kinds = ((EventType.TASK_SUBMITTED, first), (_ENDINGS[row["status"]], last))
    return [
        {
            "tenant": tenant,
            "task_id": row["id"],
            "seq": seq,
            "type": kind.value,
            "data": {**data, **said},
            "created_at": store.now,
        }
        for seq, (kind, data) in enumerate(kinds, start=1)
    ]


def _insert_inputs(store: Store, rows: Sequence[Mapping[str, Any]]) -> None:
    """Name the input files whose content this tenant has here; of others only the description came along."""
    columns, tenant = schema.artifacts.c, _owner(store)[0]
    wanted = sorted({item["digest"] for row in rows for item in row["files"]})
    if not wanted:
        return
    query = select(columns.digest).where(columns.tenant == tenant, among(columns.digest, "digests"))
    here = set(store.connection.scalars(query, {"digests": wanted}))
    inputs = [
        {**item, "task_id": row["id"], "tenant": tenant, "kind": "input", "created_at": store.now}
        for row in rows
        for item in row["files"]
        if item["digest"] in here
    ]
    insert_rows(store, schema.artifacts, inputs, ignoring=True)


def insert_messages(store: Store, page: Sequence[dict[str, Any]], *, hidden: str | None = None) -> int:
    """Insert those messages of a page that are not known, the tasks that they name before them; how many.

    Args:
        hidden: the tenant that has them until `show_messages`.
    """
    tenant, actor = _owner(store)
    answers = [str(row["data"]["answer_id"]) for row in page if row["data"].get("answer_id")]
    names = _message_names(store, [*(row["id"] for row in page), *answers], hidden)
    of_tasks = _task_names(store, (row["task_id"] for row in page if row["task_id"]), hidden)
    rows: dict[str, dict[str, Any]] = {}
    for row in page:
        is_valid = row.pop("is_valid")
        row["id"] = names.of(row["id"], is_valid=is_valid)
        if names.is_known(row["id"]):
            continue
        if row["task_id"]:
            task_id = of_tasks.of(row["task_id"])
            row["task_id"] = None if of_tasks.is_foreign(task_id) or len(task_id) > 36 else task_id
        if row["data"].get("answer_id"):
            row["data"] = {**row["data"], "answer_id": names.of(str(row["data"]["answer_id"]))}
        row |= {"tenant": hidden or tenant, "actor": actor, "created_at": _moment(row["created_at"])}
        rows.setdefault(row["id"], row)
    insert_rows(store, schema.chat_messages, list(rows.values()))
    return len(rows)


def show_messages(store: Store, hidden: str, limit: int) -> int:
    """Give messages of the hidden tenant to the actor of the scope; how many."""
    columns, (tenant, actor) = schema.chat_messages.c, _owner(store)
    some = select(columns.id).where(columns.tenant == hidden, columns.actor == actor).limit(limit)
    change = update(schema.chat_messages).where(columns.id.in_(some)).values(tenant=tenant)
    return store.connection.execute(change).rowcount


def drop_hidden(store: Store, hidden: str, limit: int) -> int:
    """Delete rows of the hidden tenant; how many."""
    dropped = 0
    for table in (schema.tasks, schema.chat_messages):
        some: Select[Any] = select(table.c.id).where(table.c.tenant == hidden).limit(limit - dropped)
        dropped += store.connection.execute(delete(table).where(table.c.id.in_(some))).rowcount
    return dropped


def _insert_many(store: Store, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """As `insert_rows`. On SQLite, whose one writer all others wait for, past the statement's own processing."""
    if not rows or store.dialect == POSTGRESQL:
        insert_rows(store, table, rows)
        return
    check_rows(table, rows)
    encoders = {name: _ENCODERS.get(type(table.c[name].type), _plain) for name in rows[0]}
    names, marks = ", ".join(f'"{name}"' for name in encoders), ", ".join("?" * len(encoders))
    values = [tuple([encode(row[name]) for name, encode in encoders.items()]) for row in rows]
    store.connection.exec_driver_sql(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', values)


def _plain(value: Any) -> Any:
    return value.replace("\x00", "\ufffd") if isinstance(value, str) else value


def _stored_moment(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


_ENCODERS: Mapping[type, Callable[[Any], Any]] = {schema.Json: schema.json_text, schema.UtcTime: _stored_moment}


def _moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
