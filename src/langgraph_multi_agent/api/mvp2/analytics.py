"""The dashboard in the envelope of the MVP2 contract, with the keys of our own page added."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from starlette.responses import Response

from langgraph_multi_agent.access.policy import Permission
from langgraph_multi_agent.agents.contract import Team
from langgraph_multi_agent.api import samples
from langgraph_multi_agent.api.auth.rules import needs, ruled_router
from langgraph_multi_agent.api.context import Language, ScopeOf, Services, ServicesOf
from langgraph_multi_agent.api.mvp2.envelope import Answer, Success, example, failures, success
from langgraph_multi_agent.domain import errors as faults
from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.service.analytics import WINDOW_DAYS, Dashboard, percent
from langgraph_multi_agent.store.analytics import DURATION_BOUNDS_S, Activity

router = ruled_router(tags=["mvp2"])

Moment = Annotated[datetime, Field(examples=[samples.MOMENT])]
Percent = Annotated[float, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]


class TaskStats(Answer):
    """`completion_rate` is completed tasks of all, `efficiency_index` of the tasks that ended in the
    window those completed in their first generation and in time; both in percent. A share of nothing
    is 0: `total_tasks` and `efficiency_basis` say of how many they are.
    """

    total_tasks: Count
    completed_tasks: Count
    completion_rate: Percent
    in_progress: Annotated[int, Field(ge=0, description="At work, waiting for a person, or paused.")]
    efficiency_index: Percent
    efficiency_basis: Annotated[int, Field(ge=0, description="Tasks that ended in the window.")]


class MonthCount(Answer):
    """Tasks completed in a month of UTC."""

    month: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")]
    completed: Count


class CategoryCount(Answer):
    """Tasks of a team; `category` is its name for people."""

    category: str
    team: str
    count: Count
    percentage: Percent


class ActivityItem(Answer):
    """A step in a task's life; `message` says it in words."""

    type: str
    message: str
    timestamp: Moment
    task_id: str


class DayCount(Answer):
    """What came and ended on a day of UTC."""

    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    created: Count
    completed: Count
    failed: Count
    cancelled: Count


class DurationClass(Answer):
    """Tasks that took at least `from_s` and less than `to_s` seconds; null is without end."""

    from_s: Seconds
    to_s: Seconds | None
    count: Count


class DurationStats(Answer):
    """From the first start to the completion, of tasks completed in the window; by nearest rank."""

    count: Count
    p50_s: Seconds | None
    p90_s: Seconds | None
    histogram: list[DurationClass]


class AgentStats(Answer):
    """Subtasks that an agent ended in the window."""

    agent: str
    title: str
    completed: Count
    failed: Count
    median_s: Annotated[float | None, Field(ge=0, description="Of the completed ones that were worked on.")]


class DaySpending(Answer):
    """What a day's model calls took, in the currency of the prices set."""

    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    input_tokens: Count
    output_tokens: Count
    cost: Annotated[float, Field(ge=0)]
    calls: Count


_STATS: dict[str, Any] = {
    "total_tasks": 12,
    "completed_tasks": 9,
    "completion_rate": 75.0,
    "in_progress": 2,
    "efficiency_index": 80.0,
    "efficiency_basis": 10,
}
_DASHBOARD: dict[str, Any] = {
    "generated_at": samples.MOMENT,
    "task_stats": _STATS,
    "trend_data": [{"month": "2026-11", "completed": 9}],
    "category_data": [{"category": "默认团队", "team": "default", "count": 12, "percentage": 100.0}],
    "recent_activities": [
        {
            "type": "task_completed",
            "message": "任务“华东区销售分析”已完成",
            "timestamp": samples.MOMENT,
            "task_id": samples.TASK_ID,
        }
    ],
    "window_days": WINDOW_DAYS,
    "timezone": "UTC",
    "daily_data": [{"date": "2026-11-22", "created": 3, "completed": 2, "failed": 1, "cancelled": 0}],
    "duration_data": {
        "count": 9,
        "p50_s": 41.2,
        "p90_s": 95.0,
        "histogram": [{"from_s": 0, "to_s": 10, "count": 9}],
    },
    "agent_data": [
        {"agent": "data_analyst", "title": "数据分析师", "completed": 30, "failed": 1, "median_s": 4.2}
    ],
    "cost_data": [
        {"date": "2026-11-22", "input_tokens": 5200, "output_tokens": 1800, "cost": 0.021, "calls": 6}
    ],
}


class DashboardModel(Answer):
    """Everything is counted by SQL in one snapshot, at `generated_at`: what takes long is told again for up
    to a minute. What lies beyond the contract's four keys is of the last `window_days` days, today last.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_DASHBOARD]})

    generated_at: Moment
    task_stats: TaskStats
    trend_data: list[MonthCount]
    category_data: list[CategoryCount]
    recent_activities: list[ActivityItem]
    window_days: int
    timezone: str
    daily_data: list[DayCount]
    duration_data: DurationStats
    agent_data: list[AgentStats]
    cost_data: list[DaySpending]


@router.get(
    "/api/v1/mvp2/analytics/dashboard",
    response_model=Success[DashboardModel],
    summary="The dashboard",
    responses={
        **failures(faults.DependencyUnavailable),
        **example(_DASHBOARD, "mvp2.analytics.dashboard", description="The dashboard"),
    },
)
@needs(Permission.TASKS_READ)
async def get_dashboard(services: ServicesOf, scope: ScopeOf, language: Language) -> Response:
    dashboard = await services.analytics.dashboard(scope)
    data = dashboard_shape(dashboard, services, language)
    return success(data, "mvp2.analytics.dashboard", language, now=dashboard.at)


def dashboard_shape(dashboard: Dashboard, services: Services, language: str) -> dict[str, Any]:
    """The contract's four keys, then ours."""
    totals, durations = dashboard.totals, dashboard.durations
    teams = {team.name: team for team in services.agents.teams}
    edges = [0, *DURATION_BOUNDS_S, None]
    return {
        "generated_at": dashboard.at,
        "task_stats": {
            "total_tasks": totals.total,
            "completed_tasks": totals.completed,
            "completion_rate": dashboard.completion_rate,
            "in_progress": totals.at_work,
            "efficiency_index": dashboard.efficiency_index,
            "efficiency_basis": totals.ended,
        },
        "trend_data": [{"month": month, "completed": count} for month, count in dashboard.months.items()],
        "category_data": [
            {
                "category": _title(teams[name].titles, language, name) if name in teams else name,
                "team": name,
                "count": count,
                "percentage": percent(count, totals.total),
            }
            for name, count in dashboard.teams.items()
        ],
        "recent_activities": [activity_shape(activity, language) for activity in dashboard.activities],
        "window_days": WINDOW_DAYS,
        "timezone": "UTC",
        "daily_data": [
            {
                "date": day.date,
                "created": day.created,
                "completed": day.completed,
                "failed": day.failed,
                "cancelled": day.cancelled,
            }
            for day in dashboard.days
        ],
        "duration_data": {
            "count": durations.count,
            "p50_s": durations.p50_s,
            "p90_s": durations.p90_s,
            "histogram": [
                {"from_s": edges[number], "to_s": edges[number + 1], "count": count}
                for number, count in enumerate(durations.classes)
            ],
        },
        "agent_data": [
            {
                "agent": item.agent,
                "title": _agent_title(services.agents.teams, item.agent, language),
                "completed": item.completed,
                "failed": item.failed,
                "median_s": item.median_s,
            }
            for item in dashboard.agents
        ],
        "cost_data": [
            {
                "date": date,
                "input_tokens": spent.input_tokens,
                "output_tokens": spent.output_tokens,
                "cost": spent.cost,
                "calls": spent.calls,
            }
            for date, spent in dashboard.spending.items()
        ],
    }


def activity_shape(activity: Activity, language: str) -> dict[str, Any]:
    """`type` is the event's with an underscore: `task_completed`."""
    kind = activity.type.value.replace(".", "_")
    name = activity.title if activity.title is not None else activity.task_id[:8]
    return {
        "type": kind,
        "message": text(f"activity.{kind}", language, name=name),
        "timestamp": activity.at,
        "task_id": activity.task_id,
    }


def _agent_title(teams: Any, name: str, language: str) -> str:
    for team in teams:
        member = _member(team, name)
        if member is not None:
            return _title(member.titles, language, name)
    return name


def _member(team: Team, name: str) -> Any:
    leads = (team.meta_agent, team.task_decomposer)
    return team.agents.get(name) or next((lead for lead in leads if lead.name == name), None)


def _title(titles: Any, language: str, name: str) -> str:
    return str(titles.get(language) or titles.get("zh") or name)
