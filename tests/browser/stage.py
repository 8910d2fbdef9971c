"""A team that does what a test tells it to, in this process or in a server's.

    LGMA_TEAMS=tests.browser.stage:stage STAGE_DIRECTORY=<directory> lgma serve

The task's `input_data` tells it: `edges` (`{"read": [], "write": ["read"]}` if not given), `hold`
(subtasks that wait for a file of their name in the directory, or in its folder `gates`), `ask`
(`{"text", "options"}` of the first subtask's question), `fail` (`{subtask: message}`), `say` (summary
of each subtask), `titles` and `criteria` (of each subtask), `files` (`{name: [media type, kind,
content]}`, saved by the last; the report among them) and `events` (`{type: count}`, noted by each).
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from langgraph_multi_agent.agents.contract import Agent, Proposal, Team, Understanding, Work
from langgraph_multi_agent.domain.errors import Fault
from langgraph_multi_agent.domain.event import EventType, NewEvent
from langgraph_multi_agent.domain.plan import Plan, Subtask
from langgraph_multi_agent.domain.result import SubtaskResult, Verdict
from langgraph_multi_agent.domain.task import TaskDraft

DIRECTORY_VARIABLE = "STAGE_DIRECTORY"
TITLES = {"zh": "舞台", "en": "Stage"}
EDGES: Mapping[str, Sequence[str]] = {"read": (), "write": ("read",)}
LOOK_S = 0.02


class StageFault(Fault):
    """A failure whose words the test has written."""

    code, status = "SKILL_FAILED", 422


class Actor:
    name = "actor"
    titles: Mapping[str, str] = TITLES
    capabilities: tuple[str, ...] = ("acting",)

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def propose(self, understanding: Understanding) -> Sequence[Proposal]:
        return ()

    async def work(self, work: Work) -> SubtaskResult:
        told, name = work.input_data, work.subtask.id
        edges = told.get("edges") or EDGES
        if "ask" in told and name == next(iter(edges)):
            answer = await work.ask(told["ask"]["text"], options=told["ask"].get("options", ()))
            return SubtaskResult(summary=f"chose {answer['text']}")
        if name in told.get("hold", ()):
            while not (self._directory / told.get("gates", "") / name).exists():  # noqa: ASYNC110 - another process opens it
                await asyncio.sleep(LOOK_S)
        if name in told.get("fail", {}):
            message = told["fail"][name]
            raise StageFault(skill=message, reason=message, message=message, detail=message)
        saved = [
            await work.save(file, content.encode(), media_type=media_type, kind=kind)
            for file, (media_type, kind, content) in told.get("files", {}).items()
            if name == list(edges)[-1]
        ]
        for kind, count in told.get("events", {}).items():
            for number in range(count):
                work.note(NewEvent(type=EventType(kind), data={"tool": f"act {number}", "decision": "retry"}))
        return SubtaskResult(summary=told.get("say", f"did {name}"), artifacts=tuple(saved))


class Lead:
    name = "lead"
    titles: Mapping[str, str] = TITLES

    def admit(self, draft: TaskDraft, *, has_model: bool) -> None:
        return None

    async def understand(self, work: Work) -> Understanding:
        return Understanding(goal=work.request, language=work.language)

    async def decompose(self, work: Work, understanding: Understanding, agents: Mapping[str, Agent]) -> Plan:
        told: Mapping[str, Any] = work.input_data
        subtasks = tuple(
            Subtask(
                id=name,
                title=told.get("titles", {}).get(name, name),
                capability="acting",
                agent="actor",
                depends_on=tuple(parents),
                success_criteria=tuple(told.get("criteria", ())),
                reason=told.get("say", ""),
            )
            for name, parents in (told.get("edges") or EDGES).items()
        )
        return Plan(revision=1, reason=told.get("say", "as told"), subtasks=subtasks)

    async def repair(
        self, work: Work, plan: Plan, verdicts: Sequence[Verdict], agents: Mapping[str, Agent]
    ) -> Plan | None:
        return None

    def verdicts(self, plan: Plan, results: Mapping[str, SubtaskResult]) -> Sequence[Verdict]:
        return [
            Verdict(subtask_id=item.id, criterion=criterion, passed=True, reason=criterion)
            for item in plan.subtasks
            for criterion in item.success_criteria
        ]

    def result(
        self, plan: Plan, results: Mapping[str, SubtaskResult], verdicts: Sequence[Verdict]
    ) -> Mapping[str, Any]:
        last = results.get(plan.subtasks[-1].id)
        names = [ref.name for ref in last.artifacts] if last is not None else []
        markdown = next((name for name in names if name.endswith(".md")), None)
        page = next((name for name in names if name.endswith(".html")), markdown)
        said = {"summary": last.summary if last is not None else "", "artifacts": names}
        return said | ({"report": page} if page else {}) | ({"report_markdown": markdown} if markdown else {})


def stage_in(directory: Path) -> Team:
    """The team `stage`, which looks for its gates in this directory."""
    lead, actor = Lead(), Actor(directory)
    return Team(
        name="stage",
        version="1",
        titles=TITLES,
        meta_agent=lead,
        task_decomposer=lead,
        quality_check=lead,
        agents={actor.name: actor},
    )


def stage() -> Team:
    """The same for a server's own process."""
    return stage_in(Path(os.environ[DIRECTORY_VARIABLE]))
