"""A process of its own for tasks that crash theirs.

Hides the child process. Caller: upkeep, where tasks are worked on over PostgreSQL; `bootstrap` closes
it. Invariants: at most one such child a process; it takes suspects one after the other and ends when
none is left, or when its parent has ended, however that died.
"""

import asyncio
import contextlib
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from contextlib import ExitStack

import structlog

from langgraph_multi_agent.worker.lifeline import open_lifeline

PAUSE_S = 1.0
"""Between a child that ended and the next, so that one that cannot start does not spin."""


class LoneWorker:
    """Starts a child when suspects wait and none of ours is at it.

    Args:
        argv: command line of the child; `--lifeline FD` is appended.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = tuple(argv)
        self._process: Process | None = None
        self._lifeline = ExitStack()
        self._ended_at = float("-inf")
        self._turn = asyncio.Lock()
        self._is_closed = False
        self._log = structlog.get_logger("lone")

    async def start(self) -> None:
        """See to it that a child runs; none is started soon after the last one or after `close`."""
        async with self._turn:
            loop = asyncio.get_running_loop()
            if self._process is not None:
                if self._process.returncode is None:
                    return
                self._log.warning("lone worker ended", code=self._process.returncode)
                self._process, self._ended_at = None, loop.time()
                self._lifeline.close()
            if self._is_closed or loop.time() - self._ended_at < PAUSE_S:
                return
            with ExitStack() as stack:
                lifeline = stack.enter_context(open_lifeline())
                self._process = await asyncio.create_subprocess_exec(
                    *self._argv, "--lifeline", str(lifeline), stdin=DEVNULL, pass_fds=(lifeline,)
                )
                self._lifeline = stack.pop_all()
            self._log.warning("lone worker started", pid=self._process.pid)

    async def close(self, *, grace_s: float) -> None:
        """End the child, which hands back what it runs; kill it after `grace_s` seconds. Starts none any more."""
        self._is_closed = True
        async with self._turn:
            process = self._process
            if process is not None and process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                try:
                    async with asyncio.timeout(grace_s):
                        await process.wait()
                except TimeoutError:
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()
                    await process.wait()
            self._lifeline.close()
