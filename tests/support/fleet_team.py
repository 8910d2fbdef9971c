"""The team of the fault tests: zero work that writes down every execution, and can kill its process.

    LGMA_TEAMS=tests.support.fleet_team:counted FLEET_EXECUTIONS=<file>

`input_data` as in `bench.teams`, `poison: true` for a task that ends its own process with SIGKILL,
and `held: <path>` for one whose subtasks do not end while that file is there (`Fleet.hold`). Runs
inside the fleet's workers. Each line of the file arrives whole: one write, O_APPEND.
"""

import asyncio
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench.teams import ZeroWorkAgent, zero_work

from langgraph_multi_agent.agents.contract import Proposal, Team, Understanding, Work
from langgraph_multi_agent.domain.result import SubtaskResult

EXECUTIONS_VARIABLE = "FLEET_EXECUTIONS"
HELD_POLL_S = 0.1


class CountedAgent:
    """Writes `began`, then `ended` or `stopped`, around the work of `ZeroWorkAgent`."""

    name = ZeroWorkAgent.name
    titles: Mapping[str, str] = ZeroWorkAgent.titles
    capabilities: tuple[str, ...] = ZeroWorkAgent.capabilities

    def __init__(self, path: str) -> None:
        self._agent = ZeroWorkAgent()
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)

    def propose(self, understanding: Understanding) -> Sequence[Proposal]:
        return self._agent.propose(understanding)

    async def work(self, work: Work) -> SubtaskResult:
        self._note("began", work)
        if work.input_data.get("poison"):
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            result = await self._agent.work(work)
            while (held := work.input_data.get("held")) and os.path.exists(held):  # noqa: ASYNC110, ASYNC240, PTH110
                await asyncio.sleep(HELD_POLL_S)
        except asyncio.CancelledError:
            self._note("stopped", work)
            raise
        self._note("ended", work)
        return result

    def _note(self, what: str, work: Work) -> None:
        # The kernel's clock: `time.time` is what a test of clocks moves.
        moment = time.clock_gettime_ns(time.CLOCK_REALTIME)
        line = f"{what} {work.task_id} {work.subtask.id} {work.attempt} {os.getpid()} {moment}\n"
        os.write(self._file, line.encode())


def counted() -> Team:
    """The team `zero_work`, counted."""
    agent = CountedAgent(os.environ[EXECUTIONS_VARIABLE])
    return replace(zero_work(), agents={agent.name: agent})
