"""Durations of the lease protocol, in seconds."""

from dataclasses import dataclass
from datetime import timedelta

MARGIN = 0.1
"""Of the heartbeat's interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """A lease lasts `lease_s`; what happened to it is known `heartbeat_s` later at the latest."""

    lease_s: float
    heartbeat_s: float

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.lease_s)

    def pause_s(self, *, took_s: float) -> float:
        """How long to wait after a beat that took `took_s`, so that the next one ends in time.

        A tenth of the interval is left for the next beat, and a tenth of rest after a slow one.
        """
        rest_s = self.heartbeat_s * MARGIN
        return max(rest_s, self.heartbeat_s - rest_s - took_s)
