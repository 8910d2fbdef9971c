"""Every number of the dashboard is what hand-written SQL counts, on random data and both backends."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.support.stores import BACKENDS, Desk, ManualClock, counting_ids, tenant

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.service.analytics import AnalyticsService, Dashboard
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.sets import insert_rows

pytestmark = pytest.mark.anyio

STATUSES = ("pending", "in_progress", "waiting_input", "paused", "completed", "failed", "cancelled")
TODAY = datetime(2026, 3, 1, tzinfo=UTC)  # the day of ManualClock
WINDOW = TODAY - timedelta(days=29)


@pytest.fixture(params=sorted(BACKENDS))
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    clock, new_id = ManualClock(), counting_ids()
    async with BACKENDS[request.param](tmp_path, clock, new_id) as database:
        yield Desk(database, clock, new_id)


@unit
def fill(store: Store, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    insert_rows(store, schema.metadata.tables[table], rows)


async def fill_at_random(desk: Desk, seed: int) -> None:
    """Tasks, events and model calls of two tenants over some 14 months, on the edges of days too."""
    chance = random.Random(seed)

    def moment(days: float) -> datetime:
        if chance.random() < 0.2:
            edge = TODAY - timedelta(days=chance.randrange(int(days)))
            return edge - timedelta(microseconds=chance.choice([0, 1]))
        return TODAY + timedelta(hours=12) - timedelta(seconds=chance.random() * days * 86_400)

    tasks, events, calls = [], [], []
    for number in range(240):
        owner = chance.choice(["default", "default", "default", "other"])
        task_id, status = desk.new_id(), chance.choice(STATUSES)
        created = moment(chance.choice([25, 45, 430]))
        started = created + timedelta(seconds=chance.choice([0.0, chance.random() * 900]))
        ended = started + timedelta(seconds=chance.choice([0, 9.999999, 10, 60, chance.random() * 20_000]))
        is_ended = status in ("completed", "failed", "cancelled")
        tasks.append(
            {
                "id": task_id,
                "tenant": owner,
                "title": f"task {number}",
                "description": "d",
                "priority": chance.randint(1, 4),
                "team": chance.choice(["default", "research", "ops"]),
                "deadline": chance.choice([None, ended, ended - timedelta(microseconds=1)]),
                "language": "zh",
                "status": status,
                "input_data": {},
                "files": [],
                "budget": {},
                "cost": {},
                "created_at": created,
                "updated_at": created,
                "started_at": None if chance.random() < 0.2 else started,
                "completed_at": ended if is_ended else None,
                "generation": chance.choice([1, 1, 2]),
                "run_at": created,
                "protocol_version": 1,
                "last_seq": 0,
            }
        )
        for seq in range(1, chance.randint(2, 6)):
            kind = chance.choice(["task.submitted", "task.failed", "subtask.completed", "subtask.failed"])
            code = chance.choice(["AGENT_RESET", "SKILL_FAILED"])
            data: dict[str, Any] = {"by": "someone"}
            if kind == "subtask.completed":
                data = {"duration_s": round(chance.random() * 50, 3), "reused": chance.random() < 0.2}
            elif kind == "subtask.failed":
                data = {"error": {"code": code, "params": {}}, "duration_s": 1.0}
            events.append(
                {
                    "tenant": owner,
                    "task_id": task_id if chance.random() < 0.9 else desk.new_id(),
                    "seq": seq,
                    "type": kind,
                    "agent": chance.choice(["reader", "writer", None]) if kind.startswith("sub") else None,
                    "subtask_id": None,
                    "data": data,
                    "created_at": moment(45),
                }
            )
        calls += [
            {
                "id": desk.new_id(),
                "tenant": owner,
                "task_id": task_id,
                "agent": "reader",
                "epoch": 1,
                "state": chance.choice(["settled", "settled", "reserved"]),
                "reserved_tokens": 10,
                "reserved_cost": 1.0,
                "input_tokens": chance.randint(0, 5000),
                "output_tokens": chance.randint(0, 500),
                "cost": round(chance.random(), 6),
                "created_at": moment(45),
            }
            for _ in range(chance.randint(0, 3))
        ]
    for table, rows in (("tasks", tasks), ("agent_messages", events), ("model_calls", calls)):
        await desk.database.write(DEFAULT_SCOPE, fill, table, rows)


class Counting:
    """Numbers as an operator would count them in a database shell, for the tenant `default`."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._is_sqlite = desk, desk.database.dialect == "sqlite"

    def time(self, moment: datetime) -> Any:
        return moment.strftime("%Y-%m-%d %H:%M:%S.%f") if self._is_sqlite else moment

    async def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        bound = {name: self.time(v) if isinstance(v, datetime) else v for name, v in values.items()}
        return [tuple(row.values()) for row in await self._desk.rows(statement, **bound)]

    async def one(self, statement: str, **values: Any) -> Any:
        [[value]] = await self.rows(statement, **values)
        return value

    async def tasks(self, condition: str = "1 = 1", **values: Any) -> int:
        found = await self.one(f"SELECT count(*) FROM tasks WHERE tenant = 'default' AND {condition}", **values)
        return int(found)

    @property
    def seconds(self) -> str:
        """Of a task from start to end, dialect by dialect and otherwise than the product does it."""
        if self._is_sqlite:
            return "(julianday(completed_at) - julianday(started_at)) * 86400"
        return "EXTRACT(EPOCH FROM completed_at - started_at)"


async def opened(desk: Desk, seed: int) -> tuple[Dashboard, Counting]:
    await fill_at_random(desk, seed)
    return await AnalyticsService(database=desk.database).dashboard(DEFAULT_SCOPE), Counting(desk)


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_totals_are_counted(desk: Desk, seed: int) -> None:
    dashboard, sql = await opened(desk, seed)
    total, completed = await sql.tasks(), await sql.tasks("status = 'completed'")
    assert (dashboard.totals.total, dashboard.totals.completed) == (total, completed)
    assert dashboard.completion_rate == round(100 * completed / total, 1)
    assert dashboard.totals.at_work == await sql.tasks("status IN ('in_progress','waiting_input','paused')")
    ended = await sql.tasks("completed_at >= :since", since=WINDOW)
    well = await sql.tasks(
        "status = 'completed' AND completed_at >= :since AND generation = 1"
        " AND NOT (deadline IS NOT NULL AND deadline < completed_at)",
        since=WINDOW,
    )
    assert 0 < well < ended
    assert dashboard.totals.ended == ended
    assert dashboard.efficiency_index == round(100 * well / ended, 1)


async def test_trends_are_counted_month_by_month_and_day_by_day(desk: Desk) -> None:
    dashboard, sql = await opened(desk, 3)
    edges = [datetime(2025, month, 1, tzinfo=UTC) for month in range(4, 13)]
    edges += [datetime(2026, month, 1, tzinfo=UTC) for month in range(1, 5)]
    expected = {
        start.strftime("%Y-%m"): await sql.tasks(
            "status = 'completed' AND completed_at >= :a AND completed_at < :b", a=start, b=end
        )
        for start, end in pairwise(edges)
    }
    assert dict(dashboard.months) == expected
    assert list(dashboard.months)[-1] == "2026-03"
    assert len(dashboard.days) == 30
    for number, day in enumerate(dashboard.days):
        start = WINDOW + timedelta(days=number)
        window = {"a": start, "b": start + timedelta(days=1)}
        assert day.date == start.date().isoformat()
        assert day.created == await sql.tasks("created_at >= :a AND created_at < :b", **window)
        for status in ("completed", "failed", "cancelled"):
            counted = await sql.tasks(
                f"status = '{status}' AND completed_at >= :a AND completed_at < :b", **window
            )
            assert getattr(day, status) == counted


async def test_teams_are_counted(desk: Desk) -> None:
    dashboard, sql = await opened(desk, 4)
    rows = await sql.rows(
        "SELECT team, count(*) FROM tasks WHERE tenant = 'default' GROUP BY team ORDER BY 2 DESC, 1"
    )
    assert list(dashboard.teams.items()) == rows


@pytest.mark.parametrize("seed", [5, 6])
async def test_durations_are_those_of_the_completed_tasks(desk: Desk, seed: int) -> None:
    dashboard, sql = await opened(desk, seed)
    of_window = "tenant = 'default' AND status = 'completed' AND started_at IS NOT NULL AND completed_at >= :since"
    rows = await sql.rows(
        f"SELECT {sql.seconds} FROM tasks WHERE {of_window} ORDER BY 1", since=WINDOW
    )
    taken = [float(value) for (value,) in rows]
    count = len(taken)
    found = dashboard.durations
    assert found.count == count > 5
    assert found.p50_s == pytest.approx(taken[-(-count * 50 // 100) - 1], abs=0.002)
    assert found.p90_s == pytest.approx(taken[-(-count * 90 // 100) - 1], abs=0.002)
    assert sum(found.classes) == count
    below_hour = [value for value in taken if value < 3599.99]
    assert sum(found.classes[:7]) == len(below_hour)


async def test_a_duration_on_a_bound_belongs_to_the_class_above_it(desk: Desk) -> None:
    await desk.submit()
    start = datetime(2026, 2, 20, tzinfo=UTC)
    for seconds, number in ((9.999999, 0), (10.0, 1), (29.9, 1), (14_400.0, 8)):
        end = start + timedelta(seconds=seconds)
        at = Counting(desk).time
        await desk.sql(
            "UPDATE tasks SET status = 'completed', started_at = :a, completed_at = :b", a=at(start), b=at(end)
        )
        found = (await AnalyticsService(database=desk.database).dashboard(DEFAULT_SCOPE)).durations
        assert [n for n, count in enumerate(found.classes) if count] == [number], seconds


async def test_agents_are_counted_from_the_log(desk: Desk) -> None:
    dashboard, sql = await opened(desk, 7)
    of_window = "tenant = 'default' AND created_at >= :since AND agent = :agent"
    assert {item.agent for item in dashboard.agents} == {"reader", "writer"}
    for item in dashboard.agents:
        values = {"since": WINDOW, "agent": item.agent}
        completed = await sql.rows(
            f"SELECT data FROM agent_messages WHERE {of_window} AND type = 'subtask.completed'", **values
        )
        failed = await sql.rows(
            f"SELECT data FROM agent_messages WHERE {of_window} AND type = 'subtask.failed'", **values
        )
        assert item.completed == len(completed)
        assert item.failed == sum("AGENT_RESET" not in data for (data,) in failed)
        worked = [json.loads(data) for (data,) in completed]
        seconds = sorted(data["duration_s"] for data in worked if not data["reused"])
        assert item.median_s == seconds[-(-len(seconds) // 2) - 1]


async def test_spending_is_summed_by_day_and_reservations_are_not_spent(desk: Desk) -> None:
    dashboard, sql = await opened(desk, 8)
    assert len(dashboard.spending) == 30
    for number, (date, spent) in enumerate(dashboard.spending.items()):
        start = WINDOW + timedelta(days=number)
        [[taken, given, cost, calls]] = await sql.rows(
            "SELECT coalesce(sum(input_tokens), 0) AS i, coalesce(sum(output_tokens), 0) AS o,"
            " coalesce(sum(cost), 0) AS c, count(*) AS n FROM model_calls"
            " WHERE tenant = 'default' AND state = 'settled' AND created_at >= :a AND created_at < :b",
            a=start,
            b=start + timedelta(days=1),
        )
        assert date == start.date().isoformat()
        assert (spent.input_tokens, spent.output_tokens, spent.calls) == (int(taken), int(given), calls)
        assert spent.cost == pytest.approx(float(cost))


async def test_activities_are_the_newest_steps_in_tasks_lives(desk: Desk) -> None:
    dashboard, sql = await opened(desk, 9)
    rows = await sql.rows(
        "SELECT m.type, m.task_id, (SELECT t.title FROM tasks t WHERE t.id = m.task_id)"
        " FROM agent_messages m WHERE m.tenant = 'default' AND m.type LIKE 'task.%'"
        " ORDER BY m.created_at DESC, m.id DESC LIMIT 20"
    )
    assert [(item.type.value, item.task_id, item.title) for item in dashboard.activities] == rows
    assert any(item.title is None for item in dashboard.activities)


async def test_another_tenant_sees_none_of_it(desk: Desk) -> None:
    await fill_at_random(desk, 10)
    found = await AnalyticsService(database=desk.database).dashboard(tenant("nobody"))
    assert (found.totals.total, found.completion_rate, found.efficiency_index) == (0, 0.0, 0.0)
    assert not any(found.months.values())
    assert not found.teams
    assert not found.agents
    assert not found.activities
    assert (found.durations.count, found.durations.p50_s) == (0, None)


async def test_all_who_ask_at_once_get_one_dashboard_and_each_tenant_its_own(desk: Desk) -> None:
    await fill_at_random(desk, 12)
    service = AnalyticsService(database=desk.database)
    first, *others = await asyncio.gather(*(service.dashboard(DEFAULT_SCOPE) for _ in range(4)))
    assert all(found is first for found in others)
    assert (await service.dashboard(tenant("nobody"))).totals.total == 0
