"""What a tenant may use: nobody gets past it together, and who has no limit pays nothing for it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from tests.support.server import open_desk
from tests.support.stores import BACKENDS, run_sql
from uuid_utils import uuid7

from langgraph_multi_agent.access import SYSTEM_SCOPE, WORKER_SCOPE, Scope
from langgraph_multi_agent.cli.quota import MAX_TASKS, MAX_TOKENS
from langgraph_multi_agent.domain.errors import BudgetExceeded, DayQuotaExceeded, QueueFull, QuotaExceeded
from langgraph_multi_agent.domain.quota import UNLIMITED, Quota
from langgraph_multi_agent.domain.task import Action, Cost, Task, TaskDraft
from langgraph_multi_agent.service.chat.model import NOT_USABLE
from langgraph_multi_agent.service.quotas import QuotaService
from langgraph_multi_agent.store import claims, decisions, quotas, runs, submissions, tasks
from langgraph_multi_agent.store.database import Database, Store, unit
from langgraph_multi_agent.store.ledgers import RunBudget
from langgraph_multi_agent.store.runs import Ending
from langgraph_multi_agent.store.submissions import Submissions
from langgraph_multi_agent.store.turns import TurnLedger

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
OURS, THEIRS = Scope(tenant="default", actor="li"), Scope(tenant="other", actor="wang")
DRAFT = TaskDraft(title="harbour", description="harbour")


class DayClock:
    """Stands at a moment until the test moves it."""

    def __init__(self) -> None:
        self.moment = NOON

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()


@pytest.fixture
def clock() -> DayClock:
    return DayClock()


@asynccontextmanager
async def opened(backend: str, path: Path, clock: DayClock, quota: Quota) -> AsyncIterator[Database]:
    async with BACKENDS[backend](path, clock, lambda: str(uuid7())) as database:
        database._quota = quota  # type: ignore[attr-defined]
        yield database


@pytest.fixture(params=sorted(BACKENDS))
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def submit(database: Database, scope: Scope = OURS, *, queue_size: int = 1000) -> Task:
    task, _ = await database.write(
        scope, submissions.submit, str(uuid7()), DRAFT, queue_size=queue_size, idempotency_key=None, body_hash=""
    )
    return task


async def claim_all(database: Database) -> dict[str, int]:
    claimed = await database.write(
        WORKER_SCOPE, claims.claim, "w", limit=100, lease=timedelta(hours=90), teams={"default": "1"}
    )
    return {item.task.id: item.epoch for item in claimed}


async def test_as_many_tasks_are_in_flight_as_the_tenant_may_have_and_other_tenants_have_their_own(
    backend: str, tmp_path: Path, clock: DayClock
) -> None:
    async with opened(backend, tmp_path, clock, Quota(tasks_in_flight=2)) as database:
        first = await submit(database)
        await submit(database)
        with pytest.raises(QuotaExceeded) as refused:
            await submit(database)
        assert (refused.value.status, refused.value.params["limit"]) == (429, 2)
        assert refused.value.params["retry_after_s"] > 0
        await submit(database, THEIRS)
        epochs = await claim_all(database)  # at work, they are in flight as before
        with pytest.raises(QuotaExceeded):
            await submit(database)
        await database.write(
            WORKER_SCOPE, runs.finish, first.id, epochs[first.id], Ending(action=Action.COMPLETE, result={})
        )
        await submit(database)
        with pytest.raises(QuotaExceeded):  # an ended one that goes on is one more
            await database.write(OURS, decisions.make_pending, first.id, Action.REOPEN, actor="li")
        assert await statuses(database, first.id) == "completed"


async def statuses(database: Database, task_id: str) -> str:
    found = await database.read(OURS, tasks.list_tasks, tasks.TaskFilter(), limit=100, after=None)
    return next(task.status.value for task in found if task.id == task_id)


async def test_concurrent_submissions_do_not_get_past_the_limit_together(
    backend: str, tmp_path: Path, clock: DayClock
) -> None:
    limit, asked = 7, 40
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened(backend, tmp_path, clock, Quota(tasks_in_flight=limit)))
        gathered = Submissions(database, queue_size=1000)
        answers = await asyncio.gather(
            *(gathered.submit(OURS, str(uuid7()), DRAFT) for _ in range(asked)),
            *(submit(database) for _ in range(asked)),
            return_exceptions=True,
        )
        assert len([answer for answer in answers if isinstance(answer, Task)]) == limit
        refused = [answer for answer in answers if not isinstance(answer, Task)]
        assert {type(answer) for answer in refused} == {QuotaExceeded}
        found = await database.read(OURS, tasks.list_tasks, tasks.TaskFilter(), limit=100, after=None)
        assert len(found) == limit


async def test_a_row_of_quotas_is_stronger_than_the_settings_for_what_it_names(
    backend: str, tmp_path: Path, clock: DayClock
) -> None:
    row = "INSERT INTO quotas (tenant, tasks_in_flight, updated_at) VALUES ('default', 3, :now)"
    async with opened(backend, tmp_path, clock, Quota(tasks_in_flight=1, tokens_a_day=100)) as database:
        now: Any = "2026-11-22 12:00:00.000000" if backend == "sqlite" else NOON
        await database.write(OURS, run_sql, row, {"now": now})
        for _ in range(3):
            await submit(database)
        with pytest.raises(QuotaExceeded):
            await submit(database)
        await submit(database, THEIRS)
        with pytest.raises(QuotaExceeded):
            await submit(database, THEIRS)
        epochs = await claim_all(database)
        budget = RunBudget(database=database, task_id=next(iter(epochs)), epoch=1, agent="desk", subtask_id=None)
        with pytest.raises(DayQuotaExceeded):
            await budget.reserve(tokens=101, cost=0.0)


@pytest.mark.parametrize("what", ["tokens", "cost"])
async def test_a_day_that_is_spent_refuses_calls_and_tasks_until_midnight(
    backend: str, tmp_path: Path, clock: DayClock, what: str
) -> None:
    quota = Quota(tokens_a_day=100) if what == "tokens" else Quota(cost_a_day=1.0)
    async with opened(backend, tmp_path, clock, quota) as database:
        one, other = await submit(database), await submit(database)
        theirs = await submit(database, THEIRS)
        epochs = await claim_all(database)

        def budget(task: Task) -> RunBudget:
            return RunBudget(
                database=database, task_id=task.id, epoch=epochs[task.id], agent="desk", subtask_id=None
            )

        reserved = await budget(one).reserve(tokens=90, cost=0.9)
        with pytest.raises(BudgetExceeded) as refused:  # another task of the tenant counts
            await budget(other).reserve(tokens=20, cost=0.2)
        assert (type(refused.value), refused.value.params["what"]) == (DayQuotaExceeded, what)
        assert refused.value.params["retry_after_s"] == 12 * 3600
        await budget(theirs).reserve(tokens=90, cost=0.9)
        await budget(one).settle(reserved, Cost(input_tokens=40, output_tokens=10, cost=0.5, model_calls=1))
        talk = TurnLedger(database=database, scope=OURS, message_id="m", agent="chat")
        said = await talk.reserve(tokens=50, cost=0.5)  # chat counts too
        await talk.settle(said, Cost(input_tokens=25, output_tokens=25, cost=0.5, model_calls=1))
        with pytest.raises(DayQuotaExceeded):
            await talk.reserve(tokens=1, cost=0.01)
        with pytest.raises(DayQuotaExceeded):
            await submit(database)
        clock.moment = NOON + timedelta(hours=12)
        await submit(database)
        await budget(other).reserve(tokens=20, cost=0.2)


async def test_deleting_a_task_gives_nothing_of_the_day_back(backend: str, tmp_path: Path, clock: DayClock) -> None:
    async with opened(backend, tmp_path, clock, Quota(tokens_a_day=100)) as database:
        task = await submit(database)
        epoch = (await claim_all(database))[task.id]
        budget = RunBudget(database=database, task_id=task.id, epoch=epoch, agent="desk", subtask_id=None)
        reserved = await budget.reserve(tokens=100, cost=0.0)
        await budget.settle(reserved, Cost(input_tokens=60, output_tokens=40, model_calls=1))
        await database.write(
            WORKER_SCOPE, runs.finish, task.id, epoch, Ending(action=Action.COMPLETE, result={})
        )
        await database.write(OURS, decisions.remove, task.id, actor="li")
        with pytest.raises(DayQuotaExceeded):
            await submit(database)


async def test_concurrent_calls_do_not_spend_more_than_the_day_together(
    backend: str, tmp_path: Path, clock: DayClock
) -> None:
    async with opened(backend, tmp_path, clock, Quota(tokens_a_day=50)) as database:
        for _ in range(12):
            await submit(database)
        epochs = await claim_all(database)
        answers = await asyncio.gather(
            *(
                RunBudget(database=database, task_id=task, epoch=epoch, agent="desk", subtask_id=None).reserve(
                    tokens=10, cost=0.0
                )
                for task, epoch in epochs.items()
            ),
            return_exceptions=True,
        )
        assert len([answer for answer in answers if isinstance(answer, str)]) == 5
        assert {type(answer) for answer in answers if not isinstance(answer, str)} == {DayQuotaExceeded}


@pytest.fixture
def statements() -> Iterator[list[str]]:
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield found
    event.remove(Engine, "before_cursor_execute", note)


async def test_without_a_limit_nothing_is_counted_summed_or_locked(
    backend: str, tmp_path: Path, clock: DayClock, statements: list[str]
) -> None:
    async with opened(backend, tmp_path, clock, UNLIMITED) as database:
        await submit(database)
        epochs = await claim_all(database)
        [(task_id, epoch)] = epochs.items()
        budget = RunBudget(database=database, task_id=task_id, epoch=epoch, agent="desk", subtask_id=None)
        await budget.reserve(tokens=10, cost=0.1)
    asked = [statement for statement in statements if "quota" in statement and "CREATE" not in statement]
    assert len(asked) == 2  # joined to what was looked at anyway
    assert not [words for words in statements if "advisory" in words or "ELSE model_calls.reserved" in words]
    assert not [words for words in asked if "'waiting_input'" in words]


async def test_a_full_queue_is_said_before_the_quota(backend: str, tmp_path: Path, clock: DayClock) -> None:
    async with opened(backend, tmp_path, clock, Quota(tasks_in_flight=1)) as database:
        await submit(database)
        with pytest.raises(QueueFull):
            await submit(database, queue_size=1)


def test_an_agent_and_the_chat_do_without_a_model_where_the_day_is_spent() -> None:
    assert issubclass(DayQuotaExceeded, NOT_USABLE)


async def test_the_api_answers_429_with_retry_after_in_the_callers_language(tmp_path: Path) -> None:
    async with open_desk(tmp_path / "data", tenant_tasks_in_flight=1) as desk:
        once = {"idempotency-key": "once"}
        made = await desk.client.post("/api/v1/tasks", json={"description": "x"}, headers=once)
        for language, word in (("zh", "最多"), ("en", "tenant")):
            headers = {"accept-language": language}
            answer = await desk.client.post("/api/v1/tasks", json={"description": "x"}, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (429, "QUOTA_EXCEEDED")
            assert int(answer.headers["retry-after"]) >= 1
            assert word in answer.json()["detail"]
        again = await desk.client.post("/api/v1/tasks", json={"description": "x"}, headers=once)
        assert again.json()["id"] == made.json()["id"]  # asked twice, it is one task


async def test_limits_of_its_own_count_for_a_tenant_until_they_are_taken_back(
    backend: str, tmp_path: Path, clock: DayClock
) -> None:
    async with opened(backend, tmp_path, clock, Quota(tasks_in_flight=3, tokens_a_day=1000)) as database:
        service = QuotaService(database=database)
        assert (await service.allowance(OURS)).limits == Quota(tasks_in_flight=3, tokens_a_day=1000)
        await service.set_own(OURS, Quota(tasks_in_flight=1, cost_a_day=0.5))
        ours = await service.allowance(OURS)
        assert ours.limits == Quota(tasks_in_flight=1, tokens_a_day=1000, cost_a_day=0.5)
        assert ours.own == Quota(tasks_in_flight=1, cost_a_day=0.5)
        assert (await service.allowance(THEIRS)).own == UNLIMITED
        await submit(database)
        with pytest.raises(QuotaExceeded):
            await submit(database)
        assert [(await service.allowance(scope)).tasks_in_flight for scope in (OURS, THEIRS)] == [1, 0]
        assert await service.tenants(SYSTEM_SCOPE) == ["default"]
        await service.set_own(THEIRS, Quota(tokens_a_day=5))
        assert await service.tenants(SYSTEM_SCOPE) == ["default", "other"]
        assert await service.tenants(THEIRS) == ["other"]
        await asyncio.gather(*(service.set_own(OURS, Quota(tasks_in_flight=n)) for n in (7, 8, 9)))
        assert (await service.allowance(OURS)).limits.tasks_in_flight in (7, 8, 9)
        await service.set_own(OURS, UNLIMITED)
        assert (await service.allowance(OURS)).limits.tasks_in_flight == 3
        await submit(database)


async def test_a_tenant_that_only_an_issuer_names_is_listed_at_a_price_by_the_number_of_tenants(
    backend: str, tmp_path: Path, clock: DayClock, statements: list[str]
) -> None:
    def planned(store: Store, statement: str) -> list[str]:
        return [str(row[-1]) for row in store.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")]

    async with opened(backend, tmp_path, clock, UNLIMITED) as database:
        service = QuotaService(database=database)
        for tenant in ("acme", "acme", "zeta", "东风"):
            await submit(database, Scope(tenant=tenant, actor="token:abc"))
        statements.clear()
        assert await service.tenants(SYSTEM_SCOPE) == ["acme", "default", "zeta", "东风"]
        [asked] = [words for words in statements if "min(tasks.tenant)" in words]
        assert await service.tenants(Scope(tenant="acme", actor="li")) == ["acme"]
        assert await service.tenants(THEIRS) == ["other"]
        if backend == "sqlite":
            plan = await database.read(SYSTEM_SCOPE, planned, asked)
            assert not [step for step in plan if step in {"SCAN tasks", "SCAN model_calls"}], plan
            assert [step for step in plan if "idx_tasks_listed (tenant>?)" in step], plan
            assert [step for step in plan if "idx_model_calls_tenant_created (tenant>?)" in step], plan


async def test_the_largest_limits_hold_as_any_other_does(backend: str, tmp_path: Path, clock: DayClock) -> None:
    @unit
    def arrived(store: Store) -> None:
        quotas.require_room(store, OURS.tenant or "", 1)
        quotas.tasks_left(store, OURS.tenant or "", quotas.quota(store, OURS.tenant or ""))
        limits = quotas.quota(store, OURS.tenant or "")
        quotas.reserve_of_day(store, OURS.tenant or "", limits, tokens=2**63 - 1, cost=0.0)

    largest = Quota(tasks_in_flight=MAX_TASKS, tokens_a_day=MAX_TOKENS)
    async with opened(backend, tmp_path, clock, UNLIMITED) as database:
        await QuotaService(database=database).set_own(OURS, largest)
        await submit(database)
        await database.write(OURS, arrived)
        assert (await QuotaService(database=database).allowance(OURS)).own == largest


async def test_what_is_shown_as_spent_is_what_the_limit_counts(
    backend: str, tmp_path: Path, clock: DayClock
) -> None:
    async with opened(backend, tmp_path, clock, Quota(tokens_a_day=1000)) as database:
        service = QuotaService(database=database)
        task = await submit(database)
        epoch = (await claim_all(database))[task.id]
        budget = RunBudget(database=database, task_id=task.id, epoch=epoch, agent="desk", subtask_id=None)
        reserved = await budget.reserve(tokens=300, cost=0.25)
        ours = await service.allowance(OURS)
        assert (ours.tokens_today, ours.cost_today) == (300, 0.25)
        await budget.settle(reserved, Cost(input_tokens=40, output_tokens=10, cost=0.125, model_calls=1))
        ours = await service.allowance(OURS)
        assert (ours.tokens_today, ours.cost_today) == (50, 0.125)
        assert (await service.allowance(THEIRS)).tokens_today == 0
        clock.moment = NOON + timedelta(hours=12)
        assert (await service.allowance(OURS)).tokens_today == 0
