"""Awaits several calls side by side. Invariant: none outlives the call, and one failure comes out bare."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def together(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Results in the order of the calls.

    Raises:
        The first failure itself, not a group; the other calls are cancelled and awaited.
    """
    try:
        async with asyncio.TaskGroup() as group:
            waiting = [group.create_task(call) for call in calls]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in waiting]
