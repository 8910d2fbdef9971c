"""What of one person or tenant is in the database: found, counted and read.

Hides which table belongs to whom by which column; whose a task is says `belongings`. Callers:
`service.privacy`, and `erasure`, which deletes it. Invariant: each table has one decision here; a test
compares them with the schema.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Table, false, func, select, tuple_

from langgraph_multi_agent.domain.task import TaskStatus
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.belongings import Belongings, of_account, of_maker
from langgraph_multi_agent.store.database import Store
from langgraph_multi_agent.store.sets import among

PAGE = 500


class Link(StrEnum):
    """By what a row is somebody's."""

    TASK = "task_id"
    THREAD = "thread_id"
    ITSELF = "id"
    ACTOR = "actor"
    SCHEDULE = "schedule"
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
    "schedules": _decision(Link.SCHEDULE),
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


def left(store: Store, owned: Belongings) -> list[str]:
    """Ids of some tasks and schedules of theirs that are there, a few of each."""
    found: list[str] = []
    for table in (schema.tasks, schema.schedules):
        for each in parts_of(table, owned):
            found += store.connection.scalars(select(table.c.id).where(each.clause).limit(PAGE), each.values)
    return found


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
        case Link.SCHEDULE:
            yield from of_ids(table, "id", owned.schedule_ids or (), owned.tenant)
        case Link.ACTOR | Link.RECORD:
            of_theirs = (columns.tenant == owned.tenant) & (columns.actor == owned.actor)
            yield Part(clause=of_theirs, values={})
        case Link.ACCOUNT:
            yield Part(clause=of_account(owned.subject), values={})
        case Link.MAKER:
            yield Part(clause=of_maker(owned.subject), values={})
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
