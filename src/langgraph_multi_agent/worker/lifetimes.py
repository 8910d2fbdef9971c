"""Durations of the lease protocol, in seconds."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """A lease lasts `lease_s` and is renewed every `heartbeat_s`."""

    lease_s: float
    heartbeat_s: float

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.lease_s)
