"""What agents do right now, how well they did, and setting one's record back.

Hides that the log is counted once and then only what is new in it. Callers: the API. Invariant: a
record holds what the log has of its agent up to the place it was counted to, since the last reset; a
deleted task counts no more.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.agents.contract import Team
from langgraph_multi_agent.domain.event import Event, Position, position_of
from langgraph_multi_agent.domain.ports import Feed
from langgraph_multi_agent.service.tasks import CONTROL_TOPIC
from langgraph_multi_agent.store import events as event_log
from langgraph_multi_agent.store import ledgers
from langgraph_multi_agent.store.database import Database, Store


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """Records by agent up to a place of the log, and the resets that they honour."""

    until: Position
    resets: Mapping[str, datetime]
    records: Mapping[str, Mapping[str, Any]]


class AgentService:
    """Agents of all teams; the answers come from the event log. Use from one event loop only."""

    def __init__(self, *, database: Database, feed: Feed, teams: Mapping[str, Team]) -> None:
        self._database, self._feed, self._teams = database, feed, teams
        self._counted: dict[str | None, _Counted] = {}
        self._counting: dict[str | None, asyncio.Lock] = {}

    @property
    def teams(self) -> Sequence[Team]:
        """The teams that tasks can be sent to, by name."""
        return [self._teams[name] for name in sorted(self._teams)]

    async def status(self, scope: Scope) -> Sequence[AgentStatus]:
        """Every registered agent: `busy` with its current work, or `idle`."""
        async with self._counting.setdefault(scope.tenant, asyncio.Lock()):
            known = self._counted.get(scope.tenant)
            counted, running = await self._database.read(scope, _count_on, known)
            self._counted[scope.tenant] = counted
        current: dict[str, list[CurrentWork]] = {}
        for event in running:
            work = CurrentWork(task_id=event.task_id, subtask_id=event.subtask_id or "", since=event.at)
            current.setdefault(event.agent or "", []).append(work)
        statuses = []
        for team_name, name, titles, capabilities in self._members():
            done = counted.records.get(name, {"completed": 0, "failed": 0, "last_activity": None})
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
                    last_reset=counted.resets.get(name),
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
        self._feed.publish(CONTROL_TOPIC, {"reset_agent": agent, "tenant": scope.tenant})
        return next(status for status in await self.status(scope) if status.name == agent)

    def _members(self) -> list[tuple[str, str, Mapping[str, str], tuple[str, ...]]]:
        members: list[tuple[str, str, Mapping[str, str], tuple[str, ...]]] = []
        for team in self._teams.values():
            leads = ((team.meta_agent, "understanding"), (team.task_decomposer, "planning"))
            members += [(team.name, lead.name, lead.titles, (capability,)) for lead, capability in leads]
            members += [
                (team.name, agent.name, agent.titles, tuple(agent.capabilities))
                for agent in team.agents.values()
            ]
        return members


def _count_on(store: Store, known: _Counted | None) -> tuple[_Counted, list[Event]]:
    """What is known and what came since, and the subtasks that run. A new reset counts its agent anew."""
    resets = ledgers.agent_resets(store)
    until = position_of(event_log.last_cursor(store))
    is_restored = known is not None and until < known.until
    if known is None or is_restored or event_log.has_deletion(store, after=known.until, until=until):
        known = _Counted(until=(0, 0), resets=resets, records={})
    records = dict(known.records)
    anew = {agent for agent, moment in resets.items() if known.resets.get(agent) != moment}
    for agent in anew:
        records.pop(agent, None)
    new = event_log.agent_record(store, resets=resets, after=known.until, until=until)
    for agent, more in new.items():
        if agent not in anew:
            records[agent] = _sum(records.get(agent), more)
    if anew:
        records |= event_log.agent_record(store, resets=resets, until=until, agents=anew)
    running = event_log.running_subtasks(store)
    return _Counted(until=until, resets=resets, records=records), running


def _sum(known: Mapping[str, Any] | None, more: Mapping[str, Any]) -> Mapping[str, Any]:
    if known is None:
        return more
    return {
        "completed": known["completed"] + more["completed"],
        "failed": known["failed"] + more["failed"],
        "last_activity": max(known["last_activity"], more["last_activity"]),
    }
