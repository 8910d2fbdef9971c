"""The cache of one process.

Hides the order of use and the bounds. `bootstrap` makes one where no REDIS_URL is set. Invariant: never
more entries than `max_entries`, nor more bytes of keys and values than `max_bytes`.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from langgraph_multi_agent.telemetry.metrics import Metrics

MAX_VALUE_BYTES = 1 << 20
MAX_BYTES = 64 << 20


class MemoryCache:
    """`ports.Cache`: the least recently used entry goes first. Use from one event loop only.

    Args:
        ttl_s: how long an entry lasts, in seconds, unless `put` says otherwise (CACHE_TTL).
        max_entries: CACHE_MAX_SIZE.
        max_bytes: of all keys and values together.
        metrics: counts look-ups and evictions, if given.
        monotonic: seconds that never go back.
    """

    def __init__(
        self,
        *,
        ttl_s: float,
        max_entries: int,
        max_bytes: int = MAX_BYTES,
        metrics: Metrics | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ttl_s, self._max_entries, self._max_bytes = ttl_s, max_entries, max_bytes
        self._metrics, self._monotonic = metrics, monotonic
        self._entries: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._size_bytes = 0

    async def get(self, key: str) -> bytes | None:
        entry = self._entries.get(key)
        if entry is not None and entry[0] <= self._monotonic():
            self._remove(key)
            entry = None
        if self._metrics is not None:
            self._metrics.cache_requests.labels("memory", "miss" if entry is None else "hit").inc()
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[1]

    async def put(self, key: str, value: bytes, *, ttl_s: float | None = None) -> None:
        self._remove(key)
        lasts_s = self._ttl_s if ttl_s is None else ttl_s
        if lasts_s <= 0 or len(value) > MAX_VALUE_BYTES:
            return
        self._entries[key] = (self._monotonic() + lasts_s, value)
        self._size_bytes += _size(key, value)
        while len(self._entries) > self._max_entries or self._size_bytes > self._max_bytes:
            self._remove(next(iter(self._entries)))
            if self._metrics is not None:
                self._metrics.cache_evictions.labels("memory").inc()

    async def ping(self) -> bool:
        return True

    def _remove(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._size_bytes -= _size(key, entry[1])


def _size(key: str, value: bytes) -> int:
    return len(key.encode()) + len(value)
