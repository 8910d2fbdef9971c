"""`lgma tasks schedule`: tasks that come again. Called by `program`.

Invariant: a schedule is named by its name or its id; what changes one shows it before and after.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from langgraph_multi_agent.cli.call import Call, Outcome
from langgraph_multi_agent.cli.confirmation import confirm
from langgraph_multi_agent.cli.connection import Connection, DataDir, connected
from langgraph_multi_agent.cli.exits import Exit, Trouble
from langgraph_multi_agent.cli.layout import cut
from langgraph_multi_agent.cli.paper import Block, Facts, Heading, Lines, Rows
from langgraph_multi_agent.cli.tasks import local_time
from langgraph_multi_agent.cli.work import Priority, Team, Title, priority_of, title_of

if TYPE_CHECKING:
    from langgraph_multi_agent.cli.client import Client

ScheduleName = Annotated[str, typer.Argument(metavar="SCHEDULE", help="cli.argument.schedule")]
NewName = Annotated[str, typer.Argument(metavar="NAME", help="cli.argument.schedule_name")]
Cron = Annotated[str, typer.Argument(metavar="CRON", help="cli.argument.cron")]
Request = Annotated[str, typer.Argument(metavar="REQUEST", help="cli.argument.schedule_request")]
Timezone = Annotated[str, typer.Option("--timezone", metavar="ZONE", help="cli.option.timezone")]


async def list_(call: Call, data_dir: DataDir = None) -> Outcome:
    """All schedules, by name."""
    async with connected(call, data_dir) as connection:
        found = await connection.client.schedules()
    rows = [
        [
            str(item["name"]),
            f"{item['cron']}  {item['timezone']}",
            local_time(item["next_fire_at"]) or call.say("cli.schedule.paused"),
            local_time(item["last_fire_at"]) or "–",
            cut(str((item["last_error"] or {}).get("title", "")), 40),
        ]
        for item in found
    ]
    headers = [call.say(f"cli.column.{n}") for n in ("schedule", "times", "next_fire", "last_fire", "error")]
    blocks: list[Block] = [Rows(headers, rows)] if rows else [Lines([call.say("cli.schedule.none")])]
    return Outcome(blocks=blocks, data={"schedules": found})


async def show(call: Call, schedule: ScheduleName, data_dir: DataDir = None) -> Outcome:
    """One schedule: its times, its task, how the last fire went."""
    async with connected(call, data_dir) as connection:
        item = await _found(connection.client, schedule)
    return Outcome(blocks=_page(call, item), data={"schedule": item})


async def add(
    call: Call,
    name: NewName,
    cron: Cron,
    request: Request,
    *,
    timezone: Timezone = "UTC",
    title: Title = None,
    priority: Priority = "medium",
    team: Team = None,
    data_dir: DataDir = None,
) -> Outcome:
    """A task at each time of a cron line."""
    task: dict[str, Any] = {
        "title": title or title_of(request),
        "description": request,
        "priority": priority_of(priority),
    }
    if team is not None:
        task["team"] = team
    wanted = {"name": name, "cron": cron, "timezone": timezone, "task": task}
    undo = f"lgma tasks schedule remove {name}"
    change: dict[str, Any] = {"action": "add", "target": name, "before": None, "after": wanted, "undo": undo}
    if call.dry_run:
        line = call.say("cli.dry_run.schedule_add", name=name, cron=cron, timezone=timezone)
        return Outcome(blocks=[Lines([line])], changes=[{**change, "applied": False}])
    async with connected(call, data_dir) as connection:
        made = await connection.client.add_schedule(wanted)
        _say_who_fires(call, connection)
    lines = [
        call.say("cli.done.schedule_add", name=name, time=local_time(made["next_fire_at"])),
        call.say("cli.undo", command=undo),
    ]
    change |= {"after": made, "applied": True}
    return Outcome(blocks=[Lines(lines)], data={"schedule": made}, changes=[change])


async def pause(call: Call, schedule: ScheduleName, data_dir: DataDir = None) -> Outcome:
    """Fire no more until it is resumed."""
    return await _enable(call, schedule, data_dir, is_enabled=False)


async def resume(call: Call, schedule: ScheduleName, data_dir: DataDir = None) -> Outcome:
    """Fire again, from the next time on."""
    return await _enable(call, schedule, data_dir, is_enabled=True)


async def remove(call: Call, schedule: ScheduleName, data_dir: DataDir = None) -> Outcome:
    """Delete a schedule; its tasks stay. Asks first."""
    async with connected(call, data_dir) as connection:
        before = await _found(connection.client, schedule)
        name = before["name"]
        change = {"action": "remove", "target": name, "before": before, "after": None, "undo": None}
        if call.dry_run:
            line = call.say("cli.dry_run.schedule_remove", name=name)
            return Outcome(blocks=[Lines([line])], changes=[{**change, "applied": False}])
        await confirm(call, call.say("cli.confirm.schedule_remove", name=name, cron=before["cron"]))
        await connection.client.remove_schedule(before["id"])
    return Outcome(
        blocks=[Lines([call.say("cli.done.schedule_remove", name=name)])], changes=[{**change, "applied": True}]
    )


async def run(call: Call, schedule: ScheduleName, data_dir: DataDir = None) -> Outcome:
    """Submit its task now, outside its plan."""
    async with connected(call, data_dir) as connection:
        item = await _found(connection.client, schedule)
        change = {"action": "run", "target": item["name"], "before": None, "undo": None}
        if call.dry_run:
            line = call.say("cli.dry_run.schedule_run", name=item["name"], title=item["task"]["title"])
            return Outcome(blocks=[Lines([line])], changes=[{**change, "applied": False}])
        task = await connection.client.run_schedule(item["id"])
        if connection.is_embedded:
            call.note("cli.tasks.needs_server", task=task["id"])
    undo = f"lgma tasks cancel {task['id']}"
    lines = [f"task: {task['id']}", call.say("cli.undo", command=undo)]
    change |= {"after": task["id"], "undo": undo, "applied": True}
    return Outcome(blocks=[Lines(lines)], data={"task": task}, changes=[change])


async def _enable(call: Call, schedule: str, data_dir: Any, *, is_enabled: bool) -> Outcome:
    verb, opposite = ("resume", "pause") if is_enabled else ("pause", "resume")
    async with connected(call, data_dir) as connection:
        before = await _found(connection.client, schedule)
        name = before["name"]
        undo = f"lgma tasks schedule {opposite} {name}"
        change = {"action": verb, "target": name, "before": before["is_enabled"], "undo": undo}
        if call.dry_run:
            line = call.say(f"cli.dry_run.schedule_{verb}", name=name)
            return Outcome(blocks=[Lines([line])], changes=[{**change, "applied": False}])
        after = await connection.client.change_schedule(before["id"], {"is_enabled": is_enabled})
        if is_enabled:
            _say_who_fires(call, connection)
    lines = [
        call.say(f"cli.done.schedule_{verb}", name=name, time=local_time(after["next_fire_at"])),
        call.say("cli.undo", command=undo),
    ]
    change |= {"after": after["is_enabled"], "applied": True}
    return Outcome(blocks=[Lines(lines)], data={"schedule": after}, changes=[change])


async def _found(client: "Client", wanted: str) -> dict[str, Any]:
    """The schedule with this name or id. Raises Trouble."""
    for item in await client.schedules():
        if wanted in (item["name"], item["id"]):
            return item
    raise Trouble("SCHEDULE_UNKNOWN", Exit.FAILED, schedule=wanted)


def _say_who_fires(call: Call, connection: Connection) -> None:
    if connection.is_embedded:
        call.note("cli.schedule.needs_server")


def _page(call: Call, item: dict[str, Any]) -> list[Block]:
    error = item["last_error"] or {}
    facts = {
        "schedule": item["id"],
        "times": f"{item['cron']}  {item['timezone']}",
        "next_fire": local_time(item["next_fire_at"]) or call.say("cli.schedule.paused"),
        "last_fire": local_time(item["last_fire_at"]),
        "task": item["last_task_id"] or "",
        "title": item["task"]["title"],
        "priority": call.say(f"cli.priority.{item['task']['priority']}"),
        "team": item["task"]["team"],
        "request": cut(str(item["task"]["description"]), 400),
        "created_by": item.get("created_by") or "",
        "error": " ".join(str(error.get(part) or "") for part in ("code", "title", "detail")).strip(),
    }
    return [
        Heading(str(item["name"])),
        Facts([(call.say(f"cli.column.{name}"), str(value)) for name, value in facts.items()]),
    ]
