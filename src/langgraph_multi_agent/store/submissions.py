"""Submissions that come at the same time, as one transaction (see `gathering`).

Caller: the task service. Invariant: a submission is refused for its own sake only, and one that was
answered is durable.
"""

from collections.abc import Sequence

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.domain.errors import DataRefused, Fault
from langgraph_multi_agent.domain.task import Task, TaskDraft
from langgraph_multi_agent.store import tasks
from langgraph_multi_agent.store.database import Database
from langgraph_multi_agent.store.gathering import Gathering

Submission = tuple[str, TaskDraft]
"""The id that the task is to have, and what was asked for."""


class Submissions(Gathering[Submission, Task]):
    """Submissions without an idempotency key. Use from one event loop only.

    Args:
        queue_size: so many tasks may wait.
    """

    def __init__(self, database: Database, *, queue_size: int) -> None:
        super().__init__()
        self._database, self._queue_size = database, queue_size

    async def submit(self, scope: Scope, task_id: str, draft: TaskDraft) -> Task:
        """Accept a task.

        Raises:
            QueueFull, DataRefused, DependencyUnavailable, CommitInDoubt.
        """
        return await self._ask(scope, (task_id, draft))

    async def _answer_all(self, scope: Scope, asked: Sequence[Submission]) -> Sequence[Task | Exception]:
        try:
            return await self._write(scope, asked)
        except DataRefused:
            if len(asked) == 1:
                raise
        answers: list[Task | Exception] = []
        for submission in asked:  # one of them cannot be stored: it alone is refused
            try:
                answers += await self._write(scope, [submission])
            except Fault as fault:
                answers.append(fault)
        return answers

    async def _write(self, scope: Scope, asked: Sequence[Submission]) -> Sequence[Task | Exception]:
        return await self._database.write(scope, tasks.submit_all, asked, queue_size=self._queue_size)
