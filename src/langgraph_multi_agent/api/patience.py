"""How long a request's body may take to come.

Hides the count. Caller: `middleware.Boundary`. Invariant: a body that comes at MIN_BYTES_PER_S or faster
is never refused for its time, and only waiting for the client counts, not our own work between chunks.
"""

import asyncio
import time

from starlette.types import Message, Receive

from langgraph_multi_agent.api.problems import RequestTooSlow

BODY_S = 30.0
"""What any body may take, however small."""
MIN_BYTES_PER_S = 500
"""What a larger one must bring beyond that; haste saves up no silence. A modem of 1990 brought twice as much."""


def patient(receive: Receive, *, body_s: float | None = None) -> Receive:
    """`receive` that raises RequestTooSlow once the client has kept a body waiting for too long.

    Args:
        body_s: instead of BODY_S.
    """
    most_s = BODY_S if body_s is None else body_s
    left_s = most_s
    has_more = True

    async def hear() -> Message:
        nonlocal left_s, has_more
        if not has_more:  # a stream that waits for its client to leave may wait for ever
            return await receive()
        began = time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, left_s)):
                message = await receive()
        except TimeoutError:
            raise RequestTooSlow from None
        left_s -= time.monotonic() - began
        if message["type"] == "http.request":
            has_more = message.get("more_body", False)
            left_s = min(left_s + len(message.get("body", b"")) / MIN_BYTES_PER_S, most_s)
        else:
            has_more = False
        return message

    return hear
