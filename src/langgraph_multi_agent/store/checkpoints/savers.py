"""LangGraph's checkpointer over our two tables: one for a run that writes, one for readers.

The engine gives a run's graph a `RunSaver`; inspection and forks use `open_history`. Both are
asynchronous only. Invariant: a row of a thread is written, replaced or deleted only by the run that
owns the task of that name, under its epoch.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    get_checkpoint_id,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from langgraph_multi_agent.access import WORKER_SCOPE, Scope
from langgraph_multi_agent.domain.errors import InvalidRequest, TaskNotFound
from langgraph_multi_agent.store.checkpoints import pruning, threads
from langgraph_multi_agent.store.database import Database, Store, unit
from langgraph_multi_agent.store.journal import CheckpointRow, FencedWrite, Writes
from langgraph_multi_agent.store.rows import lock_owned

PAGE = 50

_SERDE = JsonPlusSerializer()


@unit
def change_thread(store: Store, task_id: str, epoch: int, change: Callable[[Store], Any]) -> None:
    """Change rows of a run's own thread other than by adding new ones. Raises LeaseLost."""
    lock_owned(store, task_id, epoch)
    change(store)


class HistorySaver(BaseCheckpointSaver[int]):
    """Reads the threads of a scope: `aget_state`, `aget_state_history`, the source of a fork."""

    def __init__(self, database: Database, scope: Scope) -> None:
        super().__init__(serde=_SERDE)
        self._database, self._scope = database, scope

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return await self._database.read(self._scope, threads.find, self.serde, _place(config))

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Newest first, read page by page; the writes of each come with it.

        Args:
            config: a thread, and its namespace and checkpoint if given; None lists all of the scope.
            filter: metadata keys with the exact values that they must have.
            before: only checkpoints older than the one it names.
            limit: at most so many.
        """
        where = config["configurable"] if config else {}
        selection = threads.Selection(
            thread_id=_thread(config) if config else None,
            namespace=where.get("checkpoint_ns"),
            checkpoint_id=where.get("checkpoint_id"),
            before=get_checkpoint_id(before) if before else None,
            metadata=filter,
        )
        left, after, is_more = limit, None, True
        while is_more and (left is None or left > 0):
            size = PAGE if left is None or filter else min(left, PAGE)
            found, after = await self._database.read(
                self._scope, threads.page, self.serde, selection, after, size
            )
            is_more = after is not None
            for item in found[:left]:
                yield item
            left = None if left is None else left - len(found)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        return await self._database.read(
            self._scope, threads.delta_history, self.serde, _place(config), channels
        )


def open_history(database: Database, scope: Scope) -> HistorySaver:
    """A reader of every thread in scope. Compile a graph with it to look at its states."""
    return HistorySaver(database, scope)


class RunSaver(BaseCheckpointSaver[int]):
    """The checkpointer of one run: its thread is the task, its writes are fenced by the epoch.

    New rows go out with the journal's group commit. What replaces or deletes rows is a unit of its
    own under the same lock.

    Args:
        flusher: the process's, or the run's journal, which holds checkpoints for the run's next write.
        database: where the run reads back what it and earlier runs wrote, to resume. Without it the
            saver only writes and the graph starts from its start, as the journal wants it.

    Raises:
        LeaseLost: from everything that writes, when the epoch has passed.
        TaskNotFound: from everything that writes, for a thread that is not this task's.
    """

    def __init__(
        self, flusher: Writes, *, task_id: str, epoch: int, database: Database | None = None
    ) -> None:
        super().__init__(serde=_SERDE)
        self._flusher, self._database = flusher, database
        self._task_id, self._epoch = task_id, epoch

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        history = self._history(config)
        return await history.aget_tuple(config) if history else None

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        own: RunnableConfig = config or {"configurable": {"thread_id": self._task_id}}
        if history := self._history(own):
            async for item in history.alist(own, filter=filter, before=before, limit=limit):
                yield item

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        if history := self._history(config):
            return await history.aget_delta_channel_history(config=config, channels=channels)
        return {channel: DeltaChannelHistory(writes=[]) for channel in channels}

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        self._own(_thread(config))
        kind, body = self.serde.dumps_typed(checkpoint)
        described = json.dumps(get_serializable_checkpoint_metadata(config, metadata), ensure_ascii=False)
        row = {
            "thread_id": self._task_id,
            "checkpoint_ns": _namespace(config),
            "checkpoint_id": checkpoint["id"],
            "parent_checkpoint_id": get_checkpoint_id(config),
            "type": kind,
            "checkpoint": body,
            "metadata": described.encode("utf-8", "ignore"),
        }
        await self._add([CheckpointRow(table="checkpoints", values=row)], len(body))
        return threads.address(self._task_id, _namespace(config), checkpoint["id"])

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a node wrote. Interrupts, resumes and errors replace what their node had."""
        self._own(_thread(config))
        rows: list[dict[str, Any]] = []
        for position, (channel, value) in enumerate(writes):
            kind, body = self.serde.dumps_typed(value)
            rows.append(
                {
                    "thread_id": self._task_id,
                    "checkpoint_ns": _namespace(config),
                    "checkpoint_id": config["configurable"]["checkpoint_id"],
                    "task_id": task_id,
                    "task_path": task_path,
                    "idx": WRITES_IDX_MAP.get(channel, position),
                    "channel": channel,
                    "type": kind,
                    "value": body,
                }
            )
        if self._database is not None and all(channel in WRITES_IDX_MAP for channel, _ in writes):
            await self._change(self._database, partial(threads.replace_writes, rows=rows))
        else:
            added = [CheckpointRow(table="writes", values=row) for row in rows]
            await self._add(added, sum(len(row["value"]) for row in rows))

    async def adelete_thread(self, thread_id: str) -> None:
        self._own(thread_id)
        await self._change(self._owned_database, partial(threads.delete_thread, thread_id=thread_id))

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete checkpoints of this thread that LangGraph runs of these ids made."""
        delete = partial(threads.delete_runs, thread_id=self._task_id, run_ids=tuple(run_ids))
        await self._change(self._owned_database, delete)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Fork: take over everything of another task's thread of the same tenant into this one."""
        self._own(target_thread_id)
        fork = partial(threads.copy, source=source_thread_id, target=target_thread_id)
        await self._change(self._owned_database, fork)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Delete this thread ("delete"), or all but what `pruning` keeps of it ("keep_latest").

        Raises:
            InvalidRequest: another strategy.
        """
        if strategy not in ("keep_latest", "delete"):
            raise InvalidRequest(field="strategy", value=strategy)
        for thread_id in thread_ids:
            if strategy == "delete":
                await self.adelete_thread(thread_id)
            else:
                self._own(thread_id)
                await self._change(self._owned_database, partial(pruning.keep_latest, thread_id=thread_id))

    @property
    def _owned_database(self) -> Database:
        if self._database is None:
            raise NotImplementedError("a saver without a database only adds rows")
        return self._database

    def _history(self, config: RunnableConfig) -> HistorySaver | None:
        if self._database is None or _thread(config) != self._task_id:
            return None
        history = HistorySaver(self._database, WORKER_SCOPE)
        history.serde = self.serde
        return history

    def _own(self, thread_id: str) -> None:
        if thread_id != self._task_id:
            raise TaskNotFound(task=thread_id)

    async def _add(self, rows: list[CheckpointRow], size: int) -> None:
        await self._flusher.write(
            FencedWrite(task_id=self._task_id, epoch=self._epoch, checkpoint=tuple(rows), size_bytes=size)
        )

    async def _change(self, database: Database, change: Callable[[Store], Any]) -> None:
        await database.write(WORKER_SCOPE, change_thread, self._task_id, self._epoch, change)


def _thread(config: RunnableConfig) -> str:
    return str(config["configurable"]["thread_id"])


def _namespace(config: RunnableConfig) -> str:
    return str(config["configurable"].get("checkpoint_ns", ""))


def _place(config: RunnableConfig) -> threads.Place:
    return _thread(config), _namespace(config), get_checkpoint_id(config)
