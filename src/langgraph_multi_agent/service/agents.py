"""What agents do right now, how well they did, and setting one's record back."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.agents.contract import Team
from langgraph_multi_agent.domain.ports import Feed
from langgraph_multi_agent.service.tasks import CONTROL_TOPIC
from langgraph_multi_agent.store import events as event_log
from langgraph_multi_agent.store import ledgers
from langgraph_multi_agent.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentWork:
    task_id: str
    subtask_id: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStatus:
    """One agent of one team. `success_rate` is a share 0–1, None before its first subtask."""

    name: str
    team: str
    titles: Mapping[str, str]
    capabilities: tuple[str, ...]
    state: str
    current: tuple[CurrentWork, ...]
    completed: int
    failed: int
    success_rate: float | None
    last_activity: datetime | None
    last_reset: datetime | None


class AgentService:
    """Agents of all teams; the answers come from the event log."""

    def __init__(self, *, database: Database, feed: Feed, teams: Mapping[str, Team]) -> None:
        self._database, self._feed, self._teams = database, feed, teams

    @property
    def teams(self) -> Sequence[Team]:
        """The teams that tasks can be sent to, by name."""
        return [self._teams[name] for name in sorted(self._teams)]

    async def status(self, scope: Scope) -> Sequence[AgentStatus]:
        """Every registered agent: `busy` with its current work, or `idle`."""
        resets = await self._database.read(scope, ledgers.agent_resets)
        record, running = await asyncio.gather(
            self._database.read(scope, event_log.agent_record, resets=resets),
            self._database.read(scope, event_log.running_subtasks),
        )
        current: dict[str, list[CurrentWork]] = {}
        for event in running:
            work = CurrentWork(task_id=event.task_id, subtask_id=event.subtask_id or "", since=event.at)
            current.setdefault(event.agent or "", []).append(work)
        statuses = []
        for team_name, name, titles, capabilities in self._members():
            done = record.get(name, {"completed": 0, "failed": 0, "last_activity": None})
            total = done["completed"] + done["failed"]
            statuses.append(
                AgentStatus(
                    name=name,
                    team=team_name,
                    titles=titles,
                    capabilities=capabilities,
                    state="busy" if name in current else "idle",
                    current=tuple(current.get(name, ())),
                    completed=done["completed"],
                    failed=done["failed"],
                    success_rate=done["completed"] / total if total else None,
                    last_activity=done["last_activity"],
                    last_reset=resets.get(name),
                )
            )
        return statuses

    async def reset(self, scope: Scope, agent: str) -> AgentStatus:
        """Abort what the agent does now (recovery tries it again) and start its record anew.

        Resetting an idle agent twice is the same as once, but for the time.

        Raises:
            AgentNotFound: no team has such an agent.
        """
        known = frozenset(name for _, name, _, _ in self._members())
        await self._database.write(scope, ledgers.reset_agent, agent, known)
        self._feed.publish(CONTROL_TOPIC, {"reset_agent": agent})
        return next(status for status in await self.status(scope) if status.name == agent)

    def _members(self) -> list[tuple[str, str, Mapping[str, str], tuple[str, ...]]]:
        members: list[tuple[str, str, Mapping[str, str], tuple[str, ...]]] = []
        for team in self._teams.values():
            leads = ((team.meta_agent, "understanding"), (team.task_decomposer, "planning"))
            members += [(team.name, lead.name, lead.titles, (capability,)) for lead, capability in leads]
            members += [
                (team.name, agent.name, agent.titles, tuple(agent.capabilities)) for agent in team.agents.values()
            ]
        return members
