"""`lgma agents`: who there is, what they do, and setting one back. Called by `program`."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from langgraph_multi_agent.cli.call import Call, Outcome
from langgraph_multi_agent.cli.confirmation import confirm
from langgraph_multi_agent.cli.connection import DataDir, connected
from langgraph_multi_agent.cli.exits import Exit, Trouble
from langgraph_multi_agent.cli.layout import duration
from langgraph_multi_agent.cli.paper import Lines, Rows
from langgraph_multi_agent.cli.picture import moment, symbol

AgentName = Annotated[str, typer.Argument(metavar="AGENT", help="cli.argument.agent")]


async def list_(call: Call, data_dir: DataDir = None) -> Outcome:
    """Every registered agent with what it can do."""
    async with connected(call, data_dir) as connection:
        agents = await connection.client.agents()
    rows = [
        [item["name"], _title(call, item), item.get("team") or "", ", ".join(item.get("capabilities") or ())]
        for item in agents
    ]
    return Outcome(
        blocks=[Rows(_headers(call, "agent", "title", "team", "capabilities"), rows)],
        data={"agents": agents},
    )


async def status(call: Call, data_dir: DataDir = None) -> Outcome:
    """What each agent does now and how well it did."""
    async with connected(call, data_dir) as connection:
        agents = await connection.client.agents()
    return Outcome(
        blocks=[
            Rows(
                _headers(call, "agent", "state", "work", "success", "last"),
                [_status_row(call, item) for item in agents],
            )
        ],
        data={"agents": agents},
    )


async def reset(call: Call, agent: AgentName, data_dir: DataDir = None) -> Outcome:
    """Abort an agent's current work and start its record anew; asks first."""
    async with connected(call, data_dir) as connection:
        before = next((a for a in await connection.client.agents() if a["name"] == agent), None)
        if before is None:
            names = ", ".join(a["name"] for a in await connection.client.agents())
            raise Trouble("AGENT_UNKNOWN", Exit.FAILED, agent=agent, agents=names)
        change: dict[str, Any] = {"action": "reset", "target": agent, "before": before, "undo": None}
        if call.dry_run:
            line = call.say("cli.dry_run.reset", agent=agent, count=len(before.get("current") or ()))
            return Outcome(blocks=[Lines([line])], changes=[{**change, "applied": False}])
        await confirm(call, call.say("cli.confirm.reset", agent=agent, count=len(before.get("current") or ())))
        after = await connection.client.reset_agent(agent)
    return Outcome(
        blocks=[Lines([call.say("cli.agents.reset_done", agent=agent)])],
        changes=[{**change, "after": after, "applied": True}],
        data={"agent": after},
    )


def _headers(call: Call, *names: str) -> list[str]:
    return [call.say(f"cli.column.{name}") for name in names]


def _title(call: Call, agent: dict[str, Any]) -> str:
    return str((agent.get("titles") or {}).get(call.language) or agent["name"])


def _status_row(call: Call, agent: dict[str, Any]) -> list[str]:
    is_busy = agent.get("state") == "busy"
    rate = agent.get("success_rate")
    done, failed = int(agent.get("completed") or 0), int(agent.get("failed") or 0)
    last = agent.get("last_activity")
    return [
        agent["name"],
        f"{symbol('running' if is_busy else 'pending')} {call.say('cli.agent.busy' if is_busy else 'cli.agent.idle')}",
        str(len(agent.get("current") or ())),
        f"{rate:.0%} ({done}/{done + failed})" if rate is not None else "–",
        ago(call, str(last)) if last else "–",
    ]


def ago(call: Call, iso: str) -> str:
    """A time as its distance from now."""
    seconds = max(0.0, (datetime.now(UTC) - moment(iso)).total_seconds())
    days = int(seconds // 86400)
    return call.say("cli.days_ago", count=days) if days else call.say("cli.ago", time=duration(seconds))
