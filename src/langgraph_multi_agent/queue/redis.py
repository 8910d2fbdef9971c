"""The doorbell of many processes: the Redis list `task_queue`.

Hides the connections, the sender and the popper, and every error of Redis. `bootstrap` opens one for
a process. Invariants: the list is only a hint, so its loss delays a task by a poll and loses none;
`ring`, `nudge` and `took` never wait for Redis; an entry is popped only for a worker that waits with a
free slot. So LLEN shows the runnable tasks, and `reconcile` mends what crashes and races leave.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import structlog
from redis.asyncio import Redis

from langgraph_multi_agent.queue.memory import MemoryDoorbell
from langgraph_multi_agent.queue.roll import Roll
from langgraph_multi_agent.redis_client import CALL_S, open_client
from langgraph_multi_agent.telemetry.metrics import Metrics
from langgraph_multi_agent.telemetry.outage import Outage

KEY = "task_queue"
BLOCK_S = 1
"""Of one BRPOP. Shorter than CALL_S, so that an idle list is no time-out and a dead server is one."""
BLIND_POLL_S = 1.0
"""How long a waiter trusts a doorbell that cannot hear."""
CLOSE_S = 1.0
CONNECTIONS = 4
CHUNK = 500

log = structlog.get_logger(__name__)


@asynccontextmanager
async def open_doorbell(
    url: str, *, size: int, metrics: Metrics | None = None
) -> AsyncIterator["RedisDoorbell"]:
    """A doorbell that works until the block ends; Redis may be away the whole time.

    Args:
        url: QUEUE_REDIS_URL: `redis://`, `rediss://` or `unix://`. The list has one name, which
            operators type: installations that share a server need a database number each.
        size: TASK_QUEUE_SIZE; the list is never longer.
        metrics: counts returns of Redis, if given.

    Raises:
        ValueError: the URL is none of Redis.
    """
    async with open_client(url, connections=CONNECTIONS) as client:
        doorbell = RedisDoorbell(client, size=size, metrics=metrics)
        loops = [asyncio.create_task(loop) for loop in (doorbell.send_forever(), doorbell.pop_forever())]
        try:
            yield doorbell
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
            await doorbell.flush()


class RedisDoorbell:
    """`ports.Doorbell` over Redis. Made by `open_doorbell`; use from one event loop only."""

    def __init__(self, client: "Redis", *, size: int, metrics: Metrics | None = None) -> None:
        self._client, self._size = client, size
        self._roll = Roll(client, key=KEY, size=size, process=uuid.uuid4().hex)
        self._local = MemoryDoorbell()
        self._rings: dict[str, None] = {}
        self._returned: list[str] = []
        self._surplus = 0
        self._popped = 0
        """Entries that the waiter was given, and that are not yet set against what it took."""
        self._to_send = asyncio.Event()
        self._waiters = 0
        self._is_wanted = asyncio.Event()
        self._ringing = Outage("doorbell.ring", metrics=metrics)
        self._hearing = Outage("doorbell.wait", metrics=metrics)

    async def ring(self, task_id: str) -> None:
        if self._waiters and not self._local.is_rung:
            self._popped += 1  # the waiter of this process has it, without the way through Redis
            self._local.nudge()
            return
        self._local.nudge()
        if len(self._rings) < self._size:
            self._rings[task_id] = None
            self._to_send.set()

    def nudge(self) -> None:
        self._local.nudge()

    async def wait(self, timeout_s: float, *, has_slot: bool = True) -> None:
        if not has_slot:
            await self._local.wait(timeout_s)
            return
        if not self._local.is_rung:
            self._popped = 0  # what was popped before led to no task
        self._waiters += 1
        self._is_wanted.set()
        try:
            await self._local.wait(min(timeout_s, BLIND_POLL_S) if self._hearing.is_down else timeout_s)
        finally:
            self._waiters -= 1
            if not self._waiters:
                self._is_wanted.clear()

    def took(self, task_ids: Sequence[str]) -> None:
        in_list = 0
        for task_id in task_ids:
            if task_id in self._rings:
                del self._rings[task_id]
            else:
                in_list += 1
        still_in_list = max(0, in_list - self._popped)
        self._popped = max(0, self._popped - in_list)
        if still_in_list:
            self._surplus = min(self._size, self._surplus + still_in_list)
            self._to_send.set()

    async def reconcile(self, pending_ids: Sequence[str]) -> None:
        """Add what is missing, and remove what no replica knows; see `queue.roll`."""
        if not self._ringing.has_rested:
            return
        try:
            async with asyncio.timeout(CALL_S):
                await self._roll.settle(pending_ids)
        except Exception as error:
            self._ringing.failed(error)
        else:
            self._ringing.answered()

    async def ping(self) -> bool:
        try:
            async with asyncio.timeout(CALL_S):
                return bool(await _reply(self._client.ping()))
        except Exception:
            return False

    async def send_forever(self) -> None:
        """Carry rings and takings to Redis, as many at once as gathered while the last ones went."""
        while True:
            await self._to_send.wait()
            try:
                await self._send()
            except Exception as error:
                self._ringing.failed(error)
                await asyncio.sleep(self._ringing.backoff_s)
            else:
                self._ringing.answered()

    async def pop_forever(self) -> None:
        """Pop while a worker with a free slot waits, and wake it."""
        while True:
            await self._is_wanted.wait()
            try:
                async with asyncio.timeout(CALL_S):
                    popped = await _reply(self._client.brpop([KEY], timeout=BLOCK_S))
            except Exception as error:
                if self._hearing.failed(error):
                    self._local.nudge()
                await asyncio.sleep(self._hearing.backoff_s)
                continue
            if self._hearing.answered():
                self._local.nudge()
            if popped is None:
                continue
            self._is_wanted.clear()  # one entry wakes one worker, until it waits again
            if self._waiters:
                self._popped += 1
            else:
                self._returned.append(popped[1].decode(errors="replace"))
                self._to_send.set()
            self._local.nudge()

    async def flush(self) -> None:
        """Send what waits, if Redis takes it within a second: other workers hear what is handed back."""
        if self._to_send.is_set():
            with suppress(Exception):
                async with asyncio.timeout(CLOSE_S):
                    await self._send()

    async def _send(self) -> None:
        self._to_send.clear()
        rings, self._rings = self._rings, {}
        returned, self._returned = self._returned, []
        surplus, self._surplus = self._surplus, 0
        if not rings and not returned and not surplus:
            return
        try:
            async with asyncio.timeout(CALL_S), self._client.pipeline(transaction=False) as pipe:
                if returned:
                    pipe.rpush(KEY, *returned)
                ids = list(rings)
                for start in range(0, len(ids), CHUNK):
                    pipe.lpush(KEY, *ids[start : start + CHUNK])
                if surplus:
                    pipe.rpop(KEY, surplus)
                if ids:
                    pipe.ltrim(KEY, -self._size, -1)
                await pipe.execute()
        except BaseException:
            # Twice is harmless, and whoever closes may still have a second for it.
            self._rings = {**rings, **self._rings}
            self._to_send.set()
            raise


async def _reply(call: Awaitable[Any] | Any) -> Any:
    """The reply; redis-py types one method for both its clients."""
    return await cast("Awaitable[Any]", call)
