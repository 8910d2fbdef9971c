"""The rows of LangGraph threads: found, paged, replaced, copied and deleted, on both dialects.

Hides the SQL of the tables `checkpoints` and `writes`. Only the savers and the pruning call it,
inside a unit of work. Invariant: a pending write never outlives its checkpoint, and what a scoped
reader gets belongs to a task of its tenant.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    PendingWrite,
    writes_sort_key,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from sqlalchemy import ARRAY, Select, Text, bindparam, delete, func, literal, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from langgraph_multi_agent.store.database import Store
from langgraph_multi_agent.store.rows import scoped
from langgraph_multi_agent.store.schema import checkpoint_writes, checkpoints, tasks
from langgraph_multi_agent.store.sets import POSTGRESQL, insert_rows

Key = tuple[str, str, str]
"""thread, namespace, checkpoint."""
Place = tuple[str, str, str | None]
"""The same, where no checkpoint means the newest."""

_CHECKPOINT_KEY = (checkpoints.c.thread_id, checkpoints.c.checkpoint_ns, checkpoints.c.checkpoint_id)
_WRITE_KEY = (
    checkpoint_writes.c.thread_id,
    checkpoint_writes.c.checkpoint_ns,
    checkpoint_writes.c.checkpoint_id,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which checkpoints to list; None leaves a field open.

    Attributes:
        before: a checkpoint id; only older ones.
        metadata: keys and the exact values they must have.
    """

    thread_id: str | None = None
    namespace: str | None = None
    checkpoint_id: str | None = None
    before: str | None = None
    metadata: Mapping[str, Any] | None = None

    def query(self, store: Store) -> Select[Any]:
        query = select(checkpoints)
        if store.scope.tenant is not None:
            query = query.where(checkpoints.c.thread_id.in_(scoped(store, select(tasks.c.id))))
        for column, value in zip(
            _CHECKPOINT_KEY, (self.thread_id, self.namespace, self.checkpoint_id), strict=True
        ):
            if value is not None:
                query = query.where(column == value)
        if self.before is not None:
            query = query.where(checkpoints.c.checkpoint_id < self.before)
        return query

    def matches(self, row: Any) -> bool:
        if not self.metadata:
            return True
        found = metadata_of(row)
        return all(found.get(key) == value for key, value in self.metadata.items())


def find(store: Store, serde: SerializerProtocol, place: Place) -> CheckpointTuple | None:
    """One checkpoint with its pending writes."""
    thread_id, namespace, checkpoint_id = place
    selection = Selection(thread_id=thread_id, namespace=namespace, checkpoint_id=checkpoint_id)
    newest_first = selection.query(store).order_by(checkpoints.c.checkpoint_id.desc()).limit(1)
    row = store.connection.execute(newest_first).first()
    return None if row is None else _tuples(store, serde, [row])[0]


def page(
    store: Store, serde: SerializerProtocol, selection: Selection, after: Key | None, limit: int
) -> tuple[list[CheckpointTuple], Key | None]:
    """The next checkpoints of a selection, newest first.

    Looks at `limit` rows, of which the metadata may match fewer.

    Returns:
        What matched, and the key to go on after; None at the end.
    """
    order = (checkpoints.c.checkpoint_id, checkpoints.c.thread_id, checkpoints.c.checkpoint_ns)
    query = selection.query(store)
    if after is not None:
        thread_id, namespace, checkpoint_id = after
        query = query.where(
            tuple_(*order) < tuple_(literal(checkpoint_id), literal(thread_id), literal(namespace))
        )
    query = query.order_by(*(column.desc() for column in order)).limit(limit)
    rows = store.connection.execute(query).all()
    found = _tuples(store, serde, [row for row in rows if selection.matches(row)])
    return found, key_of(rows[-1]) if len(rows) == limit else None


def delta_history(
    store: Store, serde: SerializerProtocol, place: Place, channels: Sequence[str]
) -> dict[str, DeltaChannelHistory]:
    """Each channel's writes from its nearest stored value down to a checkpoint's parent, oldest first.

    The contract is `BaseCheckpointSaver.get_delta_channel_history`; here it is one unit of work.
    """
    descendant = find(store, serde, place)
    backwards: dict[str, list[PendingWrite]] = {channel: [] for channel in channels}
    seeds: dict[str, Any] = {}
    while descendant is not None and descendant.parent_config is not None and len(seeds) < len(backwards):
        parent_id = descendant.parent_config["configurable"]["checkpoint_id"]
        descendant = find(store, serde, (place[0], place[1], parent_id))
        if descendant is None:
            break
        for write in reversed(descendant.pending_writes or ()):
            if write[1] in backwards and write[1] not in seeds:
                backwards[write[1]].append(write)
        stored = descendant.checkpoint["channel_values"]
        for channel in backwards.keys() & stored.keys() - seeds.keys():
            seeds[channel] = stored[channel]
    return {
        channel: DeltaChannelHistory(writes=writes[::-1], seed=seeds[channel])
        if channel in seeds
        else DeltaChannelHistory(writes=writes[::-1])
        for channel, writes in backwards.items()
    }


def replace_writes(store: Store, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert pending writes, or overwrite those of the same checkpoint, task and index; the last one wins."""
    latest = {(row["checkpoint_ns"], row["checkpoint_id"], row["task_id"], row["idx"]): row for row in rows}
    changed = ("task_path", "channel", "type", "value")
    insert_rows(store, checkpoint_writes, list(latest.values()), replacing=changed)


def copy(store: Store, source: str, target: str) -> None:
    """All namespaces, checkpoints and writes of a thread under another id, if one tenant has both tasks."""
    dialect = postgresql if store.dialect == POSTGRESQL else sqlite
    tenants = select(tasks.c.tenant).where(tasks.c.id == target)
    allowed = select(tasks.c.id).where(tasks.c.id == source, tasks.c.tenant.in_(tenants))
    for table in (checkpoints, checkpoint_writes):
        others = [column for column in table.columns if column.name != "thread_id"]
        rows = select(literal(target), *others).where(table.c.thread_id.in_(allowed))
        names = ["thread_id", *(column.name for column in others)]
        store.connection.execute(dialect.insert(table).from_select(names, rows).on_conflict_do_nothing())


def delete_thread(store: Store, thread_id: str) -> None:
    for table in (checkpoint_writes, checkpoints):
        store.connection.execute(delete(table).where(table.c.thread_id == thread_id))


def delete_runs(store: Store, thread_id: str, run_ids: Iterable[str]) -> None:
    """Delete the checkpoints of a thread whose metadata names one of these LangGraph runs."""
    wanted: set[Any] = set(run_ids)
    rows = store.connection.execute(
        select(*_CHECKPOINT_KEY, checkpoints.c.metadata).where(checkpoints.c.thread_id == thread_id)
    )
    delete_keys(store, [key_of(row) for row in rows if metadata_of(row).get("run_id") in wanted])


def delete_keys(store: Store, keys: Sequence[Key]) -> tuple[int, int]:
    """Delete checkpoints and their writes, one statement each.

    Returns:
        How many checkpoints and how many writes.
    """
    if not keys:
        return 0, 0
    listed = _listed(store, keys)
    writes = store.connection.execute(delete(checkpoint_writes).where(tuple_(*_WRITE_KEY).in_(listed)))
    done = store.connection.execute(delete(checkpoints).where(tuple_(*_CHECKPOINT_KEY).in_(listed)))
    return done.rowcount, writes.rowcount


def key_of(row: Any) -> Key:
    return row.thread_id, row.checkpoint_ns, row.checkpoint_id


def metadata_of(row: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(row.metadata)) if row.metadata else {}


def address(thread_id: str, namespace: str, checkpoint_id: str) -> RunnableConfig:
    """LangGraph's name of one checkpoint."""
    return {
        "configurable": {
            "thread_id": thread_id,
            "checkpoint_ns": namespace,
            "checkpoint_id": checkpoint_id,
        }
    }


def _listed(store: Store, keys: Sequence[Key]) -> Select[Any]:
    """The keys as rows of one bound value each, however many they are."""
    if store.dialect == POSTGRESQL:
        columns = [bindparam(None, list(values), type_=ARRAY(Text)) for values in zip(*keys, strict=True)]
        table = (
            func.unnest(*columns).table_valued("thread_id", "checkpoint_ns", "checkpoint_id").render_derived()
        )
        return select(table.c.thread_id, table.c.checkpoint_ns, table.c.checkpoint_id)
    each = func.json_each(orjson.dumps(keys).decode()).table_valued("value")
    return select(*(func.json_extract(each.c.value, f"$[{position}]") for position in range(3)))


def _tuples(store: Store, serde: SerializerProtocol, rows: Sequence[Any]) -> list[CheckpointTuple]:
    if not rows:
        return []
    pending: dict[Key, list[Any]] = {}
    keys = [key_of(row) for row in rows]
    for row in store.connection.execute(
        select(checkpoint_writes).where(tuple_(*_WRITE_KEY).in_(_listed(store, keys)))
    ):
        pending.setdefault(key_of(row), []).append(row)
    return [_tuple(serde, row, pending.get(key, [])) for row, key in zip(rows, keys, strict=True)]


def _tuple(serde: SerializerProtocol, row: Any, writes: list[Any]) -> CheckpointTuple:
    writes.sort(key=lambda write: writes_sort_key(write.task_path, write.task_id, write.idx))
    parent = row.parent_checkpoint_id
    return CheckpointTuple(
        config=address(*key_of(row)),
        checkpoint=serde.loads_typed((row.type, row.checkpoint)),
        metadata=cast("CheckpointMetadata", metadata_of(row)),
        parent_config=address(row.thread_id, row.checkpoint_ns, parent) if parent else None,
        pending_writes=[
            (write.task_id, write.channel, serde.loads_typed((write.type, write.value))) for write in writes
        ],
    )
