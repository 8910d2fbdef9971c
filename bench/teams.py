"""Teams without work, to measure the engine alone. Registered only by LGMA_TEAMS, like anybody's.

    LGMA_TEAMS=bench.teams:zero_work lgma serve

`input_data` of a task may set `subtasks` (parallel ones, default 4), `sleep_s` (each, default 0),
`bytes` (size of each result's message, default 500), and `edges` for an own DAG:
`{"a": [], "b": ["a"]}` with `sleeps` `{"a": 0.1, "b": 0.2}`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from langgraph_multi_agent.agents.contract import Agent, Proposal, Team, Understanding, Work
from langgraph_multi_agent.domain.plan import Plan, Subtask
from langgraph_multi_agent.domain.result import SubtaskResult, Verdict
from langgraph_multi_agent.domain.task import TaskDraft

_TITLES = {"zh": "空载", "en": "Zero work"}


class ZeroWorkAgent:
    """Waits as long as told, and answers with a message of the asked size."""

    name = "zero_work"
    titles: Mapping[str, str] = _TITLES
    capabilities: tuple[str, ...] = ("zero_work",)

    def propose(self, understanding: Understanding) -> Sequence[Proposal]:
        return ()

    async def work(self, work: Work) -> SubtaskResult:
        sleep_s = work.subtask.parameters["sleep_s"]
        if sleep_s:
            await asyncio.sleep(sleep_s)
        if work.subtask.parameters.get("fails"):
            raise RuntimeError("told to fail")
        return SubtaskResult(summary=work.subtask.id, data={"message": "x" * work.subtask.parameters["bytes"]})


class _MetaAgent:
    name = "meta_agent"
    titles: Mapping[str, str] = _TITLES

    def admit(self, draft: TaskDraft, *, has_model: bool) -> None:
        return None

    async def understand(self, work: Work) -> Understanding:
        return Understanding(goal=work.request, language="en", notes="zero work")


class _TaskDecomposer:
    name = "task_decomposer"
    titles: Mapping[str, str] = _TITLES

    async def decompose(self, work: Work, understanding: Understanding, agents: Mapping[str, Agent]) -> Plan:
        wanted: Mapping[str, Any] = work.input_data
        count = int(wanted.get("subtasks", 4))
        edges = wanted.get("edges") or {f"part-{number}": [] for number in range(count)}
        sleeps = wanted.get("sleeps", {})
        return Plan(
            revision=1,
            reason="zero work",
            subtasks=tuple(
                Subtask(
                    id=name,
                    title=name,
                    capability="zero_work",
                    agent="zero_work",
                    depends_on=tuple(parents),
                    parameters={
                        "sleep_s": sleeps.get(name, wanted.get("sleep_s", 0)),
                        "bytes": wanted.get("bytes", 500),
                        "fails": name in wanted.get("fails", ()),
                    },
                )
                for name, parents in edges.items()
            ),
        )

    async def repair(
        self, work: Work, plan: Plan, verdicts: Sequence[Verdict], agents: Mapping[str, Agent]
    ) -> Plan | None:
        return None


class _QualityCheck:
    def verdicts(self, plan: Plan, results: Mapping[str, SubtaskResult]) -> Sequence[Verdict]:
        return ()

    def result(
        self, plan: Plan, results: Mapping[str, SubtaskResult], verdicts: Sequence[Verdict]
    ) -> Mapping[str, Any]:
        return {"summary": f"{len(results)} parts", "artifacts": []}


def zero_work() -> Team:
    """The team `zero_work`."""
    agent = ZeroWorkAgent()
    return Team(
        name="zero_work",
        version="1",
        titles=_TITLES,
        meta_agent=_MetaAgent(),
        task_decomposer=_TaskDecomposer(),
        quality_check=_QualityCheck(),
        agents={agent.name: agent},
    )
