"""Schedules: tasks that come again at the times of a cron line.

Hides cron lines, time zones and their clock changes. Callers: the API, and the maintenance loop of
every replica, which calls `tick` each second. Invariant: a fire is a task, or its refusal stands on
the schedule; after a time without service only the newest missed fire is made up for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from cronsim import CronSim, CronSimError

from langgraph_multi_agent.access import SYSTEM_SCOPE, Scope
from langgraph_multi_agent.domain.errors import Draining, InvalidRequest
from langgraph_multi_agent.domain.ports import NewId
from langgraph_multi_agent.domain.schedule import (
    MAX_COUNTED_SKIPS,
    DueFires,
    Schedule,
    ScheduleDraft,
)
from langgraph_multi_agent.domain.task import Task
from langgraph_multi_agent.service.tasks import MAX_PAGE, TaskService
from langgraph_multi_agent.store import schedules
from langgraph_multi_agent.store.database import Database
from langgraph_multi_agent.store.schedules import FIRES_AT_ONCE, Fired

CRON_FIELDS = 5
MAX_ROUNDS = 20
"""Transactions of one tick: what is left over comes with the next."""
CHANGEABLE = frozenset({"name", "cron", "timezone", "draft", "is_enabled"})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulePage:
    """Schedules by name. `next` is the cursor of the following page."""

    schedules: tuple[Schedule, ...]
    next: str | None


class ScheduleService:
    """Use cases on schedules.

    Every method with an id raises ScheduleNotFound for one that the scope cannot see.

    Args:
        queue_size: TASK_QUEUE_SIZE; a fire is held to the same limit as any submission.
    """

    def __init__(self, *, database: Database, tasks: TaskService, queue_size: int, new_id: NewId) -> None:
        self._database, self._tasks = database, tasks
        self._queue_size, self._new_id = queue_size, new_id

    async def create(self, scope: Scope, request: ScheduleDraft) -> Schedule:
        """Check and store a schedule; it fires for the first time at the first time after now.

        Raises:
            InvalidRequest: cron line or time zone, by field.
            TeamUnknown, ModelRequired: a fire would be refused.
            ScheduleExists.
        """
        check_times(request.cron, request.timezone)
        self._tasks.admit(request.draft)
        return await self._database.write(scope, schedules.create, self._new_id(), request, next_fire)

    async def get(self, scope: Scope, schedule_id: str) -> Schedule:
        return await self._database.read(scope, schedules.get, schedule_id)

    async def list(self, scope: Scope, *, limit: int = 100, cursor: str | None = None) -> SchedulePage:
        """A page by name."""
        limit = max(1, min(limit, MAX_PAGE))
        found = await self._database.read(scope, schedules.list_schedules, limit=limit + 1, after=cursor)
        return SchedulePage(
            schedules=tuple(found[:limit]), next=found[limit - 1].name if len(found) > limit else None
        )

    async def change(self, scope: Scope, schedule_id: str, fields: Mapping[str, Any]) -> Schedule:
        """Change some of CHANGEABLE; `draft` is a TaskDraft. A new plan counts from now.

        Raises:
            InvalidRequest, TeamUnknown, ModelRequired, ScheduleExists.
        """
        if unknown := sorted(fields.keys() - CHANGEABLE):
            raise InvalidRequest(errors=[{"field": name, "code": "unknown_field"} for name in unknown])
        before = await self.get(scope, schedule_id)
        check_times(fields.get("cron", before.cron), fields.get("timezone", before.timezone))
        if "draft" in fields:
            self._tasks.admit(fields["draft"])
        return await self._database.write(scope, schedules.change, schedule_id, fields, next_fire)

    async def delete(self, scope: Scope, schedule_id: str) -> None:
        """Remove a schedule; the tasks that it made stay."""
        await self._database.write(scope, schedules.remove, schedule_id)

    async def run_now(self, scope: Scope, schedule_id: str) -> Task:
        """Submit its task now; the plan stays as it is.

        Raises:
            TeamUnknown, ModelRequired, QueueFull, Draining.
        """
        if self._tasks.is_draining:
            raise Draining
        self._tasks.admit((await self.get(scope, schedule_id)).draft)
        task = await self._database.write(
            scope, schedules.run_now, schedule_id, self._new_id(), queue_size=self._queue_size
        )
        await self._tasks.announce_new(task)
        return task

    async def tick(self) -> Sequence[Fired]:
        """Fire what is due, in all tenants. Cheap when nothing is; safe in every replica at once.

        Raises:
            DependencyUnavailable: nothing of the last transaction happened; the next tick tries again.
        """
        fired: list[Fired] = []
        for _ in range(MAX_ROUNDS):
            if self._tasks.is_draining or not await self._database.read(SYSTEM_SCOPE, schedules.has_due):
                break
            done = await self._database.write(
                SYSTEM_SCOPE,
                schedules.fire_due,
                queue_size=self._queue_size,
                fires_due=fires_due,
                admit=self._tasks.admit,
            )
            fired += done
            for item in done:
                await self._tell(item)
            # A full queue leaves its schedules due: another round now would find it as full.
            if len(done) < FIRES_AT_ONCE or all(item.task is None for item in done):
                break
        return fired

    async def _tell(self, item: Fired) -> None:
        if item.task is not None:
            await self._tasks.announce_new(item.task)
        if item.error is not None and item.is_news:
            log.warning(
                "schedule.trouble", schedule=item.schedule_id, fire_at=item.fire_at.isoformat(), code=item.error["code"]
            )


def check_times(cron: str, timezone: str) -> None:
    """Refuse a cron line or a time zone that cannot be kept. Raises InvalidRequest, by field."""
    errors: list[dict[str, Any]] = []
    zone = _zone(timezone)
    if zone is None:
        errors.append(_unknown_zone(timezone))
    if len(cron.split()) != CRON_FIELDS:
        errors.append({"field": "cron", "code": "cron_fields", "value": cron})
    else:
        try:
            next(CronSim(cron, datetime.now(zone or UTC)))
        except CronSimError as error:
            errors.append({"field": "cron", "code": "cron_invalid", "value": cron, "reason": str(error)})
        except StopIteration:
            errors.append({"field": "cron", "code": "cron_never", "value": cron})
    if errors:
        raise InvalidRequest(reason="the schedule cannot be kept", errors=errors)


def next_fire(cron: str, timezone: str, after: datetime) -> datetime | None:
    """The first fire later than `after`, UTC; None if there is none.

    Clock changes as in Debian's cron: a time that is skipped fires right after the change, one that
    comes twice fires once, and a line that runs every hour runs every hour.
    """
    try:
        return next(CronSim(cron, _local(after, timezone))).astimezone(UTC)
    except StopIteration:
        return None


def fires_due(cron: str, timezone: str, due: datetime, now: datetime) -> DueFires:
    """What a schedule owes at `now` that was due at `due` (both UTC, `due` not later than `now`).

    Raises:
        InvalidRequest: this machine does not know the time zone.
    """
    backwards = CronSim(cron, _local(now + timedelta(minutes=1), timezone), reverse=True)
    newest, skipped = due, 0
    for moment in backwards:
        fire = moment.astimezone(UTC)
        if fire <= due or skipped >= MAX_COUNTED_SKIPS:
            break
        if fire <= now:
            newest = max(newest, fire)
            skipped += 1
    return DueFires(newest=newest, following=next_fire(cron, timezone, now), skipped=skipped)


def _local(moment: datetime, timezone: str) -> datetime:
    zone = _zone(timezone)
    if zone is None:
        raise InvalidRequest(errors=[_unknown_zone(timezone)])
    return moment.astimezone(zone)


def _unknown_zone(timezone: str) -> dict[str, Any]:
    return {"field": "timezone", "code": "timezone_unknown", "value": timezone}


def _zone(timezone: str) -> ZoneInfo | None:
    """None for a name that this machine does not know."""
    try:
        return ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        return None
