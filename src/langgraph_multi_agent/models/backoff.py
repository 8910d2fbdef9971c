"""How long to wait before asking again.

Used by the gateway only. Invariant: a wait is never shorter than the server asked for.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

BASE_S = 0.5
CAP_S = 20.0
DOUBLINGS = 16
"""Beyond these the cap holds anyway, and the power would overflow."""

Uniform = Callable[[float, float], float]
"""A random number between two bounds, as `random.uniform`."""


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """The wait that a `Retry-After` header asks for, in seconds; None if it asks for none.

    Both forms of RFC 9110, section 10.2.3, are read: seconds, and an HTTP date.
    """
    if header is None:
        return None
    try:
        seconds = float(header)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())


def wait_s(attempt: int, asked_s: float | None, uniform: Uniform) -> float:
    """Seconds to wait after failed attempt number `attempt` (from 0).

    Full jitter, `uniform(0, min(CAP, BASE * 2**attempt))`, from Marc Brooker, "Exponential Backoff
    And Jitter", AWS Architecture Blog, 2015. Where the server asked for a wait, that wait plus
    `uniform(0, BASE)`, so that those it turned away do not all come back in the same moment.
    """
    if asked_s is not None:
        return asked_s + uniform(0.0, BASE_S)
    return uniform(0.0, min(CAP_S, BASE_S * 2.0 ** min(attempt, DOUBLINGS)))
