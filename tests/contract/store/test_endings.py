"""How runs end: people's wishes win, crashes are counted, an operator's SQL is a fact."""

from typing import Any

import pytest
from tests.support.stores import LEASE, Desk

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE, WORKER_SCOPE
from langgraph_multi_agent.domain.errors import (
    AlreadyAnswered,
    IllegalTransition,
    LeaseLost,
    QuestionNotFound,
    TaskNotFound,
)
from langgraph_multi_agent.domain.ports import Step
from langgraph_multi_agent.domain.task import Action, TaskStatus
from langgraph_multi_agent.store import decisions, leases
from langgraph_multi_agent.store.claims import Claimed
from langgraph_multi_agent.store.journal import FencedWrite, commit_steps
from langgraph_multi_agent.store.leases import MAX_LONE_CRASHES
from langgraph_multi_agent.store.runs import Ending

S = TaskStatus
Q = {"id": "1/1/a/1/1", "kind": "clarification", "text": "which?", "options": [], "subtask_id": "a"}


async def end(desk: Desk, run: Claimed, action: Action, **values: Any) -> TaskStatus:
    """End a run as the worker does, through the group commit."""
    write = FencedWrite(task_id=run.task.id, epoch=run.epoch, ending=Ending(action=action, **values))
    (fault,) = await desk.database.write(WORKER_SCOPE, commit_steps, [write])
    if fault is not None:
        raise fault
    assert write.status is not None
    return write.status


async def control(desk: Desk, task_id: str, action: Action) -> Any:
    return await desk.database.write(DEFAULT_SCOPE, decisions.request_control, task_id, action, actor="li")


async def pending(desk: Desk, task_id: str, action: Action) -> Any:
    return await desk.database.write(DEFAULT_SCOPE, decisions.make_pending, task_id, action, actor="li")


async def journal(desk: Desk, run: Claimed, key: str, result: Any = None) -> None:
    step = Step(key=key, input_hash="", result=result)
    write = FencedWrite(task_id=run.task.id, epoch=run.epoch, step=step, result=result)
    assert await desk.database.write(WORKER_SCOPE, commit_steps, [write]) == [None]


async def answer(desk: Desk, task_id: str, question_id: str = Q["id"]) -> Any:
    return await desk.database.write(
        DEFAULT_SCOPE, decisions.answer, task_id, question_id, {"text": "both"}, actor="li", input_hash="h"
    )


async def beat(desk: Desk, run: Claimed) -> leases.Beat:
    (found,) = await desk.database.write(
        WORKER_SCOPE, leases.heartbeat, "w1", [(run.task.id, run.epoch)], lease=LEASE
    )
    return found


async def run_row(desk: Desk, epoch: int = 1) -> dict[str, Any]:
    (row,) = await desk.rows(
        "SELECT status, completed_at, error_message FROM workflow_executions WHERE epoch = :e", e=epoch
    )
    return row


async def test_completing_records_result_progress_time_and_event(desk: Desk) -> None:
    run = await desk.running()
    assert (
        await end(desk, run, Action.COMPLETE, result={"summary": "好"}, detail="partial", active_s=2.5)
        is S.COMPLETED
    )
    task = await desk.get(run.task.id)

    assert (task.result, task.progress, task.status_detail, task.error) == (
        {"summary": "好"},
        100,
        "partial",
        None,
    )
    assert task.completed_at is not None
    assert await desk.events(task.id) == ["task.submitted", "task.started", "task.completed"]
    assert (await run_row(desk))["status"] == "completed"
    assert await desk.rows("SELECT * FROM leases") == []
    with pytest.raises(LeaseLost):
        await end(desk, run, Action.FAIL)


async def test_failing_records_the_error_where_people_and_operators_look(desk: Desk) -> None:
    run = await desk.running()
    error = {"code": "WORKFLOW_TIMEOUT", "params": {"limit_s": 1}}
    assert await end(desk, run, Action.FAIL, error=error, result={"summary": "half"}) is S.FAILED
    task = await desk.get(run.task.id)
    assert (task.error, task.result) == (error, {"summary": "half"})
    assert await desk.rows("SELECT error_message FROM tasks") == [{"error_message": "WORKFLOW_TIMEOUT"}]
    assert (await run_row(desk))["error_message"] == "WORKFLOW_TIMEOUT"


@pytest.mark.parametrize(
    "action", [Action.COMPLETE, Action.FAIL, Action.PARK, Action.HAND_BACK, Action.PAUSE]
)
async def test_a_cancel_that_came_meanwhile_wins_over_any_other_ending(desk: Desk, action: Action) -> None:
    run = await desk.running()
    await control(desk, run.task.id, Action.CANCEL)
    assert (await beat(desk, run)).control == "cancel"
    assert await end(desk, run, action, result={"summary": "late"}) is S.CANCELLED
    task = await desk.get(run.task.id)
    assert (task.result, task.status_detail) == (None, None)
    assert (await desk.events(task.id))[-1] == "task.cancelled"


@pytest.mark.parametrize(
    ("action", "status"),
    [
        (Action.PARK, S.PAUSED),
        (Action.HAND_BACK, S.PAUSED),
        (Action.PAUSE, S.PAUSED),
        (Action.COMPLETE, S.COMPLETED),
        (Action.FAIL, S.FAILED),
    ],
)
async def test_a_pause_takes_what_would_have_waited_and_leaves_what_has_ended(
    desk: Desk, action: Action, status: TaskStatus
) -> None:
    run = await desk.running()
    await control(desk, run.task.id, Action.PAUSE)
    assert (await beat(desk, run)).control == "pause"
    assert await end(desk, run, action) is status


async def test_a_pause_never_softens_a_cancel(desk: Desk) -> None:
    run = await desk.running()
    await control(desk, run.task.id, Action.CANCEL)
    task = await control(desk, run.task.id, Action.PAUSE)
    assert task.status_detail == "cancelling"
    assert (await beat(desk, run)).control == "cancel"


async def test_what_does_not_run_is_cancelled_and_paused_at_once(desk: Desk) -> None:
    task_id = await desk.submit()
    assert (await control(desk, task_id, Action.PAUSE)).status is S.PAUSED
    assert await desk.claim() == []
    assert (await pending(desk, task_id, Action.RESUME)).status is S.PENDING
    cancelled = await control(desk, task_id, Action.CANCEL)
    assert (cancelled.status, cancelled.completed_at is None) == (S.CANCELLED, False)
    with pytest.raises(IllegalTransition):
        await control(desk, task_id, Action.PAUSE)
    assert await desk.events(task_id) == ["task.submitted", "task.paused", "task.resumed", "task.cancelled"]


async def test_a_parked_task_holds_no_lease_and_goes_on_with_its_answer(desk: Desk) -> None:
    run = await desk.running()
    await journal(desk, run, f"1/question/{Q['id']}", Q)
    assert await end(desk, run, Action.PARK, questions=(Q,)) is S.WAITING_INPUT
    assert await desk.rows("SELECT * FROM leases") == []
    assert await desk.claim() == []
    assert (await answer(desk, run.task.id)).status is S.PENDING
    with pytest.raises(AlreadyAnswered):
        await answer(desk, run.task.id)
    (again,) = await desk.claim()
    assert (again.epoch, again.is_first) == (2, False)
    (row,) = await desk.rows("SELECT result FROM journal WHERE key LIKE '1/answer/%'")
    assert '"by":"local"' in str(row["result"]).replace(" ", "") or "li" in str(row["result"])


async def test_an_answer_given_before_parking_turns_parking_into_one_more_run(desk: Desk) -> None:
    run = await desk.running()
    await journal(desk, run, f"1/question/{Q['id']}", Q)
    assert (await answer(desk, run.task.id)).status is S.IN_PROGRESS
    assert await end(desk, run, Action.PARK, questions=(Q,)) is S.PENDING
    assert len(await desk.claim()) == 1


async def test_an_answer_to_a_paused_task_is_kept_and_does_not_start_it(desk: Desk) -> None:
    run = await desk.running()
    await journal(desk, run, f"1/question/{Q['id']}", Q)
    await end(desk, run, Action.PAUSE)
    assert (await answer(desk, run.task.id)).status is S.PAUSED
    assert await desk.claim() == []


async def test_only_questions_that_were_asked_of_living_tasks_are_answered(desk: Desk) -> None:
    run = await desk.running()
    with pytest.raises(QuestionNotFound):
        await answer(desk, run.task.id)
    await journal(desk, run, f"1/question/{Q['id']}", Q)
    await end(desk, run, Action.FAIL)
    with pytest.raises(IllegalTransition):
        await answer(desk, run.task.id)


async def test_questions_too_long_for_an_event_still_park_the_task(desk: Desk) -> None:
    run = await desk.running()
    questions = tuple({**Q, "id": f"1/1/a/1/{n}", "text": "为什么" * 400} for n in range(6))
    assert await end(desk, run, Action.PARK, questions=questions) is S.WAITING_INPUT
    (row,) = await desk.rows("SELECT data FROM agent_messages WHERE type = 'task.waiting_input'")
    assert all(question["id"] in str(row["data"]) for question in questions)


@pytest.mark.parametrize("action", [Action.COMPLETE, Action.FAIL])
async def test_a_result_or_error_too_long_for_an_event_still_ends_the_task(
    desk: Desk, action: Action
) -> None:
    run = await desk.running()
    values = {
        "result": {"summary": "结" * 5000},
        "error": {"code": "SKILL_FAILED", "params": {"detail": "x" * 9000}},
    }
    await end(desk, run, action, **values)
    task = await desk.get(run.task.id)
    assert task.result == values["result"]
    assert len(await desk.events(task.id)) == 3


async def test_retry_opens_a_generation_and_forgets_the_ending_of_the_last(desk: Desk) -> None:
    run = await desk.running()
    await end(desk, run, Action.FAIL, error={"code": "X"}, active_s=5)
    again = await pending(desk, run.task.id, Action.RETRY)
    assert (
        again.generation,
        again.status,
        again.error,
        again.result,
        again.completed_at,
        again.progress,
    ) == (2, S.PENDING, None, None, None, 0)
    (claimed,) = await desk.claim()
    assert (claimed.epoch, claimed.active_s, claimed.is_first) == (2, 0, False)
    with pytest.raises(IllegalTransition):
        await pending(desk, run.task.id, Action.RETRY)


async def test_completed_by_a_person_fences_the_worker_and_invents_no_result(desk: Desk) -> None:
    run = await desk.running()
    task = await desk.database.write(
        DEFAULT_SCOPE, decisions.complete_by_person, run.task.id, actor="li", note="done by phone"
    )
    assert (task.status, task.status_detail, task.result, task.progress) == (
        S.COMPLETED,
        "completed_by_person",
        None,
        100,
    )
    assert not (await beat(desk, run)).is_owned
    with pytest.raises(LeaseLost):
        await end(desk, run, Action.FAIL)
    assert await desk.events(task.id) == ["task.submitted", "task.started", "task.completed"]
    (event,) = await desk.rows("SELECT data FROM agent_messages WHERE type = 'task.completed'")
    assert "li" in str(event["data"])
    assert "done by phone" in str(event["data"])
    assert (await run_row(desk))["status"] == "cancelled"


@pytest.mark.parametrize(
    ("status", "event"),
    [
        ("failed", "task.failed"),
        ("cancelled", "task.cancelled"),
        ("completed", "task.completed"),
        ("paused", "task.paused"),
        ("pending", "task.updated"),
    ],
)
@pytest.mark.parametrize("seen_by", ["heartbeat", "reaper"])
async def test_an_operators_sql_is_obeyed_and_its_missing_event_written_once(
    desk: Desk, status: str, event: str, seen_by: str
) -> None:
    run = await desk.running()
    await desk.sql(
        "UPDATE tasks SET status = :s, error_message = 'reset by admin' WHERE id = :id",
        s=status,
        id=run.task.id,
    )
    with pytest.raises(LeaseLost):
        await end(desk, run, Action.COMPLETE)
    if seen_by == "heartbeat":
        assert not (await beat(desk, run)).is_owned
        assert not (await beat(desk, run)).is_owned
    else:
        desk.clock.advance(LEASE.total_seconds() + 1)
        for _ in range(2):
            await desk.database.write(SYSTEM_SCOPE, leases.reclaim, all_leases=False)

    task = await desk.get(run.task.id)
    assert task.status == status
    assert await desk.events(task.id) == ["task.submitted", "task.started", event]
    assert (task.completed_at is not None) == (status in {"failed", "cancelled", "completed"})
    assert task.error is not None
    assert task.error["detail"] == "reset by admin"
    assert await desk.rows("SELECT * FROM leases") == []
    assert (await run_row(desk))["status"] == "cancelled"


async def crash(desk: Desk, **values: Any) -> list[str]:
    desk.clock.advance(LEASE.total_seconds() + 1)
    return await desk.database.write(SYSTEM_SCOPE, leases.reclaim, **{"all_leases": False, **values})


async def test_a_crashed_run_gives_its_task_back_and_is_counted(desk: Desk) -> None:
    run = await desk.running()
    assert await desk.database.write(SYSTEM_SCOPE, leases.reclaim, all_leases=False) == []
    assert await crash(desk) == [run.task.id]
    task = await desk.get(run.task.id)
    assert (task.status, task.status_detail) == (S.PENDING, "recovering")
    assert await desk.rows("SELECT crash_count FROM tasks") == [{"crash_count": 1}]
    assert (await run_row(desk))["error_message"] == "WORKER_CRASHED"


async def test_at_start_under_the_lock_every_lease_counts_as_expired(desk: Desk) -> None:
    run = await desk.running()
    await desk.sql("DELETE FROM leases")
    other = await desk.running()
    found = await desk.database.write(SYSTEM_SCOPE, leases.reclaim, all_leases=True)
    assert sorted(found) == sorted([run.task.id, other.task.id])


async def test_the_fifth_crash_without_progress_is_a_dead_letter(desk: Desk) -> None:
    task_id = await desk.submit()
    for count in range(1, MAX_LONE_CRASHES):
        (run,) = await desk.claim()
        assert run.must_run_alone == (count > 2)
        assert await crash(desk) == [task_id]
    await desk.claim()
    assert await crash(desk) == []
    task = await desk.get(task_id)
    assert (task.status, task.status_detail, task.error) == (
        S.FAILED,
        "poison",
        {"code": "POISON_TASK", "params": {"crashes": 5}},
    )
    assert await desk.claim() == []
    await pending(desk, task_id, Action.RETRY)
    (run,) = await desk.claim()
    assert not run.must_run_alone


async def test_progress_in_the_journal_starts_the_count_of_crashes_anew(desk: Desk) -> None:
    task_id = await desk.submit()
    for count in range(2 * MAX_LONE_CRASHES):
        (run,) = await desk.claim()
        if count % 3 == 0:
            await journal(desk, run, f"1/step/{count}")
        assert await crash(desk) == [task_id]
    assert (await desk.get(task_id)).status is S.PENDING


@pytest.mark.parametrize(("action", "status"), [(Action.CANCEL, S.CANCELLED), (Action.PAUSE, S.PAUSED)])
async def test_a_wish_that_the_crashed_worker_did_not_fulfil_is_fulfilled_by_the_reaper(
    desk: Desk, action: Action, status: TaskStatus
) -> None:
    run = await desk.running()
    await control(desk, run.task.id, action)
    assert await crash(desk) == []
    task = await desk.get(run.task.id)
    assert (task.status, task.status_detail) == (status, None)
    assert (await desk.events(task.id))[-1] == f"task.{status}"


async def test_a_deleted_task_leaves_one_last_event_and_nothing_else(desk: Desk) -> None:
    run = await desk.running(key="k", body="b")
    await journal(desk, run, "1/x")
    with pytest.raises(IllegalTransition):
        await desk.database.write(DEFAULT_SCOPE, decisions.remove, run.task.id, actor="li")
    await end(desk, run, Action.FAIL)
    last_seq = (await desk.get(run.task.id)).last_seq
    await desk.database.write(DEFAULT_SCOPE, decisions.remove, run.task.id, actor="li")

    with pytest.raises(TaskNotFound):
        await desk.get(run.task.id)
    rows = await desk.rows("SELECT seq, type, tenant FROM agent_messages")
    assert rows == [{"seq": last_seq + 1, "type": "task.deleted", "tenant": "default"}]
    for table in ("journal", "artifacts", "workflow_executions", "leases", "idempotency_keys", "tasks"):
        assert await desk.rows(f"SELECT * FROM {table}") == []


async def test_changing_what_a_person_wrote_is_recorded(desk: Desk) -> None:
    task_id = await desk.submit()
    task = await desk.database.write(
        DEFAULT_SCOPE, decisions.update_fields, task_id, {"title": "new", "priority": 4}, actor="li"
    )
    assert (task.title, task.priority) == ("new", 4)
    assert await desk.events(task_id) == ["task.submitted", "task.updated"]


async def test_the_request_itself_changes_only_before_anybody_worked_on_it(desk: Desk) -> None:
    task_id = await desk.submit()
    await desk.database.write(
        DEFAULT_SCOPE, decisions.update_fields, task_id, {"description": "other"}, actor="li"
    )
    (run,) = await desk.claim()
    change = {"description": "third"}
    with pytest.raises(IllegalTransition):
        await desk.database.write(DEFAULT_SCOPE, decisions.update_fields, task_id, change, actor="li")
    await journal(desk, run, "1/understand/1", {})
    await end(desk, run, Action.HAND_BACK)
    with pytest.raises(
        IllegalTransition
    ):  # what was understood is journalled: it would be of another request
        await desk.database.write(DEFAULT_SCOPE, decisions.update_fields, task_id, change, actor="li")
    assert (await desk.get(task_id)).description == "other"
