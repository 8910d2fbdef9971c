"""Requests that keep coming while a fault lasts, and what each was answered.

Hides a thread with a loop of its own. Callers: the faults of outages and partitions. Invariant: when
the block ends, every task that was ever sent has been accepted once, under its idempotency key.
"""

import asyncio
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import httpx
from tests.support.fleet import Fleet, FleetFailed, Program

REQUEST_S = 60.0
SETTLE_S = 90.0
"""How long after the fault a task may still be refused."""
AGAIN_S = 0.3
UNANSWERED, ACCEPTED = 0, 202


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one submit was told.

    Args:
        sent_s: monotonic seconds; `took_s` until the answer.
        status: of HTTP; UNANSWERED: the connection broke, or no answer in REQUEST_S.
        code: of the problem, empty for an acceptance.
        retry_after: whether the answer says when to come again.
    """

    sent_s: float
    took_s: float
    status: int
    code: str = ""
    retry_after: bool = False


class Traffic:
    """Submits one task every `every_s` seconds inside the block, whatever becomes of the others.

    Args:
        apis: take turns.
        input_data: of each task, see `tests.support.fleet_team`.

    Raises:
        FleetFailed: on leaving, a task was not accepted in SETTLE_S or the keys made more tasks.
    """

    def __init__(self, fleet: Fleet, apis: Sequence[Program], *, every_s: float = 0.1, **input_data: Any) -> None:
        self._fleet, self._every_s = fleet, every_s
        self._urls = [f"http://127.0.0.1:{api.port}/api/v1/tasks" for api in apis]
        self._body = {"title": "fault", "description": "a task", "team": "zero_work", "input_data": input_data}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="traffic", daemon=True)
        self._before = 0
        self._keys: list[str] = []
        self.accepted: dict[str, str] = {}
        """Task ids by key."""
        self.answers: list[Answer] = []
        """In the order in which they came, without those of the settlement at the end."""

    @property
    def ids(self) -> list[str]:
        return list(self.accepted.values())

    def __enter__(self) -> Self:
        self._before = self._rows()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._is_over.set()
        self._thread.join(REQUEST_S + SETTLE_S + 10)
        if kind is not None:
            return
        if left := len(self._keys) - len(self.accepted):
            self._fleet.fail(f"{left} of {len(self._keys)} tasks were not accepted {SETTLE_S} s after the fault")
        made = self._rows() - self._before
        if made != len(self._keys) or len(set(self.ids)) != made:
            self._fleet.fail(f"{len(self._keys)} keys made {made} tasks, {len(set(self.ids))} ids were told")

    def between(self, began_s: float, ended_s: float) -> list[Answer]:
        """Answers to what was sent then; monotonic seconds."""
        return [answer for answer in self.answers if began_s <= answer.sent_s < ended_s]

    def is_accepted_since(self, moment_s: float) -> bool:
        """Whether a task that was sent after this moment was accepted."""
        return any(answer.status == ACCEPTED for answer in self.between(moment_s, time.monotonic()))

    def _rows(self) -> int:
        return int(self._fleet.query("SELECT count(*) FROM tasks")[0][0])

    async def _run(self) -> None:
        async with httpx.AsyncClient(timeout=REQUEST_S, limits=httpx.Limits(max_connections=200)) as client:
            async with asyncio.TaskGroup() as group:
                while not self._is_over.is_set():
                    self._keys.append(uuid.uuid4().hex)
                    group.create_task(self._note(client, self._keys[-1], len(self._keys)))
                    await asyncio.sleep(self._every_s)
            give_up = time.monotonic() + SETTLE_S
            while time.monotonic() < give_up and (left := [key for key in self._keys if key not in self.accepted]):
                for turn, key in enumerate(left):
                    await self._send(client, key, turn)
                await asyncio.sleep(AGAIN_S)

    async def _note(self, client: httpx.AsyncClient, key: str, turn: int) -> None:
        self.answers.append(await self._send(client, key, turn))

    async def _send(self, client: httpx.AsyncClient, key: str, turn: int) -> Answer:
        sent_s = time.monotonic()
        try:
            got = await client.post(
                self._urls[turn % len(self._urls)], json=self._body, headers={"Idempotency-Key": key}
            )
        except httpx.HTTPError:
            return Answer(sent_s=sent_s, took_s=time.monotonic() - sent_s, status=UNANSWERED)
        body = got.json()
        if got.status_code == ACCEPTED:
            self.accepted[key] = body["id"]
        return Answer(
            sent_s=sent_s,
            took_s=time.monotonic() - sent_s,
            status=got.status_code,
            code=body.get("code", ""),
            retry_after="retry-after" in got.headers,
        )


def slowest_s(answers: Sequence[Answer], share: float = 0.99) -> float:
    """The time within which this share was answered; raises FleetFailed when there are no answers."""
    if not answers:
        raise FleetFailed("nothing was sent")
    return sorted(answer.took_s for answer in answers)[min(len(answers) - 1, int(share * len(answers)))]


def refused(answers: Sequence[Answer]) -> list[Answer]:
    return [answer for answer in answers if answer.status != ACCEPTED]
