"""`lgma tasks schedule` and `lgma db retention` beside a running server."""

import pytest
from tests.e2e.test_cli_attached import Office, office
from tests.support.stores import run_sql

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.cli.exits import Exit

pytestmark = pytest.mark.anyio
__all__ = ["office"]

ADD = ("tasks", "schedule", "add", "daily", "0 9 * * *", "count the sales")


async def schedules(office: Office) -> list[dict[str, object]]:
    found: list[dict[str, object]] = (await office.desk.client.get("/api/v1/schedules")).json()["schedules"]
    return found


async def test_a_schedule_is_added_shown_paused_resumed_and_removed(office: Office) -> None:
    dry = await office.json(*ADD, "--timezone", "Asia/Shanghai", "--dry-run")
    assert dry["changes"][0]["applied"] is False
    assert await schedules(office) == []

    (change,) = (await office.json(*ADD, "--timezone", "Asia/Shanghai", "--priority", "high"))["changes"]
    assert change["undo"] == "lgma tasks schedule remove daily"
    (made,) = await schedules(office)
    assert change["after"] == made
    assert made["timezone"] == "Asia/Shanghai"

    listed, _ = await office.lgma("tasks", "schedule", "list")
    assert "daily" in listed
    shown, _ = await office.lgma("tasks", "schedule", "show", str(made["id"]))
    assert "count the sales" in shown

    (change,) = (await office.json("tasks", "schedule", "pause", "daily"))["changes"]
    assert (change["before"], change["after"]) == (True, False)
    paused, _ = await office.lgma("tasks", "schedule", "list")
    assert "paused" in paused
    await office.json(*str(change["undo"]).split()[1:])
    assert await schedules(office) != []

    refused = await office.json("tasks", "schedule", "remove", "daily", expect=Exit.REFUSED)
    assert refused["errors"][0]["code"] == "NOT_CONFIRMED"
    (change,) = (await office.json("tasks", "schedule", "remove", "daily", "--yes"))["changes"]
    assert change["before"]["id"] == made["id"]
    assert await schedules(office) == []


async def test_running_a_schedule_submits_its_task_and_names_the_undo(office: Office) -> None:
    await office.json(*ADD)
    assert (await office.json("tasks", "schedule", "run", "daily", "--dry-run"))["changes"][0]["applied"] is False
    envelope = await office.json("tasks", "schedule", "run", "daily")
    (task,) = (await office.desk.client.get("/api/v1/tasks")).json()["tasks"]
    assert envelope["data"]["task"] == task
    assert envelope["changes"][0]["undo"] == f"lgma tasks cancel {task['id']}"


async def test_wrong_times_and_names_are_told_in_words(office: Office) -> None:
    argv = ("tasks", "schedule", "add", "n", "61 * * * *", "x", "--timezone", "Mars/Base")
    wrong = await office.json(*argv, expect=Exit.FAILED)
    assert [item["code"] for item in wrong["errors"][0]["errors"]] == ["timezone_unknown", "cron_invalid"]
    _, shown = await office.lgma(*argv, "--lang", "zh", expect=Exit.FAILED)
    assert "没有名为“Mars/Base”的时区" in shown
    unknown = await office.json("tasks", "schedule", "show", "nobody", expect=Exit.FAILED)
    assert unknown["errors"][0]["code"] == "SCHEDULE_UNKNOWN"


async def test_retention_shows_its_plan_asks_and_deletes(office: Office) -> None:
    nothing = await office.json("db", "retention", "run")
    assert nothing["changes"] == []
    task = await office.desk.submit()
    await office.desk.client.post(f"/api/v1/tasks/{task['id']}/cancel")
    await office.desk.database.write(
        SYSTEM_SCOPE, run_sql, "UPDATE agent_messages SET created_at = '2020-01-01 00:00:00.000000'", {}
    )
    plan = await office.json("db", "retention", "plan")
    rows = {item["table"]: item["rows"] for item in plan["data"]["tables"]}
    assert rows["agent_messages"] == 2
    (unapplied,) = (await office.json("db", "retention", "run", "--dry-run"))["changes"]
    assert unapplied["applied"] is False
    refused = await office.json("db", "retention", "run", expect=Exit.REFUSED)
    assert refused["errors"][0]["code"] == "NOT_CONFIRMED"
    assert (await office.desk.client.get(f"/api/v1/tasks/{task['id']}/events")).status_code == 200

    (change,) = (await office.json("db", "retention", "run", "--yes"))["changes"]
    assert (change["target"], change["before"], change["after"]) == ("agent_messages", 2, 2)
    assert (await office.desk.client.get(f"/api/v1/tasks/{task['id']}/events")).status_code == 410
