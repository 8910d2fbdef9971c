"""Closer looks at one task: its runs, its saved states, its time line."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Path, Query
from starlette.responses import Response

from langgraph_multi_agent.access.policy import Permission
from langgraph_multi_agent.api import inspection_models as models
from langgraph_multi_agent.api.auth.rules import needs, ruled_router
from langgraph_multi_agent.api.context import Language, ScopeOf, ServicesOf
from langgraph_multi_agent.api.documents import READ_PROBLEMS, example, problems
from langgraph_multi_agent.api.problems import NO_STORE, Json, task_error
from langgraph_multi_agent.domain import errors as faults
from langgraph_multi_agent.service.inspection import CheckpointLook, CheckpointNotFound
from langgraph_multi_agent.service.spans import Span
from langgraph_multi_agent.store.inspection import Execution

router = ruled_router(tags=["results"])
TaskId = Annotated[str, Path(max_length=64)]


@router.get(
    "/api/v1/tasks/{task_id}/executions",
    response_model=models.ExecutionList,
    summary="The runs of a task",
    responses={**READ_PROBLEMS, **example(200, "All runs", models.EXECUTIONS)},
)
@needs(Permission.TASKS_READ)
async def list_executions(task_id: TaskId, services: ServicesOf, scope: ScopeOf, language: Language) -> Response:
    found = await services.inspection.executions(scope, task_id)
    return Json({"executions": [execution_shape(item, language) for item in found]}, headers=NO_STORE)


@router.get(
    "/api/v1/tasks/{task_id}/spans",
    response_model=models.SpanList,
    summary="The time line of a task",
    description="Derived from the event log: runs, plans, subtasks, attempts, tool and model calls.",
    responses={**READ_PROBLEMS, **example(200, "All spans", models.SPANS)},
)
@needs(Permission.TASKS_READ)
async def list_spans(task_id: TaskId, services: ServicesOf, scope: ScopeOf) -> Response:
    line = await services.inspection.time_line(scope, task_id)
    body = {
        "first_seq": line.first_seq,
        "last_seq": line.last_seq,
        "is_complete": line.is_complete,
        "spans": [span_shape(span) for span in line.spans],
    }
    return Json(body, headers=NO_STORE)


@router.get(
    "/api/v1/tasks/{task_id}/checkpoints",
    response_model=models.CheckpointList,
    summary="The saved states of a task",
    responses={**READ_PROBLEMS, **example(200, "Checkpoints", {"checkpoints": [models.CHECKPOINT]})},
)
@needs(Permission.TASKS_READ)
async def list_checkpoints(task_id: TaskId, services: ServicesOf, scope: ScopeOf) -> Response:
    found = await services.inspection.checkpoints(scope, task_id)
    return Json({"checkpoints": [checkpoint_shape(item) for item in found]}, headers=NO_STORE)


@router.get(
    "/api/v1/tasks/{task_id}/checkpoints/{checkpoint_id}",
    response_model=models.StateModel,
    summary="One saved state",
    responses={
        **problems(
            faults.TaskNotFound, CheckpointNotFound, faults.InvalidRequest, faults.DependencyUnavailable
        ),
        **example(200, "The state", models.STATE),
    },
)
@needs(Permission.TASKS_READ)
async def get_checkpoint(
    task_id: TaskId,
    checkpoint_id: Annotated[str, Path(max_length=128)],
    services: ServicesOf,
    scope: ScopeOf,
    namespace: Annotated[str, Query(max_length=256, description="Of a subgraph; empty for the graph.")] = "",
) -> Response:
    look, channels = await services.inspection.state(scope, task_id, checkpoint_id, namespace=namespace)
    return Json({**checkpoint_shape(look), "values": [asdict(item) for item in channels]}, headers=NO_STORE)


def execution_shape(item: Execution, language: str) -> dict[str, Any]:
    return {
        "id": item.id,
        "generation": item.generation,
        "epoch": item.epoch,
        "worker": item.worker,
        "status": item.status,
        "started_at": item.started_at,
        "completed_at": item.completed_at,
        "error": task_error({"code": item.error}, language) if item.error else None,
    }


def span_shape(span: Span) -> dict[str, Any]:
    return {
        "id": span.id,
        "kind": span.kind.value,
        "name": span.name,
        "start": span.start,
        "end": span.end,
        "status": span.status.value,
        "parent": span.parent,
        "agent": span.agent,
        "subtask_id": span.subtask_id,
        "generation": span.generation,
        "detail": span.detail,
    }


def checkpoint_shape(item: CheckpointLook) -> dict[str, Any]:
    return {
        "id": item.id,
        "namespace": item.namespace,
        "at": item.at,
        "step": item.step,
        "source": item.source,
        "parent": item.parent,
        "next": list(item.next),
        "channels": list(item.channels),
        "size_bytes": item.size_bytes,
    }
