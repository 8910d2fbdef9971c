"""Calls to the database that are made at the same time, as one.

Hides the gathering: who calls while a statement is under way shares the next one. A thread's turn, a
round trip and a commit then cost the same for one and for fifty. Callers: `lookups`, `submissions`.
Invariant: what answers a call starts after it was made.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

from langgraph_multi_agent.access import Scope

Q = TypeVar("Q")
A = TypeVar("A")

MAX_TOGETHER = 200
"""Calls that share one statement."""
MAX_UNDER_WAY = 2
"""Statements of one kind and scope at a time: one is on the wire while another's rows are read."""


class Gathering(ABC, Generic[Q, A]):
    """Calls of one kind. Use from one event loop only."""

    def __init__(self) -> None:
        self._waiting: dict[Scope, list[tuple[Q, asyncio.Future[A]]]] = {}
        self._under_way: dict[Scope, set[asyncio.Task[None]]] = {}

    @abstractmethod
    async def _answer_all(self, scope: Scope, asked: Sequence[Q]) -> Sequence[A | Exception]:
        """An answer for each, in order; an exception is raised by the one who asked. Raises for all."""

    async def _ask(self, scope: Scope, question: Q) -> A:
        future: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(scope, []).append((question, future))
        running = self._under_way.setdefault(scope, set())
        if len(running) < MAX_UNDER_WAY:
            # A task starts after the requests that the loop has in hand: they share its first statement.
            running.add(asyncio.create_task(self._serve(scope, running), name="gathering"))
        return await future

    async def _serve(self, scope: Scope, running: "set[asyncio.Task[None]]") -> None:
        """Answer until nobody waits."""
        try:
            while waiting := self._waiting.get(scope):
                self._waiting[scope] = waiting[MAX_TOGETHER:]
                asked = [(question, future) for question, future in waiting[:MAX_TOGETHER] if not future.done()]
                if asked:
                    await self._settle(scope, asked)
        finally:
            task = asyncio.current_task()
            assert task is not None
            running.discard(task)
            if not running:
                self._under_way.pop(scope, None)
                _cancel(self._waiting.pop(scope, ()))  # none, unless this task was cancelled

    async def _settle(self, scope: Scope, asked: "list[tuple[Q, asyncio.Future[A]]]") -> None:
        answers: Sequence[A | Exception]
        try:
            answers = await self._answer_all(scope, [question for question, _ in asked])
        except asyncio.CancelledError:
            _cancel(asked)
            raise
        except Exception as error:  # each who asked raises it
            answers = [error] * len(asked)
        for (_, future), answer in zip(asked, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)


def _cancel(asked: "Sequence[tuple[Q, asyncio.Future[A]]]") -> None:
    for _, future in asked:
        future.cancel()
