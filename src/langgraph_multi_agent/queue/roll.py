"""What the list of the doorbell should hold, where replicas may have different teams.

Hides how they agree. Caller: `queue.redis`. A replica knows the tasks of its teams only; an entry it
does not know is another's or stale. It asks: for ASK_S each replica writes down what it knows, and what
nobody knew then goes. Invariant: what a replica knows is added while there is room, and nothing that
a replica vouches for in time is removed, so a right list is left alone by all.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from redis.asyncio import Redis

ASK_S = 2.5
"""Longer than two rounds of any replica."""
FORGET_S = 60.0
"""How long an answer holds: then a replica that is gone no longer vouches."""
EXACT = 1000
"""Up to so many entries a list that is as long as it should be is read all the same."""
CHUNK = 500


class Roll:
    """One replica's view of the list `key`. Not to be used by two tasks at once.

    Args:
        process: names this replica among the others.
        monotonic: seconds that never go back.
    """

    def __init__(
        self,
        client: "Redis",
        *,
        key: str,
        size: int,
        process: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._key, self._size, self._process = client, key, size, process
        self._monotonic = monotonic
        self._asks, self._views = f"{key}:asks", f"{key}:views"
        self._doubted: frozenset[str] = frozenset()
        self._asked_at: float | None = None
        self._vouched: dict[str, float] = {}
        """Entries of others, and until when that is believed."""

    async def settle(self, pending_ids: Sequence[str]) -> None:
        """One round. Raises what redis-py raises.

        Args:
            pending_ids: runnable tasks of this replica's teams, best first.
        """
        wanted = list(pending_ids[: self._size])
        length, asker = await self._look()
        if asker is not None and asker != self._process:
            await self._vouch(wanted)
        is_right = length == len(wanted)
        if is_right and (length == 0 or length > EXACT):
            self._asked_at = None
            return
        listed = [
            entry.decode(errors="replace") for entry in await _reply(self._client.lrange(self._key, 0, -1))
        ]
        listed.reverse()  # in the order of their popping
        mine, present = set(wanted), set(listed)
        foreign = [entry for entry in dict.fromkeys(listed) if entry not in mine]
        # A full list may hold more runnable tasks than this replica was told of.
        stale = set() if len(wanted) == self._size else await self._stale(foreign, asker)
        others = [entry for entry in foreign if entry not in stale]
        room = max(0, self._size - len(others) - len(mine & present))
        added = set([entry for entry in wanted if entry not in present][:room])
        if added or stale or len(present) < len(listed) or len(listed) > self._size:
            own = [entry for entry in wanted if entry in present or entry in added]
            await self._write([*own, *others][: self._size])

    async def _look(self) -> tuple[int, str | None]:
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.llen(self._key)
            pipe.get(self._asks)
            length, asker = await pipe.execute()
        return int(length), None if asker is None else asker.decode(errors="replace")

    async def _vouch(self, wanted: Sequence[str]) -> None:
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.hset(self._views, self._process, "\n".join(wanted))
            pipe.pexpire(self._views, round(4000 * ASK_S))
            await pipe.execute()

    async def _stale(self, foreign: Sequence[str], asker: str | None) -> set[str]:
        """Entries that nobody has vouched for since this replica asked; it asks if it has not."""
        now = self._monotonic()
        self._vouched = {entry: until for entry, until in self._vouched.items() if until > now}
        doubted = [entry for entry in foreign if entry not in self._vouched]
        if self._asked_at is not None and asker != self._process:
            self._asked_at = None  # Redis was emptied, or this took too long
        if self._asked_at is None:
            if doubted and asker is None and await self._ask():
                self._asked_at, self._doubted = now, frozenset(doubted)
            return set()
        if now - self._asked_at < ASK_S:
            return set()
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.hvals(self._views)
            pipe.delete(self._views, self._asks)
            views = (await pipe.execute())[0]
        known = {entry for view in views if view for entry in view.decode(errors="replace").split("\n")}
        self._asked_at = None
        self._vouched |= {entry: now + FORGET_S for entry in foreign if entry in known}
        return {entry for entry in doubted if entry in self._doubted and entry not in known}

    async def _ask(self) -> bool:
        """Whether this replica may ask: one does at a time."""
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.set(self._asks, self._process, nx=True, px=round(4000 * ASK_S))
            pipe.get(self._asks)
            asker = (await pipe.execute())[1]
        if asker != self._process.encode():
            return False
        await _reply(self._client.delete(self._views))
        return True

    async def _write(self, entries: Sequence[str]) -> None:
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.delete(self._key)
            for start in range(0, len(entries), CHUNK):
                pipe.lpush(self._key, *entries[start : start + CHUNK])
            await pipe.execute()


async def _reply(call: Awaitable[Any] | Any) -> Any:
    """The reply; redis-py types one method for both its clients."""
    return await cast("Awaitable[Any]", call)
