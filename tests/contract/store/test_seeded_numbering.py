"""Events are numbered in the order in which they happened, within a commit and within a batch."""

from tests.support.stores import Desk

from langgraph_multi_agent.access import WORKER_SCOPE
from langgraph_multi_agent.domain.event import EventType, NewEvent
from langgraph_multi_agent.domain.ports import Step
from langgraph_multi_agent.domain.task import Action
from langgraph_multi_agent.store.journal import FencedWrite, commit_steps
from langgraph_multi_agent.store.runs import Ending


def note(word: str) -> NewEvent:
    return NewEvent(type=EventType.TOOL_CALLED, data={"word": word})


async def test_events_are_numbered_in_the_order_in_which_they_happened(desk: Desk) -> None:
    one, other = await desk.running(), await desk.running()
    words = [f"w{number}" for number in range(9)]
    batch = [
        FencedWrite(
            task_id=run.task.id,
            epoch=run.epoch,
            events=tuple(note(word) for word in words[start : start + 3]),
        )
        for start in (0, 3, 6)
        for run in (one, other)
    ]
    step = Step(key="1/last", input_hash="h", result=1)
    batch.append(FencedWrite(task_id=one.task.id, epoch=1, step=step, result=1, events=(note("step"),)))
    batch.append(FencedWrite(task_id=one.task.id, epoch=1, ending=Ending(action=Action.COMPLETE, result={})))

    assert await desk.database.write(WORKER_SCOPE, commit_steps, batch) == [None] * len(batch)

    for run, last in ((one, ["step"]), (other, [])):
        rows = await desk.rows(
            "SELECT type, data FROM agent_messages WHERE task_id = :id ORDER BY seq", id=run.task.id
        )
        told = [row for row in rows if row["type"] == "tool.called"]
        assert [word for row in told for word in (*words, "step") if f'"{word}"' in row["data"]] == [
            *words,
            *last,
        ]
    assert (await desk.events(one.task.id))[-1] == "task.completed"
