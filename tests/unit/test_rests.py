"""A question that many ask is looked into once, and then rests by what the look took."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from langgraph_multi_agent.service.rests import MAX_REST_S, MIN_REST_S, TIMES_ITS_PRICE, Rests

pytestmark = pytest.mark.anyio


class Hand:
    """A clock by hand, and looks that end when told to."""

    def __init__(self) -> None:
        self.now, self.looks = 0.0, 0
        self.rests: Rests[int] = Rests(monotonic=lambda: self.now)

    def taking(self, seconds: float) -> Callable[[], Awaitable[int]]:
        async def look() -> int:
            self.looks += 1
            self.now += seconds
            return self.looks

        return look


@pytest.mark.parametrize(
    ("took_s", "rest_s"), [(0.001, MIN_REST_S), (0.5, 0.5 * TIMES_ITS_PRICE), (100.0, MAX_REST_S)]
)
async def test_a_question_rests_by_what_its_look_took(took_s: float, rest_s: float) -> None:
    hand = Hand()
    assert await hand.rests.get("a", hand.taking(took_s)) == 1
    ended = hand.now
    hand.now = ended + rest_s - 0.01
    assert await hand.rests.get("a", hand.taking(took_s)) == 1
    hand.now = ended + rest_s
    assert await hand.rests.get("a", hand.taking(took_s)) == 2


async def test_a_look_that_is_free_does_not_rest() -> None:
    hand = Hand()
    rests: Rests[int] = Rests(free_s=0.25, monotonic=lambda: hand.now)
    assert [await rests.get("a", hand.taking(0.25)) for _ in range(2)] == [1, 2]
    assert [await rests.get("a", hand.taking(0.5)) for _ in range(2)] == [3, 3]


async def test_each_question_has_an_answer_of_its_own() -> None:
    hand = Hand()
    assert [await hand.rests.get(name, hand.taking(0.1)) for name in ("a", "b", "a")] == [1, 2, 1]


async def _asking(rests: Rests[str], look: Callable[[], Awaitable[str]], number: int) -> list[asyncio.Task[str]]:
    """So many who ask, all of them as far as they come before the look ends."""
    tasks = [asyncio.create_task(rests.get("a", look)) for _ in range(number)]
    for _ in tasks:
        await asyncio.sleep(0)
    return tasks


async def test_who_asks_during_a_look_shares_it() -> None:
    rests: Rests[str] = Rests()
    gate, looks = asyncio.Event(), []

    async def look() -> str:
        looks.append(1)
        await gate.wait()
        return "answer"

    tasks = await _asking(rests, look, 5)
    gate.set()
    assert await asyncio.gather(*tasks) == ["answer"] * 5
    assert looks == [1]


async def test_an_error_is_raised_to_all_who_waited_and_the_next_one_looks_again() -> None:
    rests: Rests[str] = Rests()
    gate, looks = asyncio.Event(), []

    async def look() -> str:
        looks.append(1)
        await gate.wait()
        raise ConnectionError

    tasks = await _asking(rests, look, 3)
    gate.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(error) for error in found] == [ConnectionError] * 3
    with pytest.raises(ConnectionError):
        await rests.get("a", look)
    assert looks == [1, 1]


async def test_when_the_one_who_looks_goes_away_another_one_looks() -> None:
    rests: Rests[str] = Rests()
    gate, looks = asyncio.Event(), []

    async def look() -> str:
        looks.append(1)
        await gate.wait()
        return "answer"

    first, *others = await _asking(rests, look, 3)
    first.cancel()
    await asyncio.wait({first})
    gate.set()
    assert await asyncio.gather(*others) == ["answer"] * 2
    assert looks == [1, 1]
