"""A real process is killed before and after every commit; started again, it loses nothing.

The points are not listed here: an undisturbed run reports every commit it makes, and each is then
a point to die at. What must hold is read from outside, from the data file and what agents wrote.
"""

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.crash import Zygote, prepare

from langgraph_multi_agent.store.database import UNITS

SHARDS = 2
UNREACHED = {
    "runs.finish": "ends a run outside the flusher, only after a fault of the worker itself",
    "savers.change_thread": "graphs that users bring rewrite their own thread; ours only adds to it",
    "schedules.fire_due": "test_schedule_fire kills at its commit",
    **dict.fromkeys(
        (f"schedules.{name}" for name in ("create", "change", "remove", "run_now")),
        "a person's single write to one row; no task depends on it",
    ),
    **dict.fromkeys(
        (f"retention.{name}" for name in ("delete_messages", "delete_executions", "delete_keys", "claim_day")),
        "every batch stands alone: a run may end after any",
    ),
}


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as running:
        yield running


def undisturbed(zygote: Zygote, scenario: str, directory: Path) -> tuple[list[str], dict[str, Any]]:
    """The commits of a run that nobody disturbs, in order, and how it ended."""
    prepare(directory)
    log = directory / "points"
    assert zygote.run(scenario, directory, LGMA_FAILPOINT_LOG=str(log), LGMA_FAILPOINT="") == {"code": 0}
    return log.read_text().split(), json.loads((directory / "outcome.json").read_text())


def steps_in_journal(directory: Path) -> set[str]:
    """Journalled executions as the agents write them: task, kind, subtask, attempt."""
    file = directory / "data" / "lgma.db"
    if not file.exists():
        return set()
    with sqlite3.connect(file) as connection:
        try:
            rows = connection.execute("SELECT task_id, key FROM journal").fetchall()
        except sqlite3.OperationalError:
            return set()  # killed before the first migration was through
    return {f"{task_id}/{key.partition('/')[2]}" for task_id, key in rows if key.startswith("1/")}


def executions(directory: Path) -> list[str]:
    log = directory / "executed"
    return log.read_text().split() if log.exists() else []


def check_history(directory: Path) -> None:
    """Events gapless per task, one end per generation, no subtask result twice."""
    with sqlite3.connect(directory / "data" / "lgma.db") as connection:
        rows = connection.execute(
            "SELECT task_id, seq, type, subtask_id FROM agent_messages ORDER BY task_id, seq"
        ).fetchall()
        statuses = dict(connection.execute("SELECT id, status FROM tasks"))
        generations = dict(connection.execute("SELECT id, generation FROM tasks"))
        assert connection.execute("SELECT count(*) FROM leases").fetchone() == (0,)
    by_task: dict[str, list[tuple[int, str, str | None]]] = {}
    for task_id, seq, kind, subtask_id in rows:
        by_task.setdefault(task_id, []).append((seq, kind, subtask_id))
    for task_id, events in by_task.items():
        if task_id not in statuses:
            assert [kind for _, kind, _ in events] == ["task.deleted"]
            continue
        assert [seq for seq, _, _ in events] == list(range(1, len(events) + 1))
        ends = [kind for _, kind, _ in events if kind in ("task.completed", "task.failed", "task.cancelled")]
        assert len(ends) == generations[task_id], ends
        done = Counter(subtask for _, kind, subtask in events if kind == "subtask.completed")
        assert all(count <= generations[task_id] for count in done.values()), done


@pytest.mark.timeout(400)
@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("scenario", ["analysis", "people"])
def test_a_kill_at_any_commit_loses_nothing_and_repeats_nothing(
    zygote: Zygote, scenario: str, shard: int, tmp_path: Path
) -> None:
    points, expected = undisturbed(zygote, scenario, tmp_path / "calm")
    assert len(points) > 20
    killed = 0
    for number, point in enumerate(points):
        if number % SHARDS != shard:
            continue
        directory = tmp_path / f"kill-{number}"
        prepare(directory)
        ended = zygote.run(scenario, directory, LGMA_FAILPOINT=point, LGMA_FAILPOINT_LOG="")
        before, journalled = executions(directory), steps_in_journal(directory)
        if ended == {"signal": 9}:
            killed += 1
            ended = zygote.run(scenario, directory, LGMA_FAILPOINT="", LGMA_FAILPOINT_LOG="")
        assert ended == {"code": 0}, f"after a kill at {point}"
        outcome = json.loads((directory / "outcome.json").read_text())
        again = set(executions(directory)[len(before) :])
        if scenario == "analysis":
            assert not again & journalled, f"journalled steps ran again after a kill at {point}"
            assert outcome["tasks"]["analysis"]["findings"] == expected["tasks"]["analysis"]["findings"], point
            outcome["tasks"]["analysis"].pop("id")
            comparable = {**expected["tasks"]["analysis"]}
            comparable.pop("id")
            assert outcome["tasks"]["analysis"] == comparable, point
        else:
            assert outcome["tasks"] == expected["tasks"], point
            assert outcome["stamps"] == expected["stamps"], point
        check_history(directory)
        shutil.rmtree(directory)
    print(f"{scenario}: {killed} kills of {len(points)} commit points in shard {shard}")
    assert killed > 5


def test_the_scenarios_reach_every_unit_that_commits(zygote: Zygote, tmp_path: Path) -> None:
    reached = set()
    for scenario in ("analysis", "people"):
        points, _ = undisturbed(zygote, scenario, tmp_path / scenario)
        reached |= {point.split(":")[1] for point in points}
    ours = {name for name, unit in UNITS.items() if unit.__module__.startswith("langgraph_multi_agent.")}
    assert ours - reached <= set(UNREACHED)
