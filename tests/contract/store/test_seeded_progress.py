"""What people see of a task's progress never falls, whatever order commits and plans come in."""

import pytest
from tests.support.stores import Desk

from langgraph_multi_agent.access import WORKER_SCOPE
from langgraph_multi_agent.domain.ports import Step
from langgraph_multi_agent.store.journal import FencedWrite, commit_steps


@pytest.mark.parametrize("batch", [1, 2, 4])
async def test_progress_never_falls_in_a_batch_or_from_one_to_the_next(desk: Desk, batch: int) -> None:
    run = await desk.running()
    told = (50, 20, 75, 40)  # a repair plan adds work: its share of what is done is smaller
    writes = [
        FencedWrite(task_id=run.task.id, epoch=1, step=Step(key=f"1/{n}", input_hash="", result=None, progress=part))
        for n, part in enumerate(told)
    ]
    shown = []
    for start in range(0, len(writes), batch):
        answers = await desk.database.write(WORKER_SCOPE, commit_steps, writes[start : start + batch])
        assert answers == [None] * batch
        shown.append((await desk.get(run.task.id)).progress)
    assert shown == [max(told[:end]) for end in range(batch, len(told) + 1, batch)]
