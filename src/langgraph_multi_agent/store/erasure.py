"""Deleting what is one person's or tenant's, in short transactions.

Hides how work is closed before it is deleted, and how a name leaves the history of others. Caller:
`service.privacy`, which knows the order. Invariant: a batch is one transaction of at most `limit` rows,
and what says whose a row is goes with it or after it, so that an erasure may be killed anywhere and
started again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Text, cast, delete, select, true, tuple_, update

from langgraph_multi_agent.access.policy import Role
from langgraph_multi_agent.domain.errors import LastAdmin
from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import TERMINAL, Action, TaskStatus, is_terminal
from langgraph_multi_agent.store import quotas, schema, staging, transfer
from langgraph_multi_agent.store.belongings import Belongings, Subject, of_account, of_maker
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.privacy import DECISIONS, PAGE, TABLES, Link, Part, of_ids, parts_of
from langgraph_multi_agent.store.rows import lock, save
from langgraph_multi_agent.store.sets import among, delete_among, update_rows

TASKS_AT_ONCE = 100
ERASED = "erased:"
"""Stands for the name of somebody who was erased in the history of others' tasks; no name has a colon."""
_NAMING = tuple(
    kind.value
    for kind in (
        EventType.TASK_SUBMITTED,
        EventType.TASK_UPDATED,
        EventType.TASK_PAUSED,
        EventType.TASK_RESUMED,
        EventType.TASK_REOPENED,
        EventType.TASK_COMPLETED,
        EventType.TASK_CANCELLED,
        EventType.TASK_DELETED,
    )
)
"""Events that say by whom."""
CHILDREN = tuple(name for name, decision in DECISIONS.items() if decision.link in (Link.TASK, Link.THREAD))
AHEAD = tuple(name for name in CHILDREN if name != "idempotency_keys")
"""What goes before its task, in batches; a key may be what says whose task it is, so it goes with it."""
_DIGESTS: Mapping[str, ColumnElement[Any]] = {
    "artifacts": schema.artifacts.c.digest,
    "journal": schema.journal.c.result_digest,
}


@unit
def shut_out(store: Store, subject: Subject) -> None:
    """Nobody of theirs comes in any more: users are disabled, keys revoked.

    A name is taken as it is written: somebody else may have it in another case.

    Raises:
        LastAdmin: a person is the only one left who may give rights in a tenant that stays.
    """
    users, keys = schema.users, schema.api_keys
    if subject.actor is not None:
        _keep_an_admin(store, subject, subject.actor)
    change = update(users).where(of_account(subject), users.c.disabled_at.is_(None))
    store.connection.execute(change.values(disabled_at=store.now, generation=users.c.generation + 1))
    taken = update(keys).where(of_maker(subject), keys.c.revoked_at.is_(None))
    store.connection.execute(taken.values(revoked_at=store.now))


def _keep_an_admin(store: Store, subject: Subject, name: str) -> None:
    users = schema.users.c
    is_admin = (users.tenant == subject.tenant) & (users.role == int(Role.ADMIN)) & users.disabled_at.is_(None)
    # Locked together, so that two changes at once cannot each leave the other as the last.
    admins = store.connection.execute(select(users.name).where(is_admin).order_by(users.id).with_for_update())
    if [row.name for row in admins] == [name]:
        raise LastAdmin(user=name)


@unit
def stop_schedules(store: Store, owned: Belongings) -> None:
    """Their schedules fire no more. They go later: they say which tasks they made."""
    table = schema.schedules
    for part in parts_of(table, owned):
        change = update(table).where(part.clause).values(is_enabled=False, next_fire_at=None)
        store.connection.execute(change, part.values)


@unit
def seal(store: Store, owned: Belongings, after: str, *, is_alone: bool) -> tuple[str | None, list[str]]:
    """Make the next tasks that have not ended nobody's work: cancelled, and their workers fenced out.

    Returns:
        The id to go on after, None at the end; and those that a worker is at, which stay as they are.
    """
    tasks, leases = schema.tasks.c, schema.leases.c
    open_ids: list[str] = []
    for each in parts_of(schema.tasks, owned):
        query = select(tasks.id).where(each.clause, tasks.id > after).order_by(tasks.id).limit(TASKS_AT_ONCE)
        is_open = tasks.status.not_in([status.value for status in TERMINAL])
        open_ids += store.connection.scalars(query.where(is_open), each.values)
    chosen = sorted(open_ids)[:TASKS_AT_ONCE]
    locked = lock(store, chosen)
    held = set(
        store.connection.scalars(
            select(leases.task_id).where(among(leases.task_id, "ids"), leases.expires_at > store.now), {"ids": chosen}
        )
    )
    busy: list[str] = []
    sealed = []
    for task in locked.values():
        if is_terminal(task.status):
            continue
        if task.status is TaskStatus.IN_PROGRESS and task.id in held and not is_alone:
            busy.append(task.id)
            continue
        task.act(Action.CANCEL)
        task.changes.update(completed_at=store.now, control=None, epoch=task.row.epoch + 1)
        sealed.append(task)
    save(store, sealed)
    delete_among(store, schema.leases, "task_id", [task.id for task in sealed])
    return (chosen[-1] if len(chosen) == TASKS_AT_ONCE else None), busy


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one transaction deleted. `digests`: contents that its rows named."""

    rows: int
    digests: frozenset[str] = frozenset()


@unit
def delete_rows(store: Store, owned: Belongings, name: str, task_ids: Sequence[str] | None, limit: int) -> Batch:
    """Delete at most `limit` of their rows of a table; 0 when there are none left.

    Args:
        task_ids: only what hangs on these tasks of theirs; None for all that is theirs.
    """
    table = TABLES[name]
    _overwrite_freed(store)
    if task_ids is None:
        parts: Iterable[Part] = parts_of(table, owned)
    else:
        parts = of_ids(table, DECISIONS[name].link.value, task_ids, owned.tenant)
        if name == "model_calls" and owned.actor is not None:
            _detach_calls(store, owned.tenant, task_ids)
    # Who brought a task here stands in its first event, which therefore goes with the task.
    is_free = true() if task_ids is None or name != "agent_messages" else schema.agent_messages.c.seq > 1
    key = tuple(table.primary_key.columns)
    digests: set[str] = set()
    rows = 0
    for part in parts:
        some = select(*key).where(part.clause, is_free).limit(limit - rows)
        keys = [tuple(row) for row in store.connection.execute(some, part.values)]
        for start in range(0, len(keys), PAGE):
            chosen = keys[start : start + PAGE]
            is_chosen = tuple_(*key).in_(chosen) if len(key) > 1 else key[0].in_([only for (only,) in chosen])
            if (digest := _DIGESTS.get(name)) is not None:
                digests.update(store.connection.scalars(select(digest).where(is_chosen, digest.is_not(None))))
            store.connection.execute(delete(table).where(is_chosen))
        rows += len(keys)
        if rows >= limit:
            break
    return Batch(rows=rows, digests=frozenset(digests))


@unit
def delete_tasks(store: Store, task_ids: Sequence[str]) -> tuple[Mapping[str, int], list[str]]:
    """Delete tasks whose children are gone, with what came after that.

    Returns:
        How many rows of which table, and the tasks that run again, which stay.
    """
    locked = lock(store, task_ids)
    busy = [task.id for task in locked.values() if task.status is TaskStatus.IN_PROGRESS]
    gone = {"ids": [task_id for task_id in task_ids if task_id not in busy]}
    _overwrite_freed(store)
    rows: dict[str, int] = {}
    for name in (*CHILDREN, "tasks"):
        table = TABLES[name]
        is_gone = among(table.c[DECISIONS[name].link.value], "ids")
        if store.scope.tenant is not None and "tenant" in table.c:
            is_gone = is_gone & (table.c.tenant == store.scope.tenant)  # type: ignore[assignment]
        if done := store.connection.execute(delete(table).where(is_gone), gone).rowcount:
            rows[name] = done
    return rows, busy


def next_tasks(store: Store, owned: Belongings, after: str) -> list[str]:
    """The next of their tasks, at most TASKS_AT_ONCE; of a person also those of which only children are left."""
    if owned.task_ids is not None:
        return [task_id for task_id in owned.task_ids if task_id > after][:TASKS_AT_ONCE]
    columns = schema.tasks.c
    is_next = (columns.tenant == owned.tenant) & (columns.id > after)
    return list(store.connection.scalars(select(columns.id).where(is_next).order_by(columns.id).limit(TASKS_AT_ONCE)))


def begun_again(store: Store, owned: Belongings, task_ids: Sequence[str]) -> list[str]:
    """Those of some tasks of theirs that run, though all were closed: somebody had one done again."""
    tasks = schema.tasks.c
    is_running = (tasks.tenant == owned.tenant) & (tasks.status == TaskStatus.IN_PROGRESS.value)
    query = select(tasks.id).where(among(tasks.id, "ids"), is_running).order_by(tasks.id)
    return list(store.connection.scalars(query, {"ids": list(task_ids)}))


@unit
def delete_hidden(store: Store, owned: Belongings, limit: int) -> int:
    """Delete rows of imports under way of theirs, which nobody sees yet; how many."""
    imports = schema.imports.c
    mine = imports.tenant == owned.tenant
    if owned.actor is not None:
        mine &= imports.actor == owned.actor
    dropped = 0
    for import_id in store.connection.scalars(select(imports.id).where(mine).order_by(imports.id)).all():
        if dropped >= limit:
            break
        dropped += transfer.drop_hidden(store, staging.hidden_tenant(import_id), limit - dropped)
    return dropped


@unit
def delete_turns(store: Store, owned: Belongings, limit: int) -> int:
    """Delete the keys under which a person's messages were being answered; how many."""
    keys, chats = schema.idempotency_keys, schema.chat_messages.c
    theirs = select(chats.id).where(chats.tenant == owned.tenant, chats.actor == owned.actor)
    some = select(keys.c.key).where(keys.c.tenant == owned.tenant, keys.c.task_id.in_(theirs)).limit(limit)
    done = store.connection.execute(delete(keys).where(keys.c.tenant == owned.tenant, keys.c.key.in_(some)))
    return done.rowcount


@unit
def unname(store: Store, owned: Belongings, task_ids: Sequence[str]) -> int:
    """Take a person's name out of others' tasks: their events, and answers that the person gave; how many rows."""
    events, journal = schema.agent_messages, schema.journal
    values = {"ids": list(task_ids)}
    _overwrite_freed(store)
    query = select(events.c.id, events.c.data).where(among(events.c.task_id, "ids"), events.c.type.in_(_NAMING))
    said = [
        {"id": row.id, "data": {**row.data, "by": ERASED}}
        for row in store.connection.execute(query, values)
        if row.data.get("by") == owned.actor
    ]
    answers = select(journal.c.task_id, journal.c.key, journal.c.result).where(
        among(journal.c.task_id, "ids"), journal.c.key.contains("/answer/", autoescape=True)
    )
    given = [
        {"task_id": row.task_id, "key": row.key, "result": {**row.result, "by": ERASED}}
        for row in store.connection.execute(answers, values)
        if isinstance(row.result, Mapping) and row.result.get("by") == owned.actor
    ]
    for change in said:
        store.connection.execute(update(events).where(events.c.id == change["id"]).values(data=change["data"]))
    update_rows(store, journal, ("task_id", "key"), given)
    return len(said) + len(given)


@unit
def unassign(store: Store, owned: Belongings, limit: int) -> int:
    """Take a person's name out of others' tasks and schedules that assign work to them; how many."""
    tasks = schema.tasks
    is_theirs = (tasks.c.tenant == owned.tenant) & (tasks.c.assignee == owned.actor)
    ids = list(store.connection.scalars(select(tasks.c.id).where(is_theirs).limit(limit)))
    locked = lock(store, ids)
    for task in locked.values():
        task.changes["assignee"] = None
    save(store, list(locked.values()))
    return len(locked) + _unassign_schedules(store, owned, limit - len(locked))


def _unassign_schedules(store: Store, owned: Belongings, limit: int) -> int:
    schedules = schema.schedules
    table = schedules.c
    # As text: a draft that cannot be read assigns nothing, and keeps nobody from being erased.
    query = select(table.id, cast(table.draft, Text).label("draft")).where(table.tenant == owned.tenant)
    ids = [row.id for row in store.connection.execute(query).all() if _assignee(row.draft) == owned.actor][:limit]
    chosen = query.where(among(table.id, "ids")).order_by(table.id).with_for_update()
    changed = 0
    for row in store.connection.execute(chosen, {"ids": ids}).all():
        if _assignee(row.draft) == owned.actor:
            draft = {**orjson.loads(row.draft), "assignee": None}
            store.connection.execute(update(schedules).where(table.id == row.id).values(draft=draft))
            changed += 1
    return changed


def _assignee(draft: str) -> object:
    try:
        value = orjson.loads(draft)
    except ValueError:
        return None
    return value.get("assignee") if isinstance(value, dict) else None


@unit
def delete_sessions(store: Store, holders: frozenset[str]) -> int:
    """End the sessions of some users and keys where the database has them; how many."""
    table = schema.sessions
    _overwrite_freed(store)
    theirs = [
        row.token_hash
        for row in store.connection.execute(select(table.c.token_hash, table.c.value))
        if is_session_of(row.value, holders)
    ]
    delete_among(store, table, "token_hash", theirs)
    return len(theirs)


def is_session_of(value: bytes, holders: frozenset[str]) -> bool:
    """Whether a session's value names one of them."""
    try:
        session = orjson.loads(bytes(value))
    except ValueError:
        return False
    return isinstance(session, dict) and bool({session.get("user"), session.get("key")} & holders)


def _detach_calls(store: Store, tenant: str, task_ids: Sequence[str]) -> None:
    """Where a tenant's day is limited, calls of today stay without their task: they are spent all the same."""
    if not quotas.quota(store, tenant).has_day:
        return
    calls = schema.model_calls
    today = store.now.replace(hour=0, minute=0, second=0, microsecond=0)
    of_today = update(calls).where(among(calls.c.task_id, "ids"), calls.c.created_at >= today)
    store.connection.execute(of_today.values(task_id="", subtask_id=None, agent=""), {"ids": list(task_ids)})


def _overwrite_freed(store: Store) -> None:
    """SQLite leaves deleted rows readable in its file; PostgreSQL's vacuum takes them."""
    if store.dialect == "sqlite":
        store.connection.exec_driver_sql("PRAGMA secure_delete=ON")
