"""LangGraph's own conformance suite for checkpointers, against ours.

The suite makes up threads; here each becomes a task that is claimed, so every write passes the fence.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance.capabilities import Capability
from langgraph.checkpoint.conformance.initializer import RegisteredCheckpointer
from langgraph.checkpoint.conformance.validate import validate
from tests.support.stores import Desk, draft

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.store import submissions
from langgraph_multi_agent.store.checkpoints import RunSaver
from langgraph_multi_agent.store.journal import JournalFlusher


class EveryThread(BaseCheckpointSaver[int]):
    """Hands each call to the run of the task that owns the thread."""

    def __init__(self, desk: Desk, flusher: JournalFlusher) -> None:
        super().__init__()
        self._desk, self._flusher, self._runs = desk, flusher, dict[str, RunSaver]()

    async def _of(self, thread_id: str) -> RunSaver:
        if thread_id not in self._runs:
            database = self._desk.database
            await database.write(
                DEFAULT_SCOPE,
                submissions.submit,
                thread_id,
                draft(),
                queue_size=1000,
                idempotency_key=None,
                body_hash="",
            )
            [run] = await self._desk.claim()
            assert run.task.id == thread_id
            self._runs[thread_id] = RunSaver(
                self._flusher, task_id=thread_id, epoch=run.epoch, database=database
            )
        return self._runs[thread_id]

    async def _at(self, config: Any) -> RunSaver:
        return await self._of(config["configurable"]["thread_id"])

    async def aget_tuple(self, config: Any) -> Any:
        return await (await self._at(config)).aget_tuple(config)

    async def alist(self, config: Any, **options: Any) -> AsyncIterator[Any]:
        async for item in (await self._at(config)).alist(config, **options):
            yield item

    async def aput(self, config: Any, *values: Any) -> Any:
        return await (await self._at(config)).aput(config, *values)

    async def aput_writes(
        self, config: Any, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        await (await self._at(config)).aput_writes(config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        await (await self._of(thread_id)).adelete_thread(thread_id)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        for saver in self._runs.values():
            await saver.adelete_for_runs(run_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        await (await self._of(target_thread_id)).acopy_thread(source_thread_id, target_thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        for thread_id in thread_ids:
            await (await self._of(thread_id)).aprune([thread_id], strategy=strategy)


@pytest.mark.parametrize("capability", [item.value for item in Capability])
async def test_the_saver_conforms_to_langgraph(desk: Desk, capability: str) -> None:
    flusher = JournalFlusher(desk.database)
    flushing = asyncio.ensure_future(flusher.run())

    async def opened() -> AsyncIterator[Any]:
        yield EveryThread(desk, flusher)

    registered = RegisteredCheckpointer(name="RunSaver", factory=opened)  # type: ignore[arg-type]
    report = await validate(registered, capabilities={capability})
    flusher.close()
    await flushing
    result = report.results[capability]
    assert result.failures == []
    assert result.passed is True
    assert result.tests_passed > 3
