"""A circuit breaker: an endpoint that is down is left alone for a while.

One for each model, used by the gateway. Invariant: while open, nothing goes out; when the rest is
over, one probe at a time decides. (Michael Nygard, "Release It!", chapter "Stability Patterns".)
"""

from dataclasses import dataclass
from enum import Enum

from langgraph_multi_agent.domain.ports import Clock

FAILURES_TO_OPEN = 5
REST_S = 30.0


class Pass(Enum):
    """What `admit` says."""

    REFUSED = "refused"
    CALL = "call"
    PROBE = "probe"


@dataclass(slots=True)
class Breaker:
    """Counts consecutive failures on a monotonic clock."""

    clock: Clock
    failures_to_open: int = FAILURES_TO_OPEN
    rest_s: float = REST_S
    failures: int = 0
    opened_at: float | None = None
    is_probing: bool = False

    def admit(self) -> Pass:
        """Whether a call may go out now. A call admitted must end in one of the three below."""
        if self.opened_at is None:
            return Pass.CALL
        if self.is_probing or self.clock.monotonic() - self.opened_at < self.rest_s:
            return Pass.REFUSED
        self.is_probing = True
        return Pass.PROBE

    def succeeded(self) -> None:
        self.failures, self.opened_at, self.is_probing = 0, None, False

    def failed(self, admitted: Pass) -> None:
        self.failures += 1
        if admitted is Pass.PROBE or (self.opened_at is None and self.failures >= self.failures_to_open):
            self.opened_at = self.clock.monotonic()
        self.undecided(admitted)

    def undecided(self, admitted: Pass) -> None:
        """The call said nothing of the endpoint's health: it was cancelled, or never made."""
        if admitted is Pass.PROBE:
            self.is_probing = False
