"""LangGraph checkpoints: a write-only saver per run, a reader for inspection, pruning.

A run's graph always starts from its start and replays from the journal, so its saver never
reads; it hands every checkpoint to the journal's flusher, fenced and in the same group commit.
The tables are LangGraph's own, so its SQLite saver reads them for inspection and forks.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from sqlalchemy import delete, func, select

from langgraph_multi_agent.domain.task import TERMINAL
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.journal import CheckpointRow, FencedWrite, JournalFlusher

if TYPE_CHECKING:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

_SERDE = JsonPlusSerializer()


class RunSaver(BaseCheckpointSaver[int]):
    """Writes the checkpoints of one run under its fence.

    Raises:
        LeaseLost: from `aput` and `aput_writes`, when the epoch has passed.
    """

    def __init__(self, flusher: JournalFlusher, *, task_id: str, epoch: int) -> None:
        super().__init__(serde=_SERDE)
        self._flusher, self._task_id, self._epoch = flusher, task_id, epoch

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return None

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        where = config["configurable"]
        kind, body = self.serde.dumps_typed(checkpoint)
        described = json.dumps(get_checkpoint_metadata(config, metadata), ensure_ascii=False)
        row = {
            "thread_id": self._task_id,
            "checkpoint_ns": where.get("checkpoint_ns", ""),
            "checkpoint_id": checkpoint["id"],
            "parent_checkpoint_id": where.get("checkpoint_id"),
            "type": kind,
            "checkpoint": body,
            "metadata": described.encode("utf-8", "ignore"),
        }
        await self._write([CheckpointRow(table="checkpoints", values=row)], len(body))
        return {
            "configurable": {
                "thread_id": where["thread_id"],
                "checkpoint_ns": row["checkpoint_ns"],
                "checkpoint_id": checkpoint["id"],
            }
        }

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        where = config["configurable"]
        rows: list[CheckpointRow] = []
        size = 0
        for position, (channel, value) in enumerate(writes):
            kind, body = self.serde.dumps_typed(value)
            size += len(body)
            rows.append(
                CheckpointRow(
                    table="writes",
                    values={
                        "thread_id": self._task_id,
                        "checkpoint_ns": where.get("checkpoint_ns", ""),
                        "checkpoint_id": where["checkpoint_id"],
                        "task_id": task_id,
                        "task_path": task_path,
                        "idx": WRITES_IDX_MAP.get(channel, position),
                        "channel": channel,
                        "type": kind,
                        "value": body,
                    },
                )
            )
        await self._write(rows, size)

    def get_next_version(self, current: int | None, channel: None) -> int:
        return (current or 0) + 1

    async def _write(self, rows: list[CheckpointRow], size: int) -> None:
        await self._flusher.write(
            FencedWrite(task_id=self._task_id, epoch=self._epoch, checkpoint=tuple(rows), size_bytes=size)
        )


@asynccontextmanager
async def open_history(path: Path) -> "AsyncIterator[AsyncSqliteSaver]":
    """LangGraph's own saver over the data file, for reading only."""
    import aiosqlite
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    async with aiosqlite.connect(f"file:{path}?mode=ro", uri=True) as connection:
        saver = AsyncSqliteSaver(connection)
        saver.is_setup = True
        yield saver


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    checkpoints: int
    writes: int


@unit
def prune(store: Store, *, keep: int, older_than: timedelta, limit: int = 5_000) -> Pruned:
    """Delete old checkpoints of ended tasks beyond the newest `keep` of each thread, at most `limit`.

    The latest checkpoint of a thread is always kept; a thread that waits for a person or runs is
    left alone.
    """
    table, writes = schema.checkpoints, schema.checkpoint_writes
    ended = select(schema.tasks.c.id).where(
        schema.tasks.c.status.in_([status.value for status in TERMINAL]),
        schema.tasks.c.completed_at < store.now - older_than,
    )
    ranked = (
        select(
            table.c.thread_id,
            table.c.checkpoint_ns,
            table.c.checkpoint_id,
            func.row_number()
            .over(
                partition_by=(table.c.thread_id, table.c.checkpoint_ns), order_by=table.c.checkpoint_id.desc()
            )
            .label("age"),
        )
        .where(table.c.thread_id.in_(ended))
        .subquery()
    )
    doomed = store.connection.execute(select(ranked).where(ranked.c.age > max(keep, 1)).limit(limit)).all()
    counts = [0, 0]
    for row in doomed:
        for position, target in enumerate((table, writes)):
            done = store.connection.execute(
                delete(target).where(
                    target.c.thread_id == row.thread_id,
                    target.c.checkpoint_ns == row.checkpoint_ns,
                    target.c.checkpoint_id == row.checkpoint_id,
                )
            )
            counts[position] += done.rowcount
    return Pruned(checkpoints=counts[0], writes=counts[1])
