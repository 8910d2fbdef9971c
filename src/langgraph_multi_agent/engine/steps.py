"""Journal first: read, else execute and commit, exactly once.

Invariant: a step's result is used only for the inputs it was made from, and only after it is durable;
one that took no time to make may become durable with the run's next write, before anything that
costs or has effect (ADR 0015).
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langgraph_multi_agent.domain.canonical import digest_of
from langgraph_multi_agent.domain.errors import ReplayDiverged
from langgraph_multi_agent.domain.event import NewEvent
from langgraph_multi_agent.domain.ports import Step
from langgraph_multi_agent.engine.context import RunContext

QUICK_S = 0.02
"""A step that took less made no call to a model, and costs less to repeat than to commit by itself."""


def replayed(context: RunContext, key: str, input_hash: str) -> tuple[bool, Any]:
    """Whether the journal has this step, and its result.

    Raises:
        ReplayDiverged: it was made from other inputs.
    """
    entry = context.journal.read(key)
    if entry is None:
        return False, None
    if entry.input_hash != input_hash:
        raise ReplayDiverged(key=key)
    return True, entry.result


async def step(
    context: RunContext,
    key: str,
    inputs: Any,
    call: Callable[[], Awaitable[Any]],
    *,
    events: Callable[[Any], Sequence[NewEvent]] = lambda _: (),
    agent: str | None = None,
    subtask_id: str | None = None,
    is_pure: bool = False,
) -> Any:
    """The journalled result of `call`, as a replay will read it: plain JSON, also the first time.

    Args:
        is_pure: without effect on anything; if it was quick too, it need not be durable at once.

    Raises:
        ReplayDiverged, LeaseLost: besides what `call` raises; then nothing is journalled.
    """
    input_hash = digest_of(inputs)
    found, result = replayed(context, key, input_hash)
    if found:
        return result
    context.signals.check_lease()
    began = context.clock.monotonic()
    result = await call()
    is_quick = context.clock.monotonic() - began < QUICK_S
    await context.journal.commit(
        Step(
            key=key,
            input_hash=input_hash,
            result=result,
            events=tuple(events(result)),
            agent=agent,
            subtask_id=subtask_id,
        ),
        may_wait=is_pure and is_quick,
    )
    _, durable = replayed(context, key, input_hash)
    return durable
