"""What is written is what is read, and what cannot be stored is refused, the same on both dialects."""

from typing import Any

import orjson
from tests.support.stores import Desk

from langgraph_multi_agent.access import WORKER_SCOPE
from langgraph_multi_agent.domain.ports import Step
from langgraph_multi_agent.store import journal
from langgraph_multi_agent.store.journal import FencedWrite

VALUE: dict[str, Any] = {
    "zebra": 1,
    "apple": {"longer key": 1, "b": 2, "a": None},
    "numbers": [1e16, 1.5e16, -0.0, 0.1, 1e-7, 2**63, -(2**63), 1e300, 100.0, 5e-324, 123456789.123456789],
    "texts": ["", "好🙂", "\\u0000", 'a"b\\c', "\u2028\x7f\x1f", "e\u0301"],
    "flags": [True, False, None, [], {}],
}
"""Key order, integers and floats, empty things: jsonb would change some of it."""


async def test_a_step_is_read_back_with_its_keys_in_order_and_its_numbers_of_the_same_kind(desk: Desk) -> None:
    run = await desk.running()
    step = Step(key="1/a", input_hash="0" * 64, result=VALUE)
    write = FencedWrite(task_id=run.task.id, epoch=run.epoch, step=step, result=VALUE)
    assert await desk.database.write(WORKER_SCOPE, journal.commit_steps, [write]) == [None]
    [(entry, _)] = await desk.database.read(WORKER_SCOPE, journal.load, run.task.id, 1)
    assert orjson.dumps(entry.result) == orjson.dumps(VALUE)


async def test_a_task_is_read_back_with_its_keys_in_order(desk: Desk) -> None:
    task_id = await desk.submit(input_data=VALUE)
    assert orjson.dumps(dict((await desk.get(task_id)).input_data)) == orjson.dumps(VALUE)
