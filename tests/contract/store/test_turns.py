"""Claims on messages, how many a person may say, and what answers take, on every backend."""

import asyncio
from datetime import timedelta

import pytest
from tests.support.stores import Desk, ManualClock, tenant

from langgraph_multi_agent.access import DEFAULT_SCOPE, Scope
from langgraph_multi_agent.domain.errors import TooManyMessages
from langgraph_multi_agent.domain.task import Cost, Task
from langgraph_multi_agent.store import analytics, chats, turns
from langgraph_multi_agent.store.chats import AnswerWords, Exchange
from langgraph_multi_agent.store.turns import Standing, TurnLedger

pytestmark = pytest.mark.anyio

DEADLINE_S = 30
ANYBODY = Scope(tenant="default", actor="somebody")


async def claim(
    desk: Desk, message_id: str, token: str = "t1", *, per_minute: int = 100, scope: Scope = DEFAULT_SCOPE
) -> Exchange | Standing:
    deadline = timedelta(seconds=DEADLINE_S)
    return await desk.database.write(
        scope, turns.claim, message_id, token, deadline=deadline, per_minute=per_minute
    )


async def answer(desk: Desk, message_id: str) -> Exchange:
    def words(_task: Task | None, _is_new: bool) -> AnswerWords:
        return AnswerWords(content="a", data={}, sender="MetaAgent")

    return await desk.database.write(DEFAULT_SCOPE, chats.exchange, message_id, content="q", words=words)


async def test_of_many_attempts_at_once_one_has_the_message(desk: Desk) -> None:
    found = await asyncio.gather(*(claim(desk, "m1", f"t{number}") for number in range(8)))
    assert sorted(str(one) for one in found) == ["ours", *["taken"] * 7]


async def test_who_comes_after_the_answer_gets_it(desk: Desk) -> None:
    await claim(desk, "m1")
    made = await answer(desk, "m1")
    known = await claim(desk, "m1", "t2")
    assert isinstance(known, Exchange)
    assert (known.is_replay, known.answer) == (True, made.answer)


async def test_a_claim_that_nobody_answers_is_taken_over_once_its_time_is_up(
    desk: Desk, clock: ManualClock
) -> None:
    await claim(desk, "m1")
    clock.advance(DEADLINE_S - 1)
    assert await claim(desk, "m1", "t2") is Standing.TAKEN
    clock.advance(2)
    found = await asyncio.gather(*(claim(desk, "m1", f"t{number}") for number in range(3, 7)))
    assert sorted(found) == ["ours", *["taken"] * 3]


async def test_a_claim_is_given_back_by_who_has_it_only(desk: Desk) -> None:
    await claim(desk, "m1")
    await desk.database.write(DEFAULT_SCOPE, turns.give_back, "m1", "t2")
    assert await claim(desk, "m1", "t2") is Standing.TAKEN
    await desk.database.write(DEFAULT_SCOPE, turns.give_back, "m1", "t1")
    assert await claim(desk, "m1", "t2") is Standing.OURS


async def test_a_person_says_so_much_within_a_minute_and_is_told_how_long_to_wait(
    desk: Desk, clock: ManualClock
) -> None:
    await claim(desk, "m1", per_minute=2)
    clock.advance(20)
    await claim(desk, "m2", per_minute=2)
    with pytest.raises(TooManyMessages) as refused:
        await claim(desk, "m3", per_minute=2)
    assert refused.value.params == {"limit": 2, "retry_after_s": 40}
    for other in (ANYBODY, tenant("other")):
        assert await claim(desk, "m4", per_minute=2, scope=other) is Standing.OURS
    clock.advance(40)
    assert await claim(desk, "m3", per_minute=2) is Standing.OURS


async def test_an_answer_that_is_there_is_given_whatever_was_said_since(desk: Desk) -> None:
    await claim(desk, "m1", per_minute=1)
    made = await answer(desk, "m1")
    with pytest.raises(TooManyMessages):
        await claim(desk, "m2", per_minute=1)
    known = await claim(desk, "m1", per_minute=1)
    assert isinstance(known, Exchange)
    assert known.answer == made.answer


async def test_a_message_that_is_tried_again_counts_once(desk: Desk) -> None:
    for _ in range(3):
        assert await claim(desk, "m1", per_minute=1) is Standing.OURS
        await desk.database.write(DEFAULT_SCOPE, turns.give_back, "m1", "t1")


def ledger(desk: Desk) -> TurnLedger:
    return TurnLedger(database=desk.database, scope=DEFAULT_SCOPE, message_id="m1", agent="meta_agent")


async def spent(desk: Desk, scope: Scope = DEFAULT_SCOPE) -> list[analytics.Spending]:
    since = desk.clock.now() - timedelta(days=1)
    found = await desk.database.read(scope, analytics.spending_by_day, since=since)
    return list(found.values())


async def test_what_an_answer_took_counts_in_the_totals_of_its_tenant(desk: Desk) -> None:
    book = ledger(desk)
    first = await book.reserve(tokens=500, cost=0.5)
    assert await spent(desk) == []
    await book.settle(first, Cost(input_tokens=100, output_tokens=20, cost=0.25, model_calls=1))
    assert await spent(desk) == [analytics.Spending(input_tokens=100, output_tokens=20, cost=0.25, calls=1)]
    assert await spent(desk, tenant("other")) == []


async def test_a_call_that_was_cut_counts_as_all_that_was_reserved(desk: Desk) -> None:
    book = ledger(desk)
    await book.settle(await book.reserve(tokens=500, cost=0.5), Cost(input_tokens=10, model_calls=1))
    await book.reserve(tokens=300, cost=0.125)
    await book.close()
    await desk.database.write(DEFAULT_SCOPE, turns.settle_open, "m1")
    assert await spent(desk) == [analytics.Spending(input_tokens=310, output_tokens=0, cost=0.125, calls=2)]


async def test_what_a_dead_process_had_reserved_is_counted_by_who_takes_over(
    desk: Desk, clock: ManualClock
) -> None:
    await claim(desk, "m1")
    await ledger(desk).reserve(tokens=300, cost=0.125)
    clock.advance(DEADLINE_S + 1)
    assert await claim(desk, "m1", "t2") is Standing.OURS
    assert [one.input_tokens for one in await spent(desk)] == [300]
