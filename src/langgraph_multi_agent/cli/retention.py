"""`lgma db retention`: what has passed its time, and its deletion. Called by `program`."""

from typing import Any

from langgraph_multi_agent.cli.call import Call, Outcome
from langgraph_multi_agent.cli.confirmation import confirm
from langgraph_multi_agent.cli.connection import DataDir, connected
from langgraph_multi_agent.cli.exits import Exit
from langgraph_multi_agent.cli.paper import Block, Lines, Rows
from langgraph_multi_agent.cli.tasks import local_time


async def plan(call: Call, data_dir: DataDir = None) -> Outcome:
    """Rows of each table that have passed their time; deletes nothing."""
    async with connected(call, data_dir) as connection:
        tables = (await connection.client.retention_plan())["tables"]
    return Outcome(blocks=[_plan_rows(call, tables)], data={"tables": tables})


async def run(call: Call, data_dir: DataDir = None) -> Outcome:
    """Delete what has passed its time; shows the plan and asks first."""
    async with connected(call, data_dir) as connection:
        tables = (await connection.client.retention_plan())["tables"]
        changes = [
            {"action": "delete", "target": item["table"], "before": item["rows"], "undo": None} for item in tables
        ]
        rows = sum(int(item["rows"]) for item in tables)
        if call.dry_run or not rows:
            words = call.say("cli.dry_run.retention" if rows else "cli.retention.nothing", count=rows)
            unapplied = [{**change, "applied": False} for change in changes if change["before"]]
            blocks: list[Block] = [_plan_rows(call, tables), Lines([words])]
            return Outcome(blocks=blocks, data={"tables": tables}, changes=unapplied)
        for item in tables:
            if item["rows"]:
                days = f"{item['older_than_days']:g}"
                call.note("cli.retention.line", table=item["table"], count=_count(item), days=days)
        await confirm(call, call.say("cli.confirm.retention", count=f"{rows:,}", directory=connection.place))
        deleted: dict[str, int] = {}
        while True:
            done = await connection.client.run_retention()
            for item in done["tables"]:
                deleted[item["table"]] = deleted.get(item["table"], 0) + int(item["rows"])
            call.known["deleted"] = deleted
            if done["is_complete"] or done["is_elsewhere"]:
                break
            call.note("cli.retention.so_far", count=f"{sum(deleted.values()):,}")
    shown = [[table, f"{count:,}"] for table, count in deleted.items()]
    headers = [call.say(f"cli.column.{name}") for name in ("table", "deleted")]
    key = "cli.retention.elsewhere" if done["is_elsewhere"] else "cli.done.retention"
    return Outcome(
        blocks=[Rows(headers, shown), Lines([call.say(key, count=f"{sum(deleted.values()):,}")])],
        data={"deleted": deleted, "is_complete": done["is_complete"]},
        changes=[
            {**change, "after": deleted.get(str(change["target"]), 0), "applied": True}
            for change in changes
            if deleted.get(str(change["target"]))
        ],
        exit_code=Exit.OK if done["is_complete"] else Exit.PARTIAL,
    )


def _plan_rows(call: Call, tables: list[dict[str, Any]]) -> Rows:
    headers = [call.say(f"cli.column.{name}") for name in ("table", "older_than", "overdue", "oldest")]
    return Rows(
        headers,
        [
            [
                str(item["table"]),
                call.say("cli.retention.days", days=f"{item['older_than_days']:g}"),
                _count(item),
                local_time(item["oldest"]) or "–",
            ]
            for item in tables
        ],
    )


def _count(item: dict[str, Any]) -> str:
    bound = "≥ " if item["is_at_least"] else "≤ " if item["is_at_most"] and item["rows"] else ""
    return f"{bound}{item['rows']:,}"
