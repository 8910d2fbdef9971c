"""The doorbell of one process."""

import asyncio
import contextlib


class MemoryDoorbell:
    """`ports.Doorbell` for the embedded server."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    async def ring(self, task_id: str) -> None:
        self._rung.set()

    async def wait(self, timeout_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._rung.wait()
        self._rung.clear()
