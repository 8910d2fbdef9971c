"""What of one person or tenant is in the database: found, counted and read.

Hides which table belongs to whom by which column. Callers: `service.privacy`, and `erasure`, which deletes
it. Invariant: each table has one decision here; a test compares them with the schema.

A task's row says who made it, and its last event once it is deleted. Where neither tells (a row of before
revision 0010, an event that went with its age) the audit log does.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, false, func, or_, select, tuple_

from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import TaskStatus
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import Store
from langgraph_multi_agent.store.retention import MAX_BATCH_ROWS
from langgraph_multi_agent.store.sets import among

PAGE = 500
ERASE = "privacy.erase"
"""What the audit log calls an erasure."""
_SUBMIT, _DELETE = "task.submit", "task.delete"
REPLAYED = "replayed"
"""Among the details of a submission in the audit log: it was answered with the task of an earlier one."""
_DONE = "2"
"""How the result of a request that did what it was to begins."""


class Link(StrEnum):
    """By what a row is somebody's."""

    TASK = "task_id"
    THREAD = "thread_id"
    ITSELF = "id"
    ACTOR = "actor"
    ACCOUNT = "account"
    MAKER = "created_by"
    SESSION = "session"
    TENANT = "tenant"
    """It says only the tenant: it goes with that, and stays when one person is erased."""
    RECORD = "record"
    """Kept: the audit log only grows."""
    NOBODY = "installation"
    """Kept: it is about nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of a table's rows. `secret`: columns that no export shows."""

    link: Link
    is_exported: bool
    secret: frozenset[str] = frozenset()

    @property
    def is_erased(self) -> bool:
        return self.link not in (Link.RECORD, Link.NOBODY)


def _decision(link: Link, *secret: str, is_exported: bool = True) -> Decision:
    return Decision(link=link, is_exported=is_exported, secret=frozenset(secret))


DECISIONS: Mapping[str, Decision] = {
    "users": _decision(Link.ACCOUNT, "password_hash", "generation"),
    "api_keys": _decision(Link.MAKER, "digest"),
    "sessions": _decision(Link.SESSION, is_exported=False),
    "agent_messages": _decision(Link.TASK, "xid"),
    "journal": _decision(Link.TASK),
    "artifacts": _decision(Link.TASK),
    "workflow_executions": _decision(Link.TASK),
    "effects": _decision(Link.TASK),
    "leases": _decision(Link.TASK, is_exported=False),
    "idempotency_keys": _decision(Link.TASK),
    "model_calls": _decision(Link.TASK),
    "checkpoints": _decision(Link.THREAD, is_exported=False),
    "writes": _decision(Link.THREAD, is_exported=False),
    "schedules": _decision(Link.MAKER),
    "chat_messages": _decision(Link.ACTOR),
    "feedback": _decision(Link.ACTOR),
    "user_settings": _decision(Link.ACTOR),
    "imports": _decision(Link.ACTOR),
    "agent_resets": _decision(Link.TENANT),
    "quotas": _decision(Link.TENANT),
    "tasks": _decision(Link.ITSELF),
    "audit_log": _decision(Link.RECORD),
    "installation": _decision(Link.NOBODY, is_exported=False),
}
"""Each table; the order of an erasure is the service's. Checkpoints and writes are not exported because
the journal has every step that they are made of."""

TABLES = schema.metadata.tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose data: a whole tenant's, or those of one actor in it (a user's name, `token:…` or `key:…`)."""

    tenant: str
    actor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Belongings:
    """What says which rows are a subject's; ids only, so a person's tasks fit in memory.

    Attributes:
        task_ids: a person's; None for all of the tenant.
        acted_on: others' tasks whose history names the person.
        holders: ids of the users and keys whose sessions end.
    """

    subject: Subject
    task_ids: tuple[str, ...] | None
    acted_on: tuple[str, ...]
    holders: frozenset[str]

    @property
    def tenant(self) -> str:
        return self.subject.tenant

    @property
    def actor(self) -> str | None:
        return self.subject.actor


# Whose it is


def tenants_of(store: Store, actor: str) -> tuple[str | None, list[str]]:
    """In which tenant somebody of this name has an account, and where else they left anything."""
    users, keys, log = schema.users.c, schema.api_keys.c, schema.audit_log.c
    home = store.connection.scalar(select(users.tenant).where(users.name == actor))
    found = set() if home is None else {home}
    for name in ("chat_messages", "feedback", "user_settings", "imports", "audit_log"):
        columns = TABLES[name].c
        found.update(store.connection.scalars(select(columns.tenant).where(columns.actor == actor).distinct()))
    found.update(store.connection.scalars(select(keys.tenant).where(keys.created_by == actor).distinct()))
    # An erasure that was killed may have left files only.
    was_erased = (log.action == ERASE) & (log.target == actor)
    found.update(store.connection.scalars(select(log.tenant).where(was_erased).distinct()))
    return home, sorted(found)


def is_known(store: Store, tenant: str) -> bool:
    """Whether a tenant has, or had, anything here."""
    return any(
        store.connection.execute(select(table.c.tenant).where(table.c.tenant == tenant).limit(1)).first() is not None
        for table in TABLES.values()
        if "tenant" in table.c
    )


def belongings(store: Store, subject: Subject) -> Belongings:
    """Find out what is theirs."""
    holders = frozenset(_holders(store, subject))
    if subject.actor is None:
        return Belongings(subject=subject, task_ids=None, acted_on=(), holders=holders)
    recorded, acted_on = _recorded(store, subject)
    tasks = _made(store, subject) | _deleted(store, subject) | (recorded - _of_others(store, subject, recorded))
    return Belongings(
        subject=subject,
        task_ids=tuple(sorted(tasks)),
        acted_on=tuple(sorted(acted_on - tasks)),
        holders=holders,
    )


def _holders(store: Store, subject: Subject) -> Iterator[str]:
    users, keys = schema.users.c, schema.api_keys.c
    yield from store.connection.scalars(select(users.id).where(of_account(subject)))
    yield from store.connection.scalars(select(keys.id).where(of_maker(schema.api_keys, subject)))


def _made(store: Store, subject: Subject) -> set[str]:
    """Tasks whose row says so."""
    columns = schema.tasks.c
    is_theirs = (columns.tenant == subject.tenant) & (columns.created_by == subject.actor)
    return set(store.connection.scalars(select(columns.id).where(is_theirs)))


def _deleted(store: Store, subject: Subject) -> set[str]:
    """Tasks whose last event, which outlives them, says so."""
    columns = schema.agent_messages.c
    is_last = (columns.tenant == subject.tenant) & (columns.type == EventType.TASK_DELETED.value)
    rows = store.connection.execute(select(columns.task_id, columns.data).where(is_last))
    return {row.task_id for row in rows if row.data.get("created_by") == subject.actor}


def _recorded(store: Store, subject: Subject) -> tuple[set[str], set[str]]:
    """Ids of the tasks that the audit log says they submitted, and of those that they changed."""
    columns = schema.audit_log.c
    submitted: set[str] = set()
    acted_on: set[str] = set()
    for row in _log(store, subject.tenant, columns.actor == subject.actor, columns.action.startswith("task.")):
        target = row.target.rpartition("/")[2]
        if row.action != _SUBMIT:
            acted_on.add(target)
        elif not (row.details or {}).get(REPLAYED):
            submitted.add(target)
    return submitted, acted_on


def _of_others(store: Store, subject: Subject, task_ids: Iterable[str]) -> set[str]:
    """Those of some tasks whose row names somebody else."""
    columns = schema.tasks.c
    is_not_theirs = columns.created_by.is_not(None) & (columns.created_by != subject.actor)
    query = select(columns.id).where(among(columns.id, "ids"), is_not_theirs)
    return set(store.connection.scalars(query, {"ids": sorted(task_ids)}))


def _log(store: Store, tenant: str, *conditions: ColumnElement[bool]) -> Iterator[Row[int, str, str, Any]]:
    """What was done in a tenant, in the order in which it was recorded."""
    columns, after = schema.audit_log.c, 0
    query = (
        select(columns.seq, columns.action, columns.target, columns.details)
        .where(columns.tenant == tenant, columns.result.startswith(_DONE), *conditions)
        .order_by(columns.seq)
        .limit(MAX_BATCH_ROWS)
    )
    while True:
        rows = store.connection.execute(query.where(columns.seq > after)).all()
        yield from rows
        if len(rows) < MAX_BATCH_ROWS:
            return
        after = rows[-1].seq


def once_deleted(store: Store, subject: Subject) -> set[str]:
    """Ids of a tenant's tasks that were deleted before, as far as their last event or the audit log tells."""
    events, log = schema.agent_messages.c, schema.audit_log.c
    is_last = (events.tenant == subject.tenant) & (events.type == EventType.TASK_DELETED.value)
    found = set(store.connection.scalars(select(events.task_id).where(is_last)))
    is_told = (log.tenant == subject.tenant) & (log.action == _DELETE)
    return found | set(store.connection.scalars(select(log.target).where(is_told)))


# How much it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What there is of a subject.

    Attributes:
        rows: of each table that has a decision, without sessions.
        running: tasks that a worker is at.
        files: different contents among their artifacts, and their bytes in `size_bytes`.
        named: others' tasks that name the person.
    """

    rows: Mapping[str, int]
    running: int
    files: int
    size_bytes: int
    named: int


def inventory(store: Store, owned: Belongings, *, is_alone: bool) -> Inventory:
    """Count it; `is_alone` as in `running`."""
    rows = {
        name: _count(store, TABLES[name], owned)
        for name, decision in DECISIONS.items()
        if decision.link not in (Link.SESSION, Link.NOBODY)
    }
    sizes: dict[str, int] = {}
    artifacts = schema.artifacts.c
    for condition in parts_of(schema.artifacts, owned):
        query = select(artifacts.digest, artifacts.size_bytes).where(condition.clause)
        sizes.update((row.digest, row.size_bytes) for row in store.connection.execute(query, condition.values))
    return Inventory(
        rows=rows,
        running=len(running(store, owned, is_alone=is_alone)),
        files=len(sizes),
        size_bytes=sum(sizes.values()),
        named=len(owned.acted_on),
    )


def _count(store: Store, table: Table, owned: Belongings) -> int:
    return sum(
        int(store.connection.scalar(select(func.count()).select_from(table).where(each.clause), each.values) or 0)
        for each in parts_of(table, owned)
    )


def running(store: Store, owned: Belongings, *, is_alone: bool = False) -> list[str]:
    """Ids of their tasks that a worker holds a lease of.

    Args:
        is_alone: nobody else can be at work on this database, so none is.
    """
    if is_alone:
        return []
    tasks, leases = schema.tasks, schema.leases.c
    found: list[str] = []
    for each in parts_of(tasks, owned):
        query = select(tasks.c.id).join(schema.leases, leases.task_id == tasks.c.id)
        is_held = (tasks.c.status == TaskStatus.IN_PROGRESS.value) & (leases.expires_at > store.now)
        found += store.connection.scalars(query.where(each.clause, is_held), each.values)
    return sorted(found)


# Read


def rows_of(store: Store, owned: Belongings, name: str) -> Iterator[list[dict[str, Any]]]:
    """A table's exported rows, page by page, without its secret columns."""
    table, secret = TABLES[name], DECISIONS[name].secret
    key = tuple(table.primary_key.columns)
    shown = [column for column in table.columns if column.name not in secret or column in key]
    for each in parts_of(table, owned):
        query = select(*shown).where(each.clause).order_by(*key).limit(PAGE)
        after: tuple[Any, ...] | None = None
        while True:
            page = query if after is None else query.where(tuple_(*key) > tuple_(*after))
            rows = store.connection.execute(page, each.values).all()
            if rows:
                yield [{str(column): row._mapping[column] for column in row._fields} for row in rows]
            if len(rows) < PAGE:
                break
            after = tuple(rows[-1]._mapping[column] for column in key)


def shared_digests(store: Store, digests: Sequence[str]) -> set[str]:
    """Those of some contents that a row still names, whoever's it is."""
    values = {"digests": list(digests)}
    artifacts, journal = schema.artifacts.c, schema.journal.c
    found = set(store.connection.scalars(select(artifacts.digest).where(among(artifacts.digest, "digests")), values))
    found.update(
        store.connection.scalars(select(journal.result_digest).where(among(journal.result_digest, "digests")), values)
    )
    return found


# What is behind them


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of what is theirs; `values` are bound to it."""

    clause: ColumnElement[bool]
    values: Mapping[str, Any]


def parts_of(table: Table, owned: Belongings) -> Iterator[Part]:
    """What is theirs in a table, in parts that a statement can take."""
    columns, link = table.c, DECISIONS[table.name].link
    if owned.actor is None:
        yield Part(clause=_of_tenant(table, owned.tenant), values={})
        return
    match link:
        case Link.TASK | Link.THREAD | Link.ITSELF:
            yield from of_ids(table, link.value, owned.task_ids or (), owned.tenant)
        case Link.ACTOR | Link.RECORD:
            of_theirs = (columns.tenant == owned.tenant) & (columns.actor == owned.actor)
            yield Part(clause=of_theirs, values={})
        case Link.ACCOUNT:
            yield Part(clause=of_account(owned.subject), values={})
        case Link.MAKER:
            yield Part(clause=of_maker(table, owned.subject), values={})
        case _:
            return


def of_ids(table: Table, name: str, ids: Sequence[str], tenant: str) -> Iterator[Part]:
    clause = among(table.c[name], "ids")
    if "tenant" in table.c:
        clause = clause & (table.c.tenant == tenant)  # type: ignore[assignment]
    for start in range(0, len(ids), PAGE):
        yield Part(clause=clause, values={"ids": list(ids[start : start + PAGE])})


def _of_tenant(table: Table, tenant: str) -> ColumnElement[bool]:
    """A whole tenant's rows: its own, and what hangs on its tasks."""
    if "tenant" in table.c:
        of_tenant: ColumnElement[bool] = table.c.tenant == tenant
        return of_tenant
    if DECISIONS[table.name].link is Link.THREAD:
        return table.c.thread_id.in_(select(schema.tasks.c.id).where(schema.tasks.c.tenant == tenant))
    return false()


def of_account(subject: Subject) -> ColumnElement[bool]:
    users = schema.users.c
    of_tenant: ColumnElement[bool] = users.tenant == subject.tenant
    return of_tenant if subject.actor is None else of_tenant & (users.name == subject.actor)


def of_maker(table: Table, subject: Subject) -> ColumnElement[bool]:
    """What they made; a key is also its own."""
    columns = table.c
    of_tenant: ColumnElement[bool] = columns.tenant == subject.tenant
    if subject.actor is None:
        return of_tenant
    is_key = table is schema.api_keys and subject.actor.startswith("key:")
    is_itself = columns.id == subject.actor.removeprefix("key:") if is_key else false()
    return of_tenant & or_(columns.created_by == subject.actor, is_itself)
