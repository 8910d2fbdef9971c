"""A real process is killed before and after every commit; started again, it loses nothing.

The points are not listed here: an undisturbed run reports every commit it makes, and each is then
a point to die at. What must hold is read from outside, from the database and what agents wrote.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.support.crash import GROUNDS, Ground, SqliteGround, Zygote

from langgraph_multi_agent.store.database import UNITS

SHARDS = 2
MATRIX = [
    ("sqlite", "analysis", 1),
    # A part of the points stands for all where minutes count; odd, because befores and afters alternate.
    ("sqlite", "people", 5),
    ("postgresql", "analysis", 3),
    ("postgresql", "people", 5),
    pytest.param("sqlite", "people", 1, marks=pytest.mark.thorough),
    pytest.param("postgresql", "analysis", 1, marks=pytest.mark.thorough),
]
BEAT = "leases.heartbeat"
UNREACHED = {
    "runs.finish": "ends a run outside the flusher, only after a fault of the worker itself",
    "endings_by_hand.record": "what SQL by hand left out: the next second's look writes it again",
    "savers.change_thread": "graphs that users bring rewrite their own thread; ours only adds to it",
    "schedules.fire_due": "test_schedule_fire kills at its commit",
    "chats.exchange": "test_chat_exchange kills at its commit",
    **dict.fromkeys(
        (f"turns.{name}" for name in ("claim", "give_back", "reserve", "settle", "settle_open")),
        "a claim that is left behind is taken over in time, with what it had reserved: test_turns",
    ),
    "transfer.take_over": "an import is one transaction of its own; test_transfer_kill dies at its commit",
    **dict.fromkeys(
        (f"staging.{name}" for name in ("begin", "stage_tasks", "stage_messages", "complete", "settle")),
        "an import page by page; test_transfer_kill dies at each commit",
    ),
    **dict.fromkeys(
        (f"identities.{name}" for name in ("add_user", "change_user", "replace_hash", "add_key", "revoke_key")),
        "an administrator's single write, in force with the next look at it; no task depends on it",
    ),
    **dict.fromkeys(
        ("identities.renew_password", "identities.end_sessions", "quotas.set_own"),
        "a person's or an operator's single write, in force with the next look at it; no task depends on it",
    ),
    **dict.fromkeys(
        (f"sessions.{name}" for name in ("add", "prolong", "end")),
        "a browser's log-in, one row; no task depends on it",
    ),
    "audit.append": "only where people must show who they are; one transaction, and no task depends on it",
    **dict.fromkeys(("feedback.add", "user_settings.change"), "a person's single write; no task depends on it"),
    **dict.fromkeys(
        (f"schedules.{name}" for name in ("create", "change", "remove", "run_now")),
        "a person's single write to one row; no task depends on it",
    ),
    **dict.fromkeys(
        (
            f"erasure.{name}"
            for name in (
                "shut_out",
                "stop_schedules",
                "seal",
                "delete_rows",
                "delete_tasks",
                "delete_turns",
                "delete_hidden",
                "delete_sessions",
                "unname",
                "unassign",
            )
        ),
        "an erasure goes on when it is started again: test_privacy ends it after each of its commits",
    ),
    **dict.fromkeys(
        (
            f"retention.{name}"
            for name in ("delete_messages", "delete_executions", "delete_keys", "delete_audit", "claim_day")
        ),
        "every batch stands alone: a run may end after any",
    ),
}


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as running:
        yield running


def undisturbed(zygote: Zygote, scenario: str, ground: Ground) -> tuple[list[str], dict[str, Any]]:
    """The commits of a run that nobody disturbs, in order, and how it ended."""
    log = ground.directory / "points"
    assert zygote.run(scenario, ground, LGMA_FAILPOINT_LOG=str(log), LGMA_FAILPOINT="") == {"code": 0}
    points = list(dict.fromkeys(log.read_text().split()))
    return points, json.loads((ground.directory / "outcome.json").read_text())


def steps_in_journal(ground: Ground) -> set[str]:
    """Journalled executions as the agents write them: task, kind, subtask, attempt."""
    rows = ground.query("SELECT task_id, key FROM journal")
    return {f"{task_id}/{key.partition('/')[2]}" for task_id, key in rows if key.startswith("1/")}


def executions(directory: Path) -> list[str]:
    log = directory / "executed"
    return log.read_text().split() if log.exists() else []


def check_history(ground: Ground) -> None:
    """Events gapless per task, one end per generation, no subtask result twice."""
    rows = ground.query("SELECT task_id, seq, type, subtask_id FROM agent_messages ORDER BY task_id, seq")
    generations = dict(ground.query("SELECT id, generation FROM tasks"))
    assert ground.query("SELECT count(*) FROM leases") == [(0,)]
    by_task: dict[str, list[tuple[int, str, str | None]]] = {}
    for task_id, seq, kind, subtask_id in rows:
        by_task.setdefault(task_id, []).append((seq, kind, subtask_id))
    for task_id, events in by_task.items():
        if task_id not in generations:
            assert [kind for _, kind, _ in events] == ["task.deleted"]
            continue
        assert [seq for seq, _, _ in events] == list(range(1, len(events) + 1))
        ends = [kind for _, kind, _ in events if kind in ("task.completed", "task.failed", "task.cancelled")]
        assert len(ends) == generations[task_id], ends
        done = Counter(subtask for _, kind, subtask in events if kind == "subtask.completed")
        assert all(count <= generations[task_id] for count in done.values()), done


def kill_at(
    zygote: Zygote, scenario: str, point: str, ground: Ground, expected: Mapping[str, Any]
) -> bool:
    """Kill a run at one point, let it be entered again, hold it against the calm one; whether it died there."""
    ended = zygote.run(scenario, ground, LGMA_FAILPOINT=point, LGMA_FAILPOINT_LOG="")
    before, journalled = executions(ground.directory), steps_in_journal(ground)
    was_killed = ended == {"signal": 9}
    if was_killed:
        ended = zygote.run(scenario, ground, LGMA_FAILPOINT="", LGMA_FAILPOINT_LOG="")
    assert ended == {"code": 0}, f"after a kill at {point}"
    outcome = json.loads((ground.directory / "outcome.json").read_text())
    again = set(executions(ground.directory)[len(before) :])
    if scenario == "analysis":
        assert not again & journalled, f"journalled steps ran again after a kill at {point}"
        seen, calm = outcome["tasks"]["analysis"], expected["tasks"]["analysis"]
        assert {**seen, "id": ""} == {**calm, "id": ""}, point
    else:
        assert outcome["tasks"] == expected["tasks"], point
        assert outcome["stamps"] == expected["stamps"], point
    check_history(ground)
    return was_killed


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize(("backend", "scenario", "every"), MATRIX)
def test_a_kill_at_any_commit_loses_nothing_and_repeats_nothing(
    zygote: Zygote, backend: str, scenario: str, every: int, shard: int, tmp_path: Path
) -> None:
    calm = GROUNDS[backend](tmp_path / "calm")
    points, expected = undisturbed(zygote, scenario, calm)
    calm.close()
    assert len(points) > 20
    chosen = [point for point in points if is_told_by_the_run(point)][shard * every :: SHARDS * every]
    killed = 0
    for number, point in enumerate(chosen):
        ground = GROUNDS[backend](tmp_path / f"kill-{number}")
        try:
            killed += kill_at(zygote, scenario, point, ground, expected)
        finally:
            ground.close()
    print(f"{backend} {scenario}: {killed} kills at {len(chosen)} of {len(points)} commit points in shard {shard}")
    assert killed > 5


def is_told_by_the_run(point: str) -> bool:
    """Beats come by the clock: the first two stand for all."""
    _, name, count = point.split(":")
    return name != BEAT or int(count) <= 2


@pytest.mark.parametrize("backend", GROUNDS)
@pytest.mark.parametrize(("when", "rows"), [("before", 0), ("after", 1)])
def test_before_is_before_the_commit_of_the_server_and_after_is_after_it(
    zygote: Zygote, backend: str, when: str, rows: int, tmp_path: Path
) -> None:
    ground = GROUNDS[backend](tmp_path / "killed")
    ended = zygote.run("analysis", ground, LGMA_FAILPOINT=f"{when}:submissions.submit:1", LGMA_FAILPOINT_LOG="")
    assert ended == {"signal": 9}
    assert ground.query("SELECT count(*) FROM tasks") == [(rows,)]
    ground.close()


def test_the_scenarios_reach_every_unit_that_commits(zygote: Zygote, tmp_path: Path) -> None:
    reached = set()
    for scenario in ("analysis", "people"):
        points, _ = undisturbed(zygote, scenario, SqliteGround(tmp_path / scenario))
        reached |= {point.split(":")[1] for point in points}
    ours = {name for name, unit in UNITS.items() if unit.__module__.startswith("langgraph_multi_agent.")}
    assert ours - reached <= set(UNREACHED)
