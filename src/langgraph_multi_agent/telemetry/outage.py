"""Whether a part that may be away answers, told once when it goes and once when it returns.

Hides the back-off and the flag behind the two log lines. Callers: the Redis adapters, one `Outage`
for each thing that can fail by itself. Invariant: however often a call fails, an outage is two lines.
"""

import time
from collections.abc import Callable

import structlog

from langgraph_multi_agent.telemetry.metrics import Metrics

FIRST_BACKOFF_S = 0.05
MAX_BACKOFF_S = 1.0

log = structlog.get_logger(__name__)


class Outage:
    """One part's outage, if it has one.

    Args:
        part: its name in logs and metrics, e.g. `feed.publish`; one of a few.
        metrics: counts each return, if given.
        monotonic: seconds that never go back.
    """

    def __init__(
        self, part: str, *, metrics: Metrics | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._part, self._metrics, self._monotonic = part, metrics, monotonic
        self._since: float | None = None
        self._next_try = 0.0
        self.backoff_s = 0.0

    @property
    def is_down(self) -> bool:
        return self._since is not None

    @property
    def has_rested(self) -> bool:
        """Whether it is up, or the back-off since its last failure has passed."""
        return self._since is None or self._monotonic() >= self._next_try

    def failed(self, error: BaseException) -> bool:
        """Note a failure and set `backoff_s`, in seconds, to wait before the next try.

        Returns:
            Whether the outage began with it.
        """
        now = self._monotonic()
        began = self._since is None
        if began:
            self._since = now
            log.warning("redis.lost", part=self._part, reason=f"{type(error).__name__}: {error}"[:200])
        self.backoff_s = min(MAX_BACKOFF_S, self.backoff_s * 2 or FIRST_BACKOFF_S)
        self._next_try = now + self.backoff_s
        return began

    def answered(self) -> bool:
        """Note an answer; returns whether an outage ended with it."""
        if self._since is None:
            return False
        log.info("redis.returned", part=self._part, down_s=round(self._monotonic() - self._since, 3))
        self._since, self.backoff_s = None, 0.0
        if self._metrics is not None:
            self._metrics.redis_reconnects.labels(self._part).inc()
        return True
