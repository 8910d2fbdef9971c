"""Reads that many ask for at the same time, as one statement.

Hides the gathering: who asks while a statement is under way shares the next one. A thread's turn, a
round trip and a statement then cost the same for one row and for fifty. Callers: the services.
Invariant: the statement that answers a question starts after it was asked, so nobody reads what was
true only before; an answer or an error reaches all who share the statement.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.store.database import Database, Store

K = TypeVar("K")
V = TypeVar("V")

MAX_KEYS = 200
"""Questions that one statement answers."""
MAX_UNDER_WAY = 2
"""Statements of one kind and scope at a time: one is on the wire while another's rows are read."""


class Lookups(Generic[K, V]):
    """Answers by key. Use from one event loop only.

    Args:
        function: reads the answers of at most `MAX_KEYS` keys; those without one are left out.
    """

    def __init__(self, database: Database, function: Callable[[Store, Sequence[K]], Mapping[K, V]]) -> None:
        self._database, self._function = database, function
        self._waiting: dict[Scope, list[tuple[K, asyncio.Future[V | None]]]] = {}
        self._under_way: dict[Scope, set[asyncio.Task[None]]] = {}

    async def get(self, scope: Scope, key: K) -> V | None:
        """The answer, or None.

        Raises:
            DependencyUnavailable: the database does not answer.
        """
        future: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(scope, []).append((key, future))
        running = self._under_way.setdefault(scope, set())
        if len(running) < MAX_UNDER_WAY:
            # A task starts after the requests that the loop has in hand: they share its first statement.
            running.add(asyncio.create_task(self._answer(scope, running), name="lookups"))
        return await future

    async def _answer(self, scope: Scope, running: "set[asyncio.Task[None]]") -> None:
        """Answer until nobody waits."""
        try:
            while waiting := self._waiting.get(scope):
                self._waiting[scope] = waiting[MAX_KEYS:]
                asked = [(key, future) for key, future in waiting[:MAX_KEYS] if not future.done()]
                if asked:
                    await self._ask(scope, asked)
        finally:
            task = asyncio.current_task()
            assert task is not None
            running.discard(task)
            if not running:
                self._under_way.pop(scope, None)
                for _, future in self._waiting.pop(scope, ()):  # only if this task was cancelled
                    future.cancel()

    async def _ask(self, scope: Scope, asked: "list[tuple[K, asyncio.Future[V | None]]]") -> None:
        try:
            keys = list(dict.fromkeys(key for key, _ in asked))
            answers = await self._database.read(scope, self._function, keys)
        except BaseException as error:  # each who asked raises it
            for _, future in asked:
                if not future.done():
                    if isinstance(error, asyncio.CancelledError):
                        future.cancel()
                    else:
                        future.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for key, future in asked:
            if not future.done():
                future.set_result(answers.get(key))
