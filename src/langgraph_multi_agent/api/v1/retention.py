"""Retention over HTTP: what has passed its time, and its deletion.

Invariant: it is of all tenants' rows, so only the installation's own tenant, `default`, has it.
"""

from datetime import timedelta
from typing import Any

from starlette.responses import Response

from langgraph_multi_agent.access.policy import Permission, Principal
from langgraph_multi_agent.api import schedule_models
from langgraph_multi_agent.api.auth.rules import needs, ruled_router
from langgraph_multi_agent.api.context import PrincipalOf, ServicesOf
from langgraph_multi_agent.api.documents import example, problems
from langgraph_multi_agent.api.problems import Json
from langgraph_multi_agent.domain import errors as faults
from langgraph_multi_agent.domain.task import DEFAULT_TENANT
from langgraph_multi_agent.service.retention import RetentionPlan, RetentionRun

router = ruled_router(tags=["admin"])

RUN_S = 20.0
"""A request deletes for so long and then answers; the caller asks again while it is not complete."""


@router.get(
    "/api/v1/admin/retention",
    response_model=schedule_models.RetentionPlanModel,
    summary="What has passed its time",
    description="Counts rows and finds the oldest of each table; deletes nothing. "
    "For the tenant `default` only: it is about all tenants' rows.",
    responses={
        **problems(faults.PermissionDenied, faults.DependencyUnavailable),
        **example(200, "The plan", schedule_models.RETENTION_PLAN),
    },
)
@needs(Permission.SYSTEM_OPERATE)
async def get_retention_plan(services: ServicesOf, principal: PrincipalOf) -> Response:
    _only_of_the_installation(principal)
    return Json(plan_shape(await services.retention.plan()))


@router.post(
    "/api/v1/admin/retention",
    response_model=schedule_models.RetentionRunModel,
    summary="Delete what has passed its time",
    description="In batches of at most 5,000 rows, for at most 20 s; ask again while `is_complete` is false. "
    "For the tenant `default` only: it is about all tenants' rows.",
    responses={
        **problems(faults.PermissionDenied, faults.DependencyUnavailable),
        **example(200, "What was deleted", schedule_models.RETENTION_RUN),
    },
)
@needs(Permission.SYSTEM_OPERATE)
async def run_retention(services: ServicesOf, principal: PrincipalOf) -> Response:
    _only_of_the_installation(principal)
    return Json(run_shape(await services.retention.run(max_s=RUN_S)))


def _only_of_the_installation(principal: Principal) -> None:
    """Raises PermissionDenied."""
    if principal.tenant != DEFAULT_TENANT:
        words = f"{Permission.SYSTEM_OPERATE.value} (tenant {DEFAULT_TENANT})"
        raise faults.PermissionDenied(permission=words, role=f"{principal.role.word} (tenant {principal.tenant})")


def plan_shape(plan: RetentionPlan) -> dict[str, Any]:
    return {
        "tables": [
            {
                "table": kept.value,
                "older_than_days": plan.policy.age_of(kept) / timedelta(days=1),
                "rows": overdue.rows,
                "oldest": overdue.oldest,
                "is_at_least": overdue.is_at_least,
                "is_at_most": overdue.is_at_most,
            }
            for kept, overdue in plan.tables.items()
        ]
    }


def run_shape(run: RetentionRun) -> dict[str, Any]:
    return {
        "tables": [
            {"table": kept.value, "older_than_days": run.policy.age_of(kept) / timedelta(days=1), "rows": rows}
            for kept, rows in run.tables.items()
        ],
        "is_complete": run.is_complete,
        "is_elsewhere": run.is_elsewhere,
    }
