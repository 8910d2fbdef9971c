"""The dashboard: how much was done, how well, how quickly, by whom, and at what price.

Hides the windows, the days on which nothing happened, and when it is computed again. Callers: the API.
Invariant: all numbers of one dashboard are of one snapshot; a share of nothing is 0 and says so by its basis.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.domain.task import TaskStatus
from langgraph_multi_agent.service.rests import Rests
from langgraph_multi_agent.store import analytics
from langgraph_multi_agent.store.analytics import Activity, AgentNumbers, Durations, Spending, Totals
from langgraph_multi_agent.store.database import Database, Store

WINDOW_DAYS = 30
MONTHS = 12
ACTIVITIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What happened on one day of UTC."""

    date: str
    created: int
    completed: int
    failed: int
    cancelled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """Numbers of one tenant at one moment.

    Attributes:
        months: completed tasks of each of the last MONTHS months, the present one last.
        teams: tasks of each team, most first.
        days, spending: of the last WINDOW_DAYS days, today last, also those without any.
    """

    at: datetime
    totals: Totals
    months: Mapping[str, int]
    teams: Mapping[str, int]
    days: tuple[Day, ...]
    durations: Durations
    agents: tuple[AgentNumbers, ...]
    spending: Mapping[str, Spending]
    activities: tuple[Activity, ...]

    @property
    def completion_rate(self) -> float:
        """Completed tasks of all tasks, in percent with one decimal."""
        return percent(self.totals.completed, self.totals.total)

    @property
    def efficiency_index(self) -> float:
        """Of the tasks that ended in the window, those that went as wanted, in percent.

        As wanted means completed, in the first generation (nobody had to retry or reopen it), and not
        after the deadline if there was one. Failed and cancelled tasks count against it.
        """
        return percent(self.totals.ended_well, self.totals.ended)


class AnalyticsService:
    """Computes dashboards by SQL, one for all who ask, and again when the last one has rested."""

    def __init__(self, *, database: Database) -> None:
        self._database = database
        self._dashboards: Rests[Dashboard] = Rests()

    async def dashboard(self, scope: Scope) -> Dashboard:
        """The numbers of the moment `at`, which may be a while ago (`rests`). Raises DependencyUnavailable."""
        return await self._dashboards.get(scope.tenant, lambda: self._database.read(scope, _look))


def percent(part: int, whole: int) -> float:
    """A share in percent with one decimal; 0 of nothing."""
    return round(100 * part / whole, 1) if whole else 0.0


def _look(store: Store) -> Dashboard:
    now: datetime = store.now.astimezone(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    since = midnight - timedelta(days=WINDOW_DAYS - 1)
    dates = [(since + timedelta(days=n)).date().isoformat() for n in range(WINDOW_DAYS)]
    months = _months_to(midnight)
    first_month = datetime.fromisoformat(f"{months[0]}-01").replace(tzinfo=UTC)
    completed = analytics.completed_by_month(store, since=first_month)
    ends, created = analytics.ends_by_day(store, since=since), analytics.created_by_day(store, since=since)
    spent = analytics.spending_by_day(store, since=since)
    nothing = Spending(input_tokens=0, output_tokens=0, cost=0.0, calls=0)
    teams = analytics.by_team(store)

    def ended(date: str, status: TaskStatus) -> int:
        return ends.get(date, {}).get(status.value, 0)

    return Dashboard(
        at=now,
        totals=analytics.totals(store, since=since),
        months={month: completed.get(month, 0) for month in months},
        teams=dict(sorted(teams.items(), key=lambda item: (-item[1], item[0]))),
        days=tuple(
            Day(
                date=date,
                created=created.get(date, 0),
                completed=ended(date, TaskStatus.COMPLETED),
                failed=ended(date, TaskStatus.FAILED),
                cancelled=ended(date, TaskStatus.CANCELLED),
            )
            for date in dates
        ),
        durations=analytics.durations(store, since=since),
        agents=tuple(analytics.by_agent(store, since=since)),
        spending={date: spent.get(date, nothing) for date in dates},
        activities=tuple(analytics.recent_activities(store, limit=ACTIVITIES)),
    )


def _months_to(moment: datetime) -> list[str]:
    last = moment.year * 12 + moment.month - 1
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in range(last - MONTHS + 1, last + 1)]
