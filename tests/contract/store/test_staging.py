"""An import that arrives bit by bit is seen when all of it is there, and leaves nothing where it was cut."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from tests.support.stores import Desk, tenant

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE, TENANT
from langgraph_multi_agent.domain.errors import DependencyUnavailable
from langgraph_multi_agent.service.intake import Fields, message_row, task_row
from langgraph_multi_agent.store import staging, transfer, user_settings

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 2, 1, tzinfo=UTC)


def task(number: int) -> dict[str, Any]:
    value = {"name": f"task {number}", "description": "d", "status": "completed"}
    return as_read(task_row(Fields(value, f"tasks[{number}]"), number, NOW, frozenset({"default"})))


def message(number: int) -> dict[str, Any]:
    value = {"type": "user", "content": f"message {number}", "sender": "local"}
    return as_read(message_row(Fields(value, f"chat_history[{number}]"), number, NOW))


def as_read(row: Any) -> dict[str, Any]:
    """As it comes out of the file of checked rows."""
    found: dict[str, Any] = orjson.loads(orjson.dumps(row))
    return found


async def arrived(desk: Desk) -> str:
    """An import whose three tasks and two messages have arrived."""
    import_id = await desk.database.write(DEFAULT_SCOPE, staging.begin)
    page = [task(number) for number in range(3)]
    assert len(await desk.database.write(DEFAULT_SCOPE, staging.stage_tasks, import_id, page)) == 3
    messages = [message(number) for number in range(2)]
    assert await desk.database.write(DEFAULT_SCOPE, staging.stage_messages, import_id, messages) == 2
    return import_id


async def counted(desk: Desk, table: str) -> int:
    [row] = await desk.rows(f"SELECT count(*) AS n FROM {table}")
    return int(row["n"])


async def seen(desk: Desk) -> tuple[int, int]:
    """Tasks and messages that the person can see."""
    messages = await desk.database.read(DEFAULT_SCOPE, lambda store: sum(map(len, transfer.messages(store))))
    return len(await desk.ids()), messages


async def test_nothing_is_seen_before_all_has_arrived_and_then_all_of_it_at_once(desk: Desk) -> None:
    import_id = await arrived(desk)
    assert await seen(desk) == (0, 0)
    wanted = {"theme": "dark"}
    assert await desk.database.write(DEFAULT_SCOPE, staging.complete, import_id, wanted, rows=5) == 1
    assert await seen(desk) == (3, 2)
    assert (await desk.database.read(DEFAULT_SCOPE, user_settings.read))["theme"] == "dark"
    assert not await desk.database.read(SYSTEM_SCOPE, staging.is_unsettled)
    assert await desk.ids(tenant("other")) == []


async def test_where_rows_wait_is_nobodys_tenant(desk: Desk) -> None:
    await arrived(desk)
    rows = await desk.rows("SELECT tenant FROM tasks UNION SELECT tenant FROM chat_messages")
    owners = [row["tenant"] for row in rows]
    assert len(owners) == 1
    assert not any(TENANT.fullmatch(owner) for owner in owners)


async def test_an_import_too_large_for_one_commit_is_shown_step_by_step(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "STEP", 2)
    import_id = await arrived(desk)
    await desk.database.write(DEFAULT_SCOPE, staging.complete, import_id, {}, rows=staging.AT_ONCE + 1)
    shown = [await seen(desk)]
    while await desk.database.write(SYSTEM_SCOPE, staging.settle):
        shown.append(await seen(desk))
    assert shown == [(0, 0), (2, 0), (3, 0), (3, 2), (3, 2)]


async def test_what_was_cut_short_goes_without_a_trace_and_cannot_be_completed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "STEP", 2)
    import_id = await arrived(desk)
    assert await desk.database.read(SYSTEM_SCOPE, staging.is_unsettled)
    while await desk.database.write(SYSTEM_SCOPE, staging.settle):
        assert await seen(desk) == (0, 0)
    for table in ("tasks", "chat_messages", "agent_messages", "imports"):
        assert await counted(desk, table) == 0
    with pytest.raises(DependencyUnavailable):
        await desk.database.write(DEFAULT_SCOPE, staging.complete, import_id, {}, rows=5)
