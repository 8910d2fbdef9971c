"""Answers that are told again for a while, because each takes a look at many rows.

Hides who asks and who waits. Callers: the services whose looks open pages poll, with keys that name the
tenant. Invariant: of all who ask a question at the same time one looks; after it the question rests for
TIMES_ITS_PRICE as long as the look took, so that it takes at most about a tenth of one connection's time.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

A = TypeVar("A")

TIMES_ITS_PRICE = 10
MIN_REST_S = 1.0
MAX_REST_S = 60.0


class Rests(Generic[A]):
    """Answers by question. Use from one event loop only.

    Args:
        max_rest_s: how long an answer is told at most, in seconds.
        free_s: a look that takes no longer does not rest: what it tells is always of now.
        monotonic: seconds that never go back.
    """

    def __init__(
        self,
        *,
        max_rest_s: float = MAX_REST_S,
        free_s: float = -1.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_rest_s, self._free_s, self._monotonic = max_rest_s, free_s, monotonic
        self._known: dict[Hashable, tuple[float, A]] = {}
        self._looking: dict[Hashable, asyncio.Future[tuple[A] | Exception | None]] = {}

    async def get(self, question: Hashable, look: Callable[[], Awaitable[A]]) -> A:
        """The answer of the last look if it rests still, else of the one under way, else of a new one.

        Raises what the look raises, to all who waited for it; an error is not told again.
        """
        while True:
            known = self._known.get(question)
            if known is not None and self._monotonic() < known[0]:
                return known[1]
            underway = self._looking.get(question)
            if underway is None:
                return await self._look(question, look)
            outcome = await asyncio.shield(underway)
            if isinstance(outcome, Exception):
                raise outcome
            if outcome is not None:
                return outcome[0]

    async def _look(self, question: Hashable, look: Callable[[], Awaitable[A]]) -> A:
        done = self._looking[question] = asyncio.get_running_loop().create_future()
        outcome: tuple[A] | Exception | None = None
        began = self._monotonic()
        try:
            answer = await look()
            outcome = (answer,)
        except Exception as error:
            outcome = error
            raise
        finally:  # who is cancelled leaves the look to one of those who wait
            del self._looking[question]
            done.set_result(outcome)
        now = self._monotonic()
        took_s = now - began
        self._known = {asked: entry for asked, entry in self._known.items() if now < entry[0]}
        if took_s > self._free_s:
            rest_s = min(max(TIMES_ITS_PRICE * took_s, MIN_REST_S), self._max_rest_s)
            self._known[question] = (now + rest_s, answer)
        return answer
