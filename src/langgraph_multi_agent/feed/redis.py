"""The feed of many processes: Redis pub/sub between the in-process feeds.

Hides the connections, the sender, the subscriber and every error of Redis. `bootstrap` opens one for a
process. Invariants: listeners of this process are woken at once and never twice by one wake-up; `wake`
and `publish` never wait; what waits to be sent is bounded; whenever the subscription begins anew all
listeners are woken once, because they may have missed something.
"""

import asyncio
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, cast

import orjson
import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from langgraph_multi_agent.feed.memory import MemoryFeed, MemoryListener
from langgraph_multi_agent.redis_client import CALL_S, open_client
from langgraph_multi_agent.telemetry.metrics import Metrics
from langgraph_multi_agent.telemetry.outage import Outage

CHANNEL = "feed"
"""What follows the prefix and a colon."""
QUIET_S = 2.0
"""After so long without a message the subscriber asks whether the server is still there."""
CLOSE_S = 1.0
SPACING_S = 0.004
"""Between two messages: the first goes at once, what comes after gathers."""
MAX_WAITING_IDS = 2000
"""More than that, and everybody is woken."""
MAX_WAITING_EPHEMERAL = 256
MAX_EPHEMERAL_BYTES = 16_384
CONNECTIONS = 4

log = structlog.get_logger(__name__)


@asynccontextmanager
async def open_feed(
    url: str, *, prefix: str = "lgma", metrics: Metrics | None = None
) -> AsyncIterator["RedisFeed"]:
    """A feed that works until the block ends; Redis may be away the whole time.

    Args:
        url: QUEUE_REDIS_URL or REDIS_URL: `redis://`, `rediss://` or `unix://`.
        prefix: of the channel, one for each installation: pub/sub knows no database numbers.
        metrics: counts messages and returns of Redis, if given.

    Raises:
        ValueError: the URL is none of Redis.
    """
    async with open_client(url, connections=CONNECTIONS) as client:
        feed = RedisFeed(client, prefix=prefix, metrics=metrics)
        loops = [asyncio.create_task(loop) for loop in (feed.send_forever(), feed.hear_forever())]
        try:
            yield feed
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
            await feed.flush()


class RedisFeed:
    """`ports.Feed` over Redis. Made by `open_feed`; use from one event loop only."""

    def __init__(self, client: "Redis", *, prefix: str, metrics: Metrics | None = None) -> None:
        self._client, self._metrics = client, metrics
        self._channel = f"{prefix}:{CHANNEL}"
        self._process = uuid.uuid4().hex
        self._local = MemoryFeed()
        self._ids: set[str] = set()
        self._is_everybody = False
        self._ephemeral: deque[tuple[str, orjson.Fragment]] = deque()
        self._to_send = asyncio.Event()
        self._sending = Outage("feed.publish", metrics=metrics)
        self._hearing = Outage("feed.listen", metrics=metrics)

    def wake(self, task_ids: Sequence[str]) -> None:
        self._local.wake(task_ids)
        self._ids.update(task_ids)
        self._bound()
        if task_ids:
            self._to_send.set()

    def publish(self, task_id: str, ephemeral: Mapping[str, Any]) -> None:
        self._local.publish(task_id, ephemeral)
        try:
            encoded = orjson.dumps(ephemeral)
        except TypeError:
            self._count("dropped")
            log.debug("feed.not_json", task_id=task_id)
            return
        if len(encoded) > MAX_EPHEMERAL_BYTES:
            self._count("dropped")
            return
        if len(self._ephemeral) >= MAX_WAITING_EPHEMERAL:
            self._ephemeral.popleft()
            self._count("dropped")
        self._ephemeral.append((task_id, orjson.Fragment(encoded)))
        self._to_send.set()

    def listen(self, task_id: str | None) -> AbstractAsyncContextManager[MemoryListener]:
        return self._local.listen(task_id)

    async def ping(self) -> bool:
        try:
            async with asyncio.timeout(CALL_S):
                return bool(await cast("Awaitable[Any]", self._client.ping()))
        except Exception:
            return False

    async def send_forever(self) -> None:
        """Carry wake-ups to the other processes, as many in one message as gathered."""
        while True:
            await self._to_send.wait()
            try:
                await self._send()
            except Exception as error:
                self._sending.failed(error)
                await asyncio.sleep(self._sending.backoff_s)
            else:
                self._sending.answered()
                await asyncio.sleep(SPACING_S)

    async def hear_forever(self) -> None:
        """Be subscribed, and hand on what the other processes say."""
        while True:
            pubsub = self._client.pubsub()
            try:
                async with asyncio.timeout(CALL_S):
                    await pubsub.subscribe(self._channel)
                await self._hear(pubsub)
            except Exception as error:
                self._hearing.failed(error)
            finally:
                with suppress(Exception):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]
            await asyncio.sleep(self._hearing.backoff_s)

    async def flush(self) -> None:
        """Send what waits, if Redis takes it within a second."""
        if self._to_send.is_set():
            with suppress(Exception):
                async with asyncio.timeout(CLOSE_S):
                    await self._send()

    async def _send(self) -> None:
        self._to_send.clear()
        ids, self._ids = self._ids, set()
        ephemeral, self._ephemeral = self._ephemeral, deque()
        is_everybody, self._is_everybody = self._is_everybody, False
        message: dict[str, Any] = {"process": self._process}
        if is_everybody:
            message["everybody"] = True
        elif ids:
            message["ids"] = list(ids)
        if ephemeral:
            message["ephemeral"] = list(ephemeral)
        try:
            async with asyncio.timeout(CALL_S):
                await cast("Awaitable[Any]", self._client.publish(self._channel, orjson.dumps(message)))
        except BaseException:
            # Wake-ups are kept for the next try; progress is stale by then.
            self._ids |= ids
            self._is_everybody |= is_everybody
            self._bound()
            self._count("dropped", len(ephemeral))
            self._to_send.set()
            raise
        self._count("sent")

    async def _hear(self, pubsub: PubSub) -> None:
        has_asked = False
        while True:
            async with asyncio.timeout(QUIET_S + CALL_S):  # it may have to connect anew
                message = await pubsub.get_message(timeout=QUIET_S)
            if message is None:
                if has_asked:
                    raise TimeoutError("no answer to PING")
                has_asked = True
                async with asyncio.timeout(CALL_S):
                    await pubsub.ping()
                continue
            has_asked = False
            if message["type"] == "subscribe":
                self._hearing.answered()
                self._local.wake_everybody()
            elif message["type"] == "message":
                self._hand_on(message["data"])

    def _hand_on(self, body: bytes) -> None:
        try:
            message = orjson.loads(body)
            if message["process"] == self._process:
                return
            is_everybody, ids = message.get("everybody", False), message.get("ids", ())
            ephemeral = [(str(task_id), dict(data)) for task_id, data in message.get("ephemeral", ())]
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            log.warning("feed.unreadable", reason=str(error)[:200])
            self._count("dropped")
            return
        self._count("received")
        if is_everybody:
            self._local.wake_everybody()
        elif ids:
            self._local.wake(ids)
        for task_id, data in ephemeral:
            self._local.publish(task_id, data)

    def _bound(self) -> None:
        if len(self._ids) > MAX_WAITING_IDS:
            self._ids.clear()
            self._is_everybody = True

    def _count(self, direction: str, number: int = 1) -> None:
        if self._metrics is not None:
            self._metrics.feed_messages.labels(direction).inc(number)
