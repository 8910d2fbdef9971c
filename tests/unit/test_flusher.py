"""What the flusher does with a batch that the database does not take."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from langgraph_multi_agent.domain.errors import CommitInDoubt, DataRefused, DependencyUnavailable, Fault
from langgraph_multi_agent.store import journal
from langgraph_multi_agent.store.journal import FencedWrite, JournalFlusher

AWAY = DependencyUnavailable(dependency="database", reason="gone")
IN_DOUBT = CommitInDoubt(dependency="database", reason="in_doubt")


class Database:
    """Answers each call with the next thing of a list; then it takes everything."""

    def __init__(self, *script: Exception) -> None:
        self.script, self.batches = list(script), list[list[str]]()

    async def write(self, _scope: object, _unit: object, writes: Sequence[FencedWrite]) -> list[Fault | None]:
        self.batches.append([write.task_id for write in writes])
        if self.script:
            raise self.script.pop(0)
        return [None for _ in writes]


@asynccontextmanager
async def running(database: Database, *, patience_s: float) -> AsyncIterator[JournalFlusher]:
    flusher = JournalFlusher(cast("Any", database), patience_s=patience_s)
    async with asyncio.TaskGroup() as group:
        group.create_task(flusher.run())
        try:
            yield flusher
        finally:
            flusher.close()


async def write_all(flusher: JournalFlusher, *task_ids: str) -> list[BaseException | None]:
    return await asyncio.gather(
        *(flusher.write(FencedWrite(task_id=task_id, epoch=1)) for task_id in task_ids), return_exceptions=True
    )


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "AGAIN_S", 0.001)


async def test_a_short_outage_costs_no_run() -> None:
    database = Database(AWAY, AWAY, AWAY)
    async with running(database, patience_s=30) as flusher:
        assert await write_all(flusher, "a", "b") == [None, None]
    assert database.batches == [["a", "b"]] * 4


async def test_an_outage_beyond_patience_is_told_to_all_at_once_and_not_searched_by_halves() -> None:
    database = Database(AWAY, AWAY)
    async with running(database, patience_s=0) as flusher:
        assert await write_all(flusher, "a", "b", "c", "d") == [AWAY] * 4
        assert await write_all(flusher, "e") == [AWAY]
        assert await write_all(flusher, "f") == [None]
    assert database.batches == [["a", "b", "c", "d"], ["e"], ["f"]]


async def test_a_batch_that_may_be_in_the_journal_is_never_written_again() -> None:
    database = Database(IN_DOUBT)
    async with running(database, patience_s=30) as flusher:
        assert await write_all(flusher, "a", "b") == [IN_DOUBT, IN_DOUBT]
    assert database.batches == [["a", "b"]]


async def test_what_the_database_refuses_is_found_by_halves() -> None:
    refused = DataRefused(reason="a value")
    database = Database(refused, refused)
    async with running(database, patience_s=30) as flusher:
        assert await write_all(flusher, "a", "b") == [refused, None]
    assert database.batches == [["a", "b"], ["a"], ["b"]]
