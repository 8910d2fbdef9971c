"""What is answered, before it is stored; and the links that an answer carries.

Invariant: a link is a path of our own front end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langgraph_multi_agent.domain.task import Task, TaskDraft
from langgraph_multi_agent.i18n import text

PAGES = {
    "tasks": "/tasks",
    "new_task": "/tasks/new",
    "agents": "/agents",
    "analytics": "/analytics",
    "system": "/system",
    "settings": "/settings",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer.

    Attributes:
        draft: the task that is to be made with it.
        request_id: the message that asked for that task, if it is not the one that is answered.
        offer: the request that a yes would make a task of.
        more: further `data` of the answer: which model, what it cost.
    """

    content: str
    citations: tuple[Mapping[str, Any], ...] = ()
    links: tuple[Mapping[str, Any], ...] = ()
    draft: TaskDraft | None = None
    request_id: str | None = None
    offer: str | None = None
    offer_title: str | None = None
    more: Mapping[str, Any] | None = None


def page_link(page: str, language: str) -> dict[str, str]:
    """A link to a page by its name in `PAGES`."""
    return {"kind": "page", "label": text(f"chat.link.{page}", language), "href": PAGES[page]}


def task_link(task: Task) -> dict[str, str]:
    """A link to a task's page."""
    return {"kind": "task", "label": task.title, "href": task_path(task.id)}


def task_path(task_id: str) -> str:
    return f"/tasks/{task_id}"
