"""The audit log over HTTP: who did what, for those who may see it."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict
from starlette.responses import Response

from langgraph_multi_agent.access.policy import Permission
from langgraph_multi_agent.api import samples
from langgraph_multi_agent.api.auth.rules import needs, ruled_router
from langgraph_multi_agent.api.context import ScopeOf, ServicesOf
from langgraph_multi_agent.api.documents import example, problems
from langgraph_multi_agent.api.models import not_a_number
from langgraph_multi_agent.api.problems import NO_STORE, Json
from langgraph_multi_agent.domain import errors as faults
from langgraph_multi_agent.domain.errors import InvalidRequest
from langgraph_multi_agent.service.audit import MAX_PAGE
from langgraph_multi_agent.store.audit import Recorded

router = ruled_router(tags=["access"])

MAX_SEQ = 2**63 - 1
Since = Annotated[AwareDatetime, BeforeValidator(not_a_number)]
NO_NUL = r"^[^\x00]*$"
"""No row has that character, and PostgreSQL refuses to look for it."""
ROW: dict[str, Any] = {
    "seq": 4711,
    "at": samples.MOMENT,
    "actor": "li",
    "means": "session",
    "action": "task.cancel",
    "target": samples.TASK_ID,
    "result": "200",
    "request_id": "6f1c2b9d8e7a4c35",
    "address": "192.0.2.10",
    "details": {},
    "hash": samples.DIGEST,
}


class AuditRow(BaseModel):
    """One thing that somebody did, or was refused.

    Attributes:
        seq: numbers of all tenants together, so a tenant's own have gaps.
        result: a status, or the code of an error.
        hash: SHA-256 over the row and the hash of the one before.
    """

    model_config = ConfigDict(extra="forbid")

    seq: int
    at: datetime
    actor: str
    means: str
    action: str
    target: str
    result: str
    request_id: str
    address: str
    details: dict[str, Any]
    hash: str


class AuditPage(BaseModel):
    """`next` is the `before` of the following page; null on the last."""

    model_config = ConfigDict(extra="forbid")

    rows: list[AuditRow]
    next: int | None


@router.get(
    "/api/v1/audit",
    response_model=AuditPage,
    summary="Who did what",
    description="The tenant's own rows, newest first: log-ins, changes, and who was refused.",
    responses={
        **problems(faults.InvalidRequest, faults.DependencyUnavailable),
        **example(200, "A page", {"rows": [ROW], "next": samples.NULL}),
    },
)
@needs(Permission.AUDIT_READ)
async def list_audit(  # noqa: PLR0917 - FastAPI calls it by name
    services: ServicesOf,
    scope: ScopeOf,
    actor: Annotated[str | None, Query(max_length=128, pattern=NO_NUL, description="Only what this one did.")] = None,
    action: Annotated[str | None, Query(max_length=64, pattern=NO_NUL, description="As `task.cancel`.")] = None,
    since: Annotated[Since | None, Query(description="Not what was before.")] = None,
    before: Annotated[int | None, Query(ge=1, le=MAX_SEQ, description="Numbers below this one.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> Response:
    found = await services.audit.page(
        scope, actor=actor, action=action, since=_utc(since), before=before, limit=limit + 1
    )
    rows = found[:limit]
    body = {"rows": [row_shape(row) for row in rows], "next": rows[-1].seq if len(found) > limit else None}
    return Json(body, headers=NO_STORE)


def _utc(moment: datetime | None) -> datetime | None:
    try:
        return None if moment is None else moment.astimezone(UTC)
    except OverflowError:  # its offset moves it out of the years 1 to 9999
        raise InvalidRequest(errors=[{"field": "since", "code": "not_a_date"}]) from None


def row_shape(row: Recorded) -> dict[str, Any]:
    return {
        "seq": row.seq,
        "at": row.at,
        "actor": row.actor,
        "means": row.means,
        "action": row.action,
        "target": row.target,
        "result": row.result,
        "request_id": row.request_id,
        "address": row.address,
        "details": row.details,
        "hash": row.hash,
    }
