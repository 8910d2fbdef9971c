"""Examples that the OpenAPI document shows. No answer is ever made from them."""

from typing import Any

NULL = "\N{SYMBOL FOR NULL}"
"""Stands for null until the document is complete: FastAPI drops null values, also from examples."""
MOMENT = "2026-11-22T08:30:00Z"
TASK_ID = "019ab1c2-7d3e-7f40-8a51-2b6c7d8e9f01"
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

TASK_REQUEST: dict[str, Any] = {
    "title": "华东区销售分析",
    "description": "分析 sales.csv 中各地区的销售趋势，找出异常月份，并给出依据。",
    "priority": 3,
    "deadline": "2026-12-31",
    "budget": {"tokens": 200000, "cost": 1.5},
}
TASK: dict[str, Any] = {
    "id": TASK_ID,
    "title": "华东区销售分析",
    "description": "分析 sales.csv 中各地区的销售趋势，找出异常月份，并给出依据。",
    "priority": 3,
    "team": "default",
    "deadline": "2026-12-31T23:59:59Z",
    "assignee": NULL,
    "language": "zh",
    "status": "in_progress",
    "status_detail": NULL,
    "progress": 40,
    "input_data": {},
    "files": [{"name": "sales.csv", "size_bytes": 48213, "media_type": "text/csv", "digest": DIGEST}],
    "budget": {"tokens": 200000, "cost": 1.5},
    "cost": {"input_tokens": 0, "output_tokens": 0, "cost": 0.0, "model_calls": 0},
    "result": NULL,
    "error": NULL,
    "generation": 1,
    "last_seq": 6,
    "created_at": MOMENT,
    "updated_at": MOMENT,
    "started_at": MOMENT,
    "completed_at": NULL,
    "created_by": "li",
    "start_at": NULL,
}
ANSWER_REQUEST: dict[str, Any] = {"question_id": "1/0/understand/1/0", "text": "sales.csv"}
PROBLEM: dict[str, Any] = {
    "type": "urn:lgma:problem:task-not-found",
    "title": "No such task",
    "status": 404,
    "code": "TASK_NOT_FOUND",
    "detail": f"There is no task “{TASK_ID}”, or it was deleted.",
    "hint": "Look up the id in the list of tasks.",
    "errors": [],
    "instance": f"/api/v1/tasks/{TASK_ID}",
    "request_id": "5f2b9c0d1e3a4b67",
}
PLAN: dict[str, Any] = {
    "revision": 1,
    "revisions": [1],
    "reason": "sales.csv 含时间列和两个数值列，趋势与分组比较可以并行。",
    "subtasks": [
        {
            "id": "data_analyst.trend",
            "title": "销售额趋势",
            "capability": "time_series",
            "agent": "data_analyst",
            "depends_on": [],
            "status": "running",
            "reason": "请求提到趋势，表中有时间列。",
            "weight": 1.0,
            "inputs": ["sales.csv"],
            "parameters": {},
            "success_criteria": ["findings_present"],
            "attempts": 1,
            "started_at": MOMENT,
            "completed_at": NULL,
            "summary": NULL,
            "error": NULL,
            "cost": {},
        }
    ],
}
EVENT: dict[str, Any] = {
    "seq": 1,
    "type": "task.submitted",
    "at": MOMENT,
    "agent": NULL,
    "subtask_id": NULL,
    "data": {"title": "华东区销售分析", "team": "default", "priority": 3, "files": ["sales.csv"]},
}
ARTIFACT: dict[str, Any] = {
    "name": "report.html",
    "kind": "report",
    "media_type": "text/html",
    "size_bytes": 20480,
    "digest": DIGEST,
    "created_at": MOMENT,
    "url": f"/api/v1/tasks/{TASK_ID}/artifacts/report.html",
}
QUESTION: dict[str, Any] = {
    "id": "1/0/understand/1/0",
    "kind": "clarification",
    "text": "请求没有说明要分析哪个文件，请选择。",
    "options": ["sales.csv", "returns.csv"],
    "subtask_id": NULL,
}
TEAM: dict[str, Any] = {
    "name": "default",
    "version": "1",
    "title": "内置团队",
    "titles": {"zh": "内置团队", "en": "Built-in team"},
    "agents": [
        {
            "name": "data_analyst",
            "title": "数据分析员",
            "titles": {"zh": "数据分析员", "en": "Data analyst"},
            "capabilities": ["time_series"],
        }
    ],
}
AGENT: dict[str, Any] = {
    "name": "data_analyst",
    "team": "default",
    "title": "数据分析员",
    "titles": {"zh": "数据分析员", "en": "Data analyst"},
    "capabilities": ["time_series"],
    "state": "busy",
    "current": [{"task_id": TASK_ID, "subtask_id": "data_analyst.trend", "since": MOMENT}],
    "completed": 41,
    "failed": 1,
    "success_rate": 0.976,
    "last_activity": MOMENT,
    "last_reset": NULL,
}
LIVENESS: dict[str, Any] = {
    "status": "healthy",
    "service": "langgraph-multi-agent",
    "version": "0.1.0",
    "uptime_s": 3600.0,
    "timestamp": MOMENT,
}
HEALTH: dict[str, Any] = {
    "status": "healthy",
    "draining": False,
    "service": "langgraph-multi-agent",
    "version": "0.1.0",
    "uptime_s": 3600.0,
    "timestamp": MOMENT,
    "dependencies": [{"name": "database", "status": "ok", "latency_ms": 1.2, "detail": ""}],
    "tasks": {"pending": 0, "in_progress": 1},
}
