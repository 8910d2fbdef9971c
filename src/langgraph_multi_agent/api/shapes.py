"""Values of the domain as the JSON of `/api/v1`. The shapes are described in `models`."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from langgraph_multi_agent.agents.contract import Team
from langgraph_multi_agent.api.problems import task_error
from langgraph_multi_agent.domain.event import Event
from langgraph_multi_agent.domain.result import Question
from langgraph_multi_agent.domain.task import Task
from langgraph_multi_agent.service.agents import AgentStatus
from langgraph_multi_agent.service.plans import PlanView, SubtaskView
from langgraph_multi_agent.service.tasks import StoredArtifact


def task_shape(task: Task, language: str) -> dict[str, Any]:
    return {
        "id": task.id,
        "title": task.title,
        "description": task.description,
        "priority": int(task.priority),
        "team": task.team,
        "deadline": task.deadline,
        "assignee": task.assignee,
        "language": task.language,
        "status": task.status.value,
        "status_detail": task.status_detail,
        "progress": task.progress,
        "input_data": task.input_data,
        "files": [
            {
                "name": item.name,
                "digest": item.digest,
                "size_bytes": item.size_bytes,
                "media_type": item.media_type,
            }
            for item in task.files
        ],
        "budget": {"tokens": task.budget.tokens, "cost": task.budget.cost},
        "cost": {
            "input_tokens": task.cost.input_tokens,
            "output_tokens": task.cost.output_tokens,
            "cost": task.cost.cost,
            "model_calls": task.cost.model_calls,
        },
        "result": task.result,
        "error": task_error(task.error, language) if task.error else None,
        "generation": task.generation,
        "last_seq": task.last_seq,
        "created_at": task.created_at,
        "updated_at": task.updated_at,
        "started_at": task.started_at,
        "completed_at": task.completed_at,
        "created_by": task.created_by,
        "start_at": task.start_at,
    }


def plan_shape(plan: PlanView | None, language: str) -> dict[str, Any]:
    if plan is None:
        return {"revision": 0, "revisions": [], "reason": "", "subtasks": []}
    return {
        "revision": plan.revision,
        "revisions": list(plan.revisions),
        "reason": plan.reason,
        "subtasks": [subtask_shape(view, language) for view in plan.subtasks],
    }


def subtask_shape(view: SubtaskView, language: str) -> dict[str, Any]:
    item = view.subtask
    return {
        "id": item.id,
        "title": item.title,
        "capability": item.capability,
        "agent": view.agent,
        "depends_on": list(item.depends_on),
        "status": view.status.value,
        "reason": item.reason,
        "weight": item.weight,
        "inputs": list(item.inputs),
        "parameters": item.parameters,
        "success_criteria": list(item.success_criteria),
        "attempts": view.attempts,
        "started_at": view.started_at,
        "completed_at": view.completed_at,
        "summary": view.summary,
        "error": task_error(view.error, language) if view.error else None,
        "cost": dict(view.cost),
    }


def event_shape(event: Event, language: str) -> dict[str, Any]:
    """An event; an error inside gets its words, as on the task."""
    data = dict(event.data)
    error = data.get("error")
    if isinstance(error, Mapping) and "code" in error:
        data["error"] = task_error(error, language)
    return {
        "seq": event.seq,
        "type": event.type.value,
        "at": event.at,
        "agent": event.agent,
        "subtask_id": event.subtask_id,
        "data": data,
    }


def artifact_url(task_id: str, name: str) -> str:
    return f"/api/v1/tasks/{quote(task_id, safe='')}/artifacts/{quote(name, safe='')}"


def artifact_shape(task_id: str, stored: StoredArtifact) -> dict[str, Any]:
    return {
        **asdict(stored.ref),
        "created_at": stored.created_at,
        "url": artifact_url(task_id, stored.ref.name),
    }


def question_shape(question: Question) -> dict[str, Any]:
    return {**asdict(question), "options": list(question.options)}


def agent_shape(status: AgentStatus, language: str) -> dict[str, Any]:
    return {
        **asdict(status),
        "title": _title(status.titles, language),
        "titles": dict(status.titles),
        "capabilities": list(status.capabilities),
    }


def team_shape(team: Team, language: str) -> dict[str, Any]:
    return {
        "name": team.name,
        "version": team.version,
        "title": _title(team.titles, language),
        "titles": dict(team.titles),
        "agents": [
            {
                "name": agent.name,
                "title": _title(agent.titles, language),
                "titles": dict(agent.titles),
                "capabilities": list(agent.capabilities),
            }
            for agent in team.agents.values()
        ],
    }


def _title(titles: Mapping[str, str], language: str) -> str:
    return titles.get(language) or next(iter(titles.values()), "")
