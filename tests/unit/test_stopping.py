"""A run that is told to stop, by several at once."""

import asyncio
from typing import Any, cast

from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.domain.task import Action
from langgraph_multi_agent.engine.context import RunSignals
from langgraph_multi_agent.service.execution import ActiveRun, StopReason
from langgraph_multi_agent.store.database import shielded


async def test_an_agent_waits_for_its_commit_however_many_tell_the_run_to_stop() -> None:
    """Two who hear of one cancel, or a shutdown on top of it: left alone, an effect would stay claimed."""
    signals = RunSignals(SystemClock(), owner_grace_s=5)
    active = ActiveRun(cast("Any", None), signals)
    commit: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    knew: list[bool] = []

    async def agent() -> None:
        task = asyncio.current_task()
        assert task is not None
        signals.at_work.add(task)
        try:
            await shielded(commit)
        finally:
            knew.append(commit.done())
            signals.at_work.discard(task)

    async def drive() -> Any:
        async with asyncio.TaskGroup() as group:
            group.create_task(agent())

    active.driver = asyncio.create_task(drive())
    while not signals.at_work:  # noqa: ASYNC110
        await asyncio.sleep(0)
    for action in (Action.CANCEL, Action.CANCEL, Action.HAND_BACK):
        active.request_stop(StopReason(action=action))
        for _ in range(10):
            await asyncio.sleep(0)
    commit.set_result(None)
    async with asyncio.timeout(60):
        await asyncio.wait({active.driver})
    active.leave()
    assert knew == [True]
