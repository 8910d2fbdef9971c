"""What an operator, or a person who follows a task closely, looks at.

Hides how owners' names are read, how LangGraph's checkpoints become JSON, how much of them is shown,
and for how long a look into the system is told again. Callers: the API. Invariant: it reads only, and
what it leaves out it says.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from dataclasses import fields as fields_of
from datetime import datetime, timedelta
from typing import Any

import orjson

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.domain.errors import Fault
from langgraph_multi_agent.service.rests import Rests
from langgraph_multi_agent.service.spans import TimeLine, fold_spans
from langgraph_multi_agent.store import checkpoints, inspection, tasks
from langgraph_multi_agent.store import events as event_log
from langgraph_multi_agent.store.database import Database, Store
from langgraph_multi_agent.store.inspection import Execution, Failures, Held, QueueLook
from langgraph_multi_agent.store.leases import ALONE

SEEN_FOR = timedelta(minutes=15)
"""A worker that holds nothing is known for so long after its last run."""
MAX_FAILURES = 50
MAX_EVENTS = 20_000
MAX_CHECKPOINTS = 200
MAX_CHANNEL_BYTES = 64 * 1024
MAX_STATE_BYTES = 256 * 1024
MAX_DEPTH = 40
_OWNER = re.compile(r"(?P<host>.*)-(?P<pid>\d+)-[0-9a-f-]{1,6}")
_NEXT = "branch:to:"
"""LangGraph's channel that says which node is next."""


class CheckpointNotFound(Fault):
    code, status = "CHECKPOINT_NOT_FOUND", 404


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLook:
    """A worker process. `last_beat` is when it last renewed a lease, None when it holds none.

    Attributes:
        host, pid: read from its name; None where the name is not of that form.
        is_alone: it runs a task that has crashed its process, without company.
        runs_ended, last_ended: in the last SEEN_FOR.
    """

    name: str
    host: str | None
    pid: int | None
    is_alone: bool
    held: tuple[Held, ...]
    last_beat: datetime | None
    runs_ended: int
    last_ended: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    at: datetime
    workers: tuple[WorkerLook, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailuresLook:
    """What had failed within a window before `at`, most frequent first."""

    at: datetime
    failures: tuple[Failures, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointLook:
    """A saved state of the graph.

    Attributes:
        step, source: of LangGraph's metadata; step -1 is the input.
        next: nodes that would run after it.
        channels: names of what it holds.
    """

    id: str
    namespace: str
    at: datetime
    step: int | None
    source: str | None
    parent: str | None
    next: tuple[str, ...]
    channels: tuple[str, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A value of a state as JSON; `is_shortened` ones are left out for their size."""

    name: str
    value: Any
    size_bytes: int
    is_shortened: bool


class InspectionService:
    """Looks of one installation. Those into the system as a whole rest (`rests`): each says of when it is.

    Args:
        lease_s: for how long a heartbeat renews a lease; says when the last one was.
    """

    def __init__(self, *, database: Database, lease_s: float) -> None:
        self._database, self._lease = database, timedelta(seconds=lease_s)
        self._workers: Rests[Workers] = Rests()
        self._queues: Rests[tuple[datetime, QueueLook]] = Rests()
        self._failures: Rests[FailuresLook] = Rests()

    async def workers(self, scope: Scope) -> Workers:
        """Who holds tasks, and who did lately; those that hold most first."""
        return await self._workers.get(scope.tenant, lambda: self._look_at_workers(scope))

    async def _look_at_workers(self, scope: Scope) -> Workers:
        now, held, ended = await self._database.read(scope, _look_at_workers)
        by_owner: dict[str, list[Held]] = {}
        alone: set[str] = set()
        for item in held:
            name = item.owner.removesuffix(ALONE)
            by_owner.setdefault(name, []).append(item)
            if item.owner.endswith(ALONE):
                alone.add(name)
        names = sorted({*by_owner, *ended}, key=lambda name: (-len(by_owner.get(name, ())), name))
        return Workers(
            at=now, workers=tuple(self._worker(name, by_owner.get(name, []), name in alone, ended) for name in names)
        )

    def _worker(
        self, name: str, held: list[Held], is_alone: bool, ended: Mapping[str, tuple[int, datetime]]
    ) -> WorkerLook:
        parts = _OWNER.fullmatch(name)
        count, last = ended.get(name, (0, None))
        return WorkerLook(
            name=name,
            host=parts["host"] if parts else None,
            pid=int(parts["pid"]) if parts else None,
            is_alone=is_alone,
            held=tuple(held),
            last_beat=max(item.expires_at for item in held) - self._lease if held else None,
            runs_ended=count,
            last_ended=last,
        )

    async def queue(self, scope: Scope) -> tuple[datetime, QueueLook]:
        """What waits, and the moment of the look."""

        def look(store: Store) -> tuple[datetime, QueueLook]:
            return store.now, inspection.queue(store)

        return await self._queues.get(scope.tenant, lambda: self._database.read(scope, look))

    async def failures(self, scope: Scope, *, window: timedelta) -> FailuresLook:
        """What failed within the window, by code and agent."""

        def look(store: Store) -> FailuresLook:
            found = inspection.failures(store, since=store.now - window, limit=MAX_FAILURES)
            return FailuresLook(at=store.now, failures=tuple(found))

        return await self._failures.get((scope.tenant, window), lambda: self._database.read(scope, look))

    async def executions(self, scope: Scope, task_id: str) -> list[Execution]:
        """The runs of a task, newest first. Raises TaskNotFound."""

        def look(store: Store) -> list[Execution]:
            tasks.get(store, task_id)
            return inspection.executions(store, task_id)

        return await self._database.read(scope, look)

    async def time_line(self, scope: Scope, task_id: str) -> TimeLine:
        """The spans of a task, from at most MAX_EVENTS of its events. Raises TaskNotFound."""

        def look(store: Store) -> TimeLine:
            task = tasks.get(store, task_id)
            events = event_log.after(store, task_id, 0, limit=MAX_EVENTS)
            return fold_spans(events, title=task.title, last_seq=task.last_seq)

        return await self._database.read(scope, look)

    async def checkpoints(self, scope: Scope, task_id: str) -> list[CheckpointLook]:
        """The saved states of a task, newest first, at most MAX_CHECKPOINTS. Raises TaskNotFound."""

        def sizes_of(store: Store) -> dict[tuple[str, str], int]:
            tasks.get(store, task_id)
            return inspection.checkpoint_sizes(store, task_id)

        sizes = await self._database.read(scope, sizes_of)
        history = checkpoints.open_history(self._database, scope)
        config: Any = {"configurable": {"thread_id": task_id}}
        return [_look_of(item, sizes) async for item in history.alist(config, limit=MAX_CHECKPOINTS)]

    async def state(
        self, scope: Scope, task_id: str, checkpoint_id: str, *, namespace: str = ""
    ) -> tuple[CheckpointLook, list[Channel]]:
        """One saved state.

        Raises:
            TaskNotFound, CheckpointNotFound.
        """

        def sizes_of(store: Store) -> dict[tuple[str, str], int]:
            tasks.get(store, task_id)
            return inspection.checkpoint_sizes(store, task_id)

        sizes = await self._database.read(scope, sizes_of)
        config: Any = {
            "configurable": {"thread_id": task_id, "checkpoint_ns": namespace, "checkpoint_id": checkpoint_id}
        }
        found = await checkpoints.open_history(self._database, scope).aget_tuple(config)
        if found is None:
            raise CheckpointNotFound(checkpoint=checkpoint_id, task=task_id)
        values = found.checkpoint["channel_values"]
        return _look_of(found, sizes), _channels(values)


def _look_at_workers(store: Store) -> tuple[datetime, list[Held], dict[str, tuple[int, datetime]]]:
    now: datetime = store.now
    return now, inspection.held(store), inspection.lately_ended(store, since=now - SEEN_FOR)


def _look_of(item: Any, sizes: Mapping[tuple[str, str], int]) -> CheckpointLook:
    place, values = item.config["configurable"], item.checkpoint["channel_values"]
    parent = item.parent_config["configurable"]["checkpoint_id"] if item.parent_config else None
    key = (place["checkpoint_ns"], place["checkpoint_id"])
    return CheckpointLook(
        id=place["checkpoint_id"],
        namespace=place["checkpoint_ns"],
        at=datetime.fromisoformat(item.checkpoint["ts"]),
        step=item.metadata.get("step"),
        source=item.metadata.get("source"),
        parent=parent,
        next=tuple(sorted(name.removeprefix(_NEXT) for name in values if name.startswith(_NEXT))),
        channels=tuple(sorted(name for name in values if not name.startswith(_NEXT))),
        size_bytes=sizes.get(key, 0),
    )


def _channels(values: Mapping[str, Any]) -> list[Channel]:
    found: list[Channel] = []
    room = MAX_STATE_BYTES
    for name in sorted(values):
        if name.startswith(_NEXT):
            continue
        value = _plain(values[name])
        size = len(orjson.dumps(value))
        is_shortened = size > MAX_CHANNEL_BYTES or size > room
        if not is_shortened:
            room -= size
        found.append(
            Channel(name=name, value=None if is_shortened else value, size_bytes=size, is_shortened=is_shortened)
        )
    return found


def _plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON; what JSON does not know becomes text."""
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else str(value)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if depth < MAX_DEPTH:
        if isinstance(value, Mapping):
            return {str(key): _plain(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [_plain(item, depth + 1) for item in value]
        if is_dataclass(value) and not isinstance(value, type):
            return {item.name: _plain(getattr(value, item.name), depth + 1) for item in fields_of(value)}
    return str(value)[:1000]
