"""Whose a task or schedule is, for handing out and erasing what is one person's.

Hides where it is written down. Callers: `privacy`, `erasure`, `service.privacy`. Invariants: a row that
names its maker is nobody else's, whatever other records say; each statement reads a bounded part of a large
table, for it has the common deadline.

A task and a schedule name their maker, and the last event of a deleted task does. Where that is not known
(rows of before revision 0010 and of earlier programs beside this one, events that went with their age) a task
is theirs where the audit log says that they were the first to submit it, where their conversation or one of
their schedules made it, or where it came with an import of theirs.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, false, func, or_, select

from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import IMPORTED
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import Store
from langgraph_multi_agent.store.retention import MAX_BATCH_ROWS
from langgraph_multi_agent.store.schedules import firing_of
from langgraph_multi_agent.store.sets import among

ERASE = "privacy.erase"
"""What the audit log calls an erasure."""
REPLAYED = "replayed"
"""Among the details of a submission in the audit log: it was answered with the task of an earlier one."""
_SUBMIT, _DELETE, _SCHEDULE, _RUN = "task.submit", "task.delete", "schedule.add", "schedule.run"
_DONE = "2"
"""How the result of a request that did what it was to begins."""
TASKS_AT_ONCE = 20_000
EVENTS_AT_ONCE = 200_000
"""Numbers of events that one statement looks at; in the log of a busy tenant the last events are rare."""
IDS_AT_ONCE = 500


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
        schedule_ids: the same of schedules.
        acted_on: others' tasks whose history names the person.
        holders: ids of the users and keys whose sessions end.
    """

    subject: Subject
    task_ids: tuple[str, ...] | None
    schedule_ids: tuple[str, ...] | None
    acted_on: tuple[str, ...]
    holders: frozenset[str]

    @property
    def tenant(self) -> str:
        return self.subject.tenant

    @property
    def actor(self) -> str | None:
        return self.subject.actor


def belongings(store: Store, subject: Subject) -> Belongings:
    """Find out what is theirs."""
    holders = frozenset(_holders(store, subject))
    if subject.actor is None:
        return Belongings(subject=subject, task_ids=None, schedule_ids=None, acted_on=(), holders=holders)
    submitted, added, acted_on = _recorded(store, subject)
    schedules = _schedules(store, subject, added)
    names = {subject.actor, *map(firing_of, schedules)}
    deleted = _last_words(store, subject.tenant)
    tasks = {task_id for task_id, maker in deleted.items() if maker in names}
    for page in _pages_of_tasks(store, subject.tenant):
        tasks |= {row.id for row in page if row.created_by in names}
        tasks |= _imported(store, subject, [row.id for row in page if row.created_by is None])
    told = submitted | set(_from_chat(store, subject)) | _fired(store, subject, schedules)
    tasks |= {task_id for task_id in told - _naming_somebody(store, told) if deleted.get(task_id) is None}
    return Belongings(
        subject=subject,
        task_ids=tuple(sorted(tasks)),
        schedule_ids=tuple(sorted(schedules)),
        acted_on=tuple(sorted(acted_on - tasks)),
        holders=holders,
    )


# What the rows say


def _pages_of_tasks(store: Store, tenant: str | None) -> Iterator[Sequence[Row[Any]]]:
    """Id, tenant and maker of a tenant's tasks, or of all tasks."""
    columns = schema.tasks.c
    query = select(columns.id, columns.tenant, columns.created_by)
    if tenant is not None:
        query = query.where(columns.tenant == tenant)
    return _pages(store, query, columns.id, TASKS_AT_ONCE)


def _pages(store: Store, query: Select[Any], key: ColumnElement[Any], limit: int) -> Iterator[Sequence[Row[Any]]]:
    """What a query finds, so many rows a statement, in the order of a key, which is the first of its columns."""
    query = query.order_by(key).limit(limit)
    page = store.connection.execute(query).all()
    while len(page) == limit:
        yield page
        page = store.connection.execute(query.where(key > page[-1][0])).all()
    yield page


def _naming_somebody(store: Store, task_ids: Iterable[str]) -> set[str]:
    """Those of some tasks whose row says who made them."""
    columns = schema.tasks.c
    query = select(columns.id).where(among(columns.id, "ids"), columns.created_by.is_not(None))
    return {row.id for row in _of_ids(store, query, task_ids)}


def _of_ids(store: Store, query: Select[Any], ids: Iterable[str]) -> Iterator[Row[Any]]:
    """What a query with `among(…, "ids")` finds, for any number of them."""
    asked = sorted(ids)
    for start in range(0, len(asked), IDS_AT_ONCE):
        yield from store.connection.execute(query, {"ids": asked[start : start + IDS_AT_ONCE]})


def _last_words(store: Store, tenant: str) -> dict[str, str | None]:
    """Who made the tasks of a tenant that were deleted, as far as their last event is there and tells."""
    columns = schema.agent_messages.c
    first, newest = store.connection.execute(select(func.min(columns.id), func.max(columns.id))).one()
    is_last = (columns.tenant == tenant) & (columns.type == EventType.TASK_DELETED.value)
    query = select(columns.task_id, columns.data).where(is_last)
    found: dict[str, str | None] = {}
    for start in range(first or 0, (newest or -1) + 1, EVENTS_AT_ONCE):
        window = query.where(columns.id >= start, columns.id < start + EVENTS_AT_ONCE)
        found |= {row.task_id: row.data.get("created_by") for row in store.connection.execute(window)}
    return found


def _schedules(store: Store, subject: Subject, added: Iterable[str]) -> set[str]:
    """Their schedules: those that say so, and those that they added and that name nobody or are gone."""
    columns = schema.schedules.c
    query = select(columns.id, columns.created_by).where(columns.tenant == subject.tenant)
    makers = {row.id: row.created_by for row in store.connection.execute(query)}
    theirs = {schedule_id for schedule_id, maker in makers.items() if maker == subject.actor}
    return theirs | {schedule_id for schedule_id in added if makers.get(schedule_id) is None}


def _holders(store: Store, subject: Subject) -> Iterator[str]:
    users, keys = schema.users.c, schema.api_keys.c
    yield from store.connection.scalars(select(users.id).where(of_account(subject)))
    yield from store.connection.scalars(select(keys.id).where(of_maker(subject)))


def of_account(subject: Subject) -> ColumnElement[bool]:
    users = schema.users.c
    of_tenant: ColumnElement[bool] = users.tenant == subject.tenant
    return of_tenant if subject.actor is None else of_tenant & (users.name == subject.actor)


def of_maker(subject: Subject) -> ColumnElement[bool]:
    keys = schema.api_keys.c
    of_tenant: ColumnElement[bool] = keys.tenant == subject.tenant
    if subject.actor is None:
        return of_tenant
    return of_tenant & or_(keys.created_by == subject.actor, _is_key(subject.actor))


def _is_key(actor: str) -> ColumnElement[bool]:
    is_key: ColumnElement[bool] = schema.api_keys.c.id == actor.removeprefix("key:")
    return is_key if actor.startswith("key:") else false()


# What other records say


def _recorded(store: Store, subject: Subject) -> tuple[set[str], set[str], set[str]]:
    """Ids of the tasks and schedules that they made, and of the tasks that they changed or had a schedule make."""
    columns = schema.audit_log.c
    is_telling = columns.action.startswith("task.") | columns.action.in_((_SCHEDULE, _RUN))
    submitted: dict[str, int] = {}
    schedules: set[str] = set()
    acted_on: set[str] = set()
    for row in _log(store, subject.tenant, columns.actor == subject.actor, is_telling):
        target = row.target.rpartition("/")[2]
        if row.action == _SCHEDULE:
            schedules.add(target)
        elif row.action != _SUBMIT:
            acted_on.add(target)
        elif not (row.details or {}).get(REPLAYED):
            submitted.setdefault(target, row.seq)
    return submitted.keys() - _claimed_before(store, subject, submitted), schedules, acted_on


def _claimed_before(store: Store, subject: Subject, submitted: Mapping[str, int]) -> set[str]:
    """Those that somebody else had submitted before: rows of old do not say that an answer was a replay.

    Args:
        submitted: the row of the log that says so first, by task.
    """
    if not submitted:
        return set()
    columns = schema.audit_log.c
    of_others = (columns.actor != subject.actor) & (columns.seq < max(submitted.values()))
    return {
        target
        for row in _log(store, subject.tenant, columns.action == _SUBMIT, of_others)
        if row.seq < submitted.get(target := row.target.rpartition("/")[2], 0)
    }


def _log(store: Store, tenant: str, *conditions: ColumnElement[bool]) -> Iterator[Row[Any]]:
    """What was done in a tenant, in the order in which it was recorded."""
    columns = schema.audit_log.c
    query = select(columns.seq, columns.action, columns.target, columns.details).where(
        columns.tenant == tenant, columns.result.startswith(_DONE), *conditions
    )
    for page in _pages(store, query, columns.seq, MAX_BATCH_ROWS):
        yield from page


def _from_chat(store: Store, subject: Subject) -> Iterator[str]:
    """Tasks that an answer to them made."""
    columns = schema.chat_messages.c
    is_theirs = (columns.tenant == subject.tenant) & (columns.actor == subject.actor)
    query = select(columns.task_id).where(is_theirs, columns.type == "ai", columns.task_id.is_not(None))
    yield from store.connection.scalars(query)


def _imported(store: Store, subject: Subject, task_ids: Sequence[str]) -> set[str]:
    """Those of some tasks whose first event says that they brought it here."""
    columns = schema.agent_messages.c
    query = select(columns.task_id, columns.data).where(among(columns.task_id, "ids"), columns.seq == 1)
    rows = _of_ids(store, query, task_ids)
    return {row.task_id for row in rows if row.data.get(IMPORTED) and row.data.get("by") == subject.actor}


def _fired(store: Store, subject: Subject, schedule_ids: Iterable[str]) -> set[str]:
    """Tasks that their schedules made: the last one, those of the window of idempotency keys, those asked for."""
    found: set[str] = set()
    keys, schedules, log = schema.idempotency_keys.c, schema.schedules.c, schema.audit_log.c
    for schedule_id in schedule_ids:
        fired = keys.key.startswith(f"{firing_of(schedule_id)}:", autoescape=True)
        found.update(store.connection.scalars(select(keys.task_id).where(keys.tenant == subject.tenant, fired)))
        last = select(schedules.last_task_id).where(schedules.id == schedule_id, schedules.last_task_id.is_not(None))
        found.update(store.connection.scalars(last))
        was_run = (log.tenant == subject.tenant) & (log.action == _RUN)
        asked = select(log.target).where(was_run, log.target.startswith(f"{schedule_id}/", autoescape=True))
        found.update(target.rpartition("/")[2] for target in store.connection.scalars(asked))
    return found


def of_tenant(store: Store, tenant: str, task_ids: Sequence[str]) -> set[str]:
    """Those of some ids that are a tenant's tasks, or were, as far as their last event or the audit log tells."""
    tasks, log = schema.tasks.c, schema.audit_log.c
    was_deleted = (log.tenant == tenant) & (log.action == _DELETE)
    found = _last_words(store, tenant).keys() | set(store.connection.scalars(select(log.target).where(was_deleted)))
    query = select(tasks.id).where(among(tasks.id, "ids"), tasks.tenant == tenant)
    found |= {row.id for row in _of_ids(store, query, task_ids)}
    return found & set(task_ids)


# Who is meant


def tenants_of(store: Store, actor: str) -> tuple[str | None, list[str]]:
    """In which tenant somebody of this name has an account, and where else they left anything."""
    users, keys, log = schema.users.c, schema.api_keys.c, schema.audit_log.c
    home = store.connection.scalar(select(users.tenant).where(users.name == actor))
    found = set() if home is None else {home}
    for name, column in _NAMING.items():
        columns = schema.metadata.tables[name].c
        found.update(store.connection.scalars(select(columns.tenant).where(columns[column] == actor).distinct()))
    found.update(store.connection.scalars(select(keys.tenant).where(_is_key(actor))))
    # An erasure that was killed may have left files only.
    was_erased = (log.action == ERASE) & (log.target == actor)
    found.update(store.connection.scalars(select(log.tenant).where(was_erased).distinct()))
    if home is None:  # tasks may be all that is left of machines and of people whom an issuer vouched for
        for page in _pages_of_tasks(store, None):
            found.update(row.tenant for row in page if row.created_by == actor)
    return home, sorted(found)


_NAMING: Mapping[str, str] = {
    **dict.fromkeys(("chat_messages", "feedback", "user_settings", "imports", "audit_log"), "actor"),
    **dict.fromkeys(("api_keys", "schedules"), "created_by"),
}
"""Tables whose rows name somebody, and the column. Tasks do too, but are many."""


def is_known(store: Store, tenant: str) -> bool:
    """Whether a tenant has, or had, anything here."""
    return any(
        store.connection.execute(select(table.c.tenant).where(table.c.tenant == tenant).limit(1)).first() is not None
        for table in schema.metadata.tables.values()
        if "tenant" in table.c
    )
