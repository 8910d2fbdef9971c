"""A process of its own for tasks that crash theirs.

Hides the child process. Caller: upkeep in worker processes. Invariant: at most one such child a
process; it takes suspects one after the other and ends when none is left.
"""

import asyncio
import contextlib
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence

import structlog

PAUSE_S = 1.0
"""Between a child that ended and the next, so that one that cannot start does not spin."""


class LoneWorker:
    """Starts `argv` when suspects wait and no child of ours is at it."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = tuple(argv)
        self._process: Process | None = None
        self._ended_at = float("-inf")
        self._log = structlog.get_logger("lone")

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        if self._process is not None:
            if self._process.returncode is None:
                return
            self._log.warning("lone worker ended", code=self._process.returncode)
            self._process, self._ended_at = None, loop.time()
        if loop.time() - self._ended_at < PAUSE_S:
            return
        self._process = await asyncio.create_subprocess_exec(*self._argv, stdin=DEVNULL)
        self._log.warning("lone worker started", pid=self._process.pid)

    async def close(self, *, grace_s: float) -> None:
        """End the child, which hands back what it runs."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(grace_s):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
