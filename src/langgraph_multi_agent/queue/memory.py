"""The doorbell of one process: no server, no list."""

import asyncio
import contextlib
from collections.abc import Sequence


class MemoryDoorbell:
    """`ports.Doorbell` for the embedded server. Use from one event loop only."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    @property
    def is_rung(self) -> bool:
        """Whether the next `wait` returns at once."""
        return self._rung.is_set()

    async def ring(self, task_id: str) -> None:
        self._rung.set()

    def nudge(self) -> None:
        self._rung.set()

    async def wait(self, timeout_s: float, *, has_slot: bool = True) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._rung.wait()
        self._rung.clear()

    def took(self, task_ids: Sequence[str]) -> None:
        """Nothing to do: no ring waits here."""

    async def reconcile(self, pending_ids: Sequence[str]) -> None:
        """Wake the waiter if there is work it may not have heard of."""
        if pending_ids:
            self._rung.set()

    async def ping(self) -> bool:
        return True
