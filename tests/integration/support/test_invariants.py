"""The invariants find every kind of damage, and nothing in a clean history."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.support.invariants import Rows, check_postgres, check_sqlite, examine
from tests.support.servers import PostgresServer

Story = list[tuple[str, int, str, str | None]]


def told(task_id: str, *kinds: str) -> Story:
    """Events from `kind` or `kind:subtask`, numbered from 1."""
    parts = [kind.partition(":") for kind in kinds]
    return [(task_id, seq, kind, subtask or None) for seq, (kind, _, subtask) in enumerate(parts, 1)]


FIRST = ("task.submitted", "task.started", "plan.created", "subtask.completed:a", "task.resumed")
CLEAN = Rows(
    tasks=[("t1", "completed", 1, 7), ("t2", "cancelled", 2, 8)],
    events=[
        *told("t1", *FIRST, "subtask.completed:b", "task.completed"),
        *told("t2", *FIRST, "task.failed", "task.reopened", "task.cancelled"),
    ],
    leases=[],
    executions=[("t1", "failed"), ("t1", "completed"), ("t2", "cancelled")],
    journal=[("t1", "1/subtask/a/1"), ("t1", "1/subtask/b/1"), ("t2", "1/subtask/a/1")],
)


def test_a_clean_history_has_no_faults_and_is_counted() -> None:
    history = examine(CLEAN, ["t1", "t2"])
    assert history.is_clean, str(history)
    assert (history.accepted, history.events, history.resumed) == (2, 15, 2)
    assert history.ended == {"completed": 1, "cancelled": 1}
    assert str(history) == "2 accepted, 1 cancelled, 1 completed, 2 resumed, 15 events"


def without(seq: int) -> Callable[[Rows], Rows]:
    return lambda rows: replace(rows, events=[row for row in rows.events if row[:2] != ("t1", seq)])


def ending(status: str, *more: str) -> Callable[[Rows], Rows]:
    kinds = (*FIRST, *more)
    return lambda rows: replace(
        rows,
        tasks=[("t1", status, 1, len(kinds)), rows.tasks[1]],
        events=[*told("t1", *kinds), *rows.events[7:]],
    )


DAMAGE: dict[str, tuple[str, Callable[[Rows], Rows]]] = {
    "a task that is gone": ("lost", lambda rows: replace(rows, tasks=rows.tasks[1:])),
    "a task that never ended": ("lost", ending("in_progress")),
    "a task that waits": ("lost", ending("waiting_input", "task.waiting_input")),
    "two ends": ("doubled", ending("completed", "task.failed", "task.completed")),
    "no event of the end": ("doubled", ending("completed")),
    "another end than the events say": ("doubled", ending("completed", "task.failed")),
    "an end that was taken back": ("doubled", ending("in_progress", "task.completed")),
    "a generation without an event": (
        "doubled",
        lambda rows: replace(rows, tasks=[("t1", "completed", 2, 7), rows.tasks[1]]),
    ),
    "an event missing in the middle": ("gaps", without(3)),
    "the first event missing": ("gaps", without(1)),
    "the last event missing": ("gaps", without(7)),
    "an event twice": ("gaps", lambda rows: replace(rows, events=[rows.events[0], *rows.events])),
    "a subtask's result twice": (
        "repeated",
        ending("completed", "subtask.completed:b", "subtask.completed:a", "task.completed"),
    ),
    "a start twice": ("repeated", ending("completed", "task.started", "task.completed")),
    "a journal key twice": ("repeated", lambda rows: replace(rows, journal=[*rows.journal, rows.journal[0]])),
    "a lease left": ("left", lambda rows: replace(rows, leases=[("t1",)])),
    "an execution left": (
        "left",
        lambda rows: replace(rows, executions=[*rows.executions, ("t2", "in_progress")]),
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_and_named(damage: str) -> None:
    kind, harm = DAMAGE[damage]
    history = examine(harm(CLEAN), ["t1", "t2"])
    assert not history.is_clean
    assert history.faults[kind], str(history)
    assert f"\n{kind} " in str(history)


def test_a_subtask_may_complete_again_under_a_new_plan_or_generation() -> None:
    again = ("plan.revised", "subtask.completed:a", "task.failed", "task.reopened", "plan.revised")
    rows = ending("completed", *again, "subtask.completed:a", "task.completed")(CLEAN)
    rows = replace(rows, tasks=[("t1", "completed", 2, 12), rows.tasks[1]])
    assert examine(rows).is_clean, str(examine(rows))


def test_what_a_person_holds_up_or_deleted_is_not_lost() -> None:
    waiting = ending("waiting_input", "task.waiting_input")(CLEAN)
    assert examine(waiting, may_wait=True).is_clean
    deleted = replace(CLEAN, tasks=CLEAN.tasks[1:], events=[*told("t1", "task.deleted"), *CLEAN.events[7:]])
    history = examine(deleted, ["t1", "t2"])
    assert history.is_clean
    assert history.ended["deleted"] == 1


def test_a_journalled_step_that_ran_again_is_reported() -> None:
    assert examine(CLEAN, ran_again=["t1/subtask/a/1"]).repeated == ["t1/subtask/a/1 ran again"]


TABLES = {
    "tasks": "id, status, generation, last_seq",
    "agent_messages": "task_id, seq, type, subtask_id",
    "leases": "task_id",
    "workflow_executions": "task_id, status",
    "journal": "task_id, key",
}


def statements(mark: str) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """DDL and inserts that put CLEAN, and a task that nobody asks for, into a database."""
    contents: list[list[tuple[Any, ...]]] = [
        [*CLEAN.tasks, ("other", "pending", 1, 0)],
        list(reversed(CLEAN.events)),
        [("other",)],
        list(CLEAN.executions),
        list(CLEAN.journal),
    ]
    out: list[tuple[str, list[tuple[Any, ...]]]] = []
    for (table, columns), rows in zip(TABLES.items(), contents, strict=True):
        typed = ", ".join(
            f"{column} {'integer' if column in ('generation', 'last_seq', 'seq') else 'text'}"
            for column in columns.split(", ")
        )
        out.append((f"CREATE TABLE {table} ({typed})", [()]))
        out.append((f"INSERT INTO {table} VALUES ({', '.join(mark for _ in columns.split(', '))})", rows))
    return out


def fill(url: str) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        for statement, rows in statements("%s"):
            cursor.executemany(statement.encode(), rows)


def test_both_dialects_are_read_alike(postgres_server: PostgresServer, tmp_path: Path) -> None:
    file = tmp_path / "lgma.db"
    connection = sqlite3.connect(file)
    for statement, rows in statements("?"):
        connection.executemany(statement, rows) if statement[0] == "I" else connection.execute(statement)
    connection.commit()
    connection.close()
    database = postgres_server.create_database(fill)
    url = postgres_server.url(database)
    try:
        for check in (partial(check_postgres, url), partial(check_sqlite, file)):
            assert check(["t1", "t2"]) == examine(CLEAN, ["t1", "t2"])
            assert check().lost == ["other is pending"]
    finally:
        postgres_server.drop_database(database)
