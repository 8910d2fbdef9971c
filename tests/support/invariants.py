"""What must hold of a history whatever went wrong, read from outside with a plain driver.

Callers: fault tests, the crash matrix and the soak. It looks only at committed rows, never through
the product's code; `examine` is the pure part, the same for both dialects.
"""

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg

TERMINAL: Final[Mapping[str, str]] = {
    "completed": "task.completed",
    "failed": "task.failed",
    "cancelled": "task.cancelled",
}
_ENDS: Final = frozenset(TERMINAL.values())
_REOPENED, _DELETED, _STARTED = "task.reopened", "task.deleted", "task.started"
_PLANNED: Final = frozenset({"plan.created", "plan.revised"})
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A database as `examine` reads it.

    Args:
        tasks: id, status, generation, last_seq.
        events: task id, seq, type, subtask id; in order of task and seq.
        leases: task id.
        executions: task id, status, of `workflow_executions`.
        journal: task id, key.
    """

    tasks: Sequence[tuple[str, str, int, int]]
    events: Sequence[tuple[str, int, str, str | None]]
    leases: Sequence[tuple[str]]
    executions: Sequence[tuple[str, str]]
    journal: Sequence[tuple[str, str]]


@dataclass(slots=True, kw_only=True)
class History:
    """What was found. Each list names a task and what is wrong with it; all empty is a clean history.

    Args:
        accepted: how many tasks were looked for.
        ended: how many are in each terminal status; `deleted` counts tasks removed on demand.
        events: how many events there are.
        resumed: tasks that ran more than once in one generation.
        lost: accepted, but gone or not at an end.
        doubled: ended twice, or not as the events say.
        gaps: event numbers that are missing or there twice.
        repeated: a subtask's result or a journal key twice, or a journalled step that ran again.
        left: leases and executions that outlived their task.
    """

    accepted: int
    ended: Counter[str] = field(default_factory=Counter)
    events: int = 0
    resumed: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not any(self.faults.values())

    @property
    def faults(self) -> dict[str, list[str]]:
        """The five lists by name."""
        return {
            "lost": self.lost,
            "doubled": self.doubled,
            "gaps": self.gaps,
            "repeated": self.repeated,
            "left": self.left,
        }

    def __str__(self) -> str:
        ended = ", ".join(f"{count} {status}" for status, count in sorted(self.ended.items())) or "none ended"
        lines = [f"{self.accepted} accepted, {ended}, {self.resumed} resumed, {self.events} events"]
        for name, found in self.faults.items():
            if found:
                more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
                lines.append(f"{name} {len(found)}: {'; '.join(found[:_SHOWN])}{more}")
        return "\n".join(lines)


def check_postgres(url: str, accepted: Iterable[str] | None = None, **more: Any) -> History:
    """The history in a PostgreSQL.

    Args:
        url: `postgresql://…`, of the server itself rather than of a proxy.
        accepted: ids that the API confirmed; all tasks if None.
        more: see `examine`.
    """
    ids = None if accepted is None else sorted(set(accepted))
    with psycopg.connect(url) as connection:
        # One snapshot: a running system is seen at one moment.
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

        def rows(statement: str, name: str) -> list[tuple[Any, ...]]:
            if ids is None:
                return connection.execute(statement.format("").encode()).fetchall()
            return connection.execute(statement.format(f"WHERE {name} = ANY(%s)").encode(), [ids]).fetchall()

        found = Rows(**{name: rows(*query) for name, query in _QUERIES.items()})
    return examine(found, ids, **more)


def check_sqlite(path: Path, accepted: Iterable[str] | None = None, **more: Any) -> History:
    """The same in the embedded server's file."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        found = Rows(
            **{name: connection.execute(query.format("")).fetchall() for name, (query, _) in _QUERIES.items()}
        )
    finally:
        connection.close()
    ids = None if accepted is None else sorted(set(accepted))
    return examine(found, ids, **more)


_QUERIES: Final[Mapping[str, tuple[str, str]]] = {
    "tasks": ("SELECT id, status, generation, last_seq FROM tasks {}", "id"),
    "events": (
        "SELECT task_id, seq, type, subtask_id FROM agent_messages {} ORDER BY task_id, seq",
        "task_id",
    ),
    "leases": ("SELECT task_id FROM leases {}", "task_id"),
    "executions": ("SELECT task_id, status FROM workflow_executions {}", "task_id"),
    "journal": ("SELECT task_id, key FROM journal {}", "task_id"),
}


def examine(
    rows: Rows,
    accepted: Collection[str] | None = None,
    *,
    ran_again: Iterable[str] = (),
    may_wait: bool = False,
) -> History:
    """Hold the invariants against rows.

    Args:
        accepted: ids that must be at an end; all tasks of the rows if None.
        ran_again: steps that ran again although they were journalled, as the test itself found
            out from what its agents wrote down.
        may_wait: tasks that wait for a person or are paused count as at an end.
    """
    tasks = {row[0]: row for row in rows.tasks}
    wanted = tasks.keys() if accepted is None else set(accepted)
    history = History(accepted=len(wanted))
    events: dict[str, list[tuple[int, str, str | None]]] = {}
    for task_id, seq, kind, subtask_id in rows.events:
        if task_id in wanted:
            events.setdefault(task_id, []).append((seq, kind, subtask_id))
    for task_id in sorted(wanted):
        story = events.get(task_id, [])
        history.events += len(story)
        if task_id in tasks:
            _examine_task(history, tasks[task_id], story, may_wait=may_wait)
        elif [kind for _, kind, _ in story] == [_DELETED]:
            history.ended["deleted"] += 1
        else:
            history.lost.append(f"{task_id} is gone")
    ended = {task_id for task_id, row in tasks.items() if row[1] in TERMINAL and task_id in wanted}
    history.left += [f"{task_id} has a lease" for (task_id,) in rows.leases if task_id in ended]
    history.left += [
        f"{task_id} has an execution in progress"
        for task_id, status in rows.executions
        if task_id in ended and status == "in_progress"
    ]
    keys = Counter(row for row in rows.journal if row[0] in wanted)
    history.repeated += [f"{task_id} journalled {key} twice" for (task_id, key), n in keys.items() if n > 1]
    history.repeated += [f"{line} ran again" for line in ran_again]
    return history


def _examine_task(
    history: History,
    task: tuple[str, str, int, int],
    story: Sequence[tuple[int, str, str | None]],
    *,
    may_wait: bool,
) -> None:
    task_id, status, generation, last_seq = task
    numbers = [seq for seq, _, _ in story]
    if numbers != list(range(1, last_seq + 1)):
        history.gaps.append(f"{task_id} has {_ranges(numbers)} of 1–{last_seq}")
    if status in TERMINAL:
        history.ended[status] += 1
    elif not (may_wait and status in ("waiting_input", "paused")):
        history.lost.append(f"{task_id} is {status}")
    lives = list(_generations(story))
    if len(lives) != generation:
        history.doubled.append(f"{task_id} has generation {generation}, its events {len(lives)}")
    for number, life in enumerate(lives, 1):
        ends = [kind for kind, _ in life if kind in _ENDS]
        is_last = number == len(lives)
        wanted = [TERMINAL[status]] if is_last and status in TERMINAL else []
        if (is_last and ends != wanted) or (not is_last and len(ends) != 1):
            history.doubled.append(f"{task_id} generation {number} is {status}, its ends {ends}")
        history.repeated += [f"{task_id} generation {number}: {twice}" for twice in _repeated(life)]
    starts = Counter(kind for life in lives for kind, _ in life)[_STARTED]
    if starts > 1:
        history.repeated.append(f"{task_id} started {starts} times")
    # A claim after the first one is told as a resumption.
    history.resumed += any(kind == "task.resumed" for life in lives for kind, _ in life)


def _generations(
    story: Sequence[tuple[int, str, str | None]],
) -> Iterator[list[tuple[str, str | None]]]:
    """The events of each generation: a task that is reopened begins the next."""
    life: list[tuple[str, str | None]] = []
    for _, kind, subtask_id in story:
        if kind == _REOPENED:
            yield life
            life = []
        life.append((kind, subtask_id))
    yield life


def _repeated(life: Sequence[tuple[str, str | None]]) -> Iterator[str]:
    """Subtasks that completed more than once under one plan revision."""
    done: Counter[str | None] = Counter()
    revision = 0
    for kind, subtask_id in life:
        if kind in _PLANNED:
            revision += 1
            done.clear()
        elif kind == "subtask.completed":
            done[subtask_id] += 1
            if done[subtask_id] == 2:
                yield f"subtask {subtask_id} completed twice under plan revision {revision}"


def _ranges(numbers: Sequence[int]) -> str:
    """1–3,5,5,7: short, and still showing what is twice."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ",".join("–".join(map(str, part)) for part in parts) or "none"
