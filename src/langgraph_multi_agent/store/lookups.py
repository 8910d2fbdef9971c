"""Reads by key that many ask for at the same time, as one statement (see `gathering`).

Callers: the services. Invariant: nobody reads what was true only before the question.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.store.database import Database, Store
from langgraph_multi_agent.store.gathering import Gathering

K = TypeVar("K")
V = TypeVar("V")


class Lookups(Gathering[K, V | None]):
    """Answers by key. Use from one event loop only.

    Args:
        function: reads the answers of some keys; those without one are left out.
    """

    def __init__(
        self, database: Database, function: Callable[[Store, Sequence[K]], Mapping[K, V]]
    ) -> None:
        super().__init__()
        self._database, self._function = database, function

    async def get(self, scope: Scope, key: K) -> V | None:
        """The answer, or None.

        Raises:
            DependencyUnavailable: the database does not answer.
        """
        return await self._ask(scope, key)

    async def _answer_all(self, scope: Scope, asked: Sequence[K]) -> Sequence[V | None]:
        answers = await self._database.read(scope, self._function, list(dict.fromkeys(asked)))
        return [answers.get(key) for key in asked]
